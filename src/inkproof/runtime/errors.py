"""The exceptions for mistakes and conditions that a user can fix."""


class UserError(Exception):
    """A mistake or a condition the user can fix; its message is one line: what, where, what to do.

    Entry points print the message without a traceback and exit with code 2.
    """


class MissingKey(UserError):
    """A key that a configuration lacks; its message begins with the key."""


class Diverged(UserError):
    """A training whose loss is not a number any more. Another configuration may train."""
