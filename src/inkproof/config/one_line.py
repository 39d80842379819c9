"""A mistake of the user ends in one line and exit code 2."""

import difflib
import errno
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT, tracking_uri
from inkproof.runtime.startup import not_installed

# Conditions of the machine, not of the code: they need one line, not a traceback.
FIXABLE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a file is where a folder should be",
    errno.EEXIST: "a file is where a folder should be",
    errno.EISDIR: "a folder is where a file should be",
    errno.EFBIG: "a file would be larger than this system allows",
    errno.ENAMETOOLONG: "the name is too long",
}


def run(
    script: str, work: Callable[[], Any], interrupted: str = "interrupted; run the same command again to resume"
) -> None:
    """Call `work`. For an error that a user can fix, print one line that begins with `script` and exit with 2.

    Ctrl-C and SIGTERM print the line `interrupted` and exit with 130. For any other error the last line, after the
    traceback, says what to do.
    """
    for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
        if getattr(sys, name) is None:  # closed by who started the process; another file could take its number
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work()
    except KeyboardInterrupt:
        print(f"{script}: {interrupted}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the lines has stopped, as `head` does. What is still buffered is dropped.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if explain(error) is None:
            traceback.print_exc()
            line = f"unexpected error: {in_one_line(error)}; please report it with the lines above"
            print(f"{script}: {line}", file=sys.stderr)
            sys.exit(1)
        fail(script, error)


def fail(script: str, error: Exception) -> NoReturn:
    """End the process with the line that `explain` has for `error`, and exit code 2."""
    line = (explain(error) or "").replace("\n", "\\n").replace("\r", "\\r")  # a file's name may have them
    print(f"{script}: error: {line}", file=sys.stderr)
    sys.exit(2)


def explain(error: BaseException) -> str | None:
    """Return the line that tells a user how to fix `error`, or None if a user cannot fix it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FileNotFoundError) and not _has_working_folder():
        return "the working folder was deleted; change to another folder and run the same command again"
    if isinstance(error, OSError) and error.errno in FIXABLE:
        where = f": {error.filename}" if error.filename else ""
        return f"{FIXABLE[error.errno]}{where}; fix it and run the same command again"
    if isinstance(error, FileNotFoundError) and str(error.filename).startswith(("/proc/", "/sys/", "/dev/")):
        return f"{error.filename}: the system allows no new files there; choose another folder"
    if type(error).__module__.split(".")[0] in ("hydra", "omegaconf"):
        return _explain_config(error)
    if type(error).__module__.split(".")[0] == "yaml":  # a file of conf/ that Hydra reads
        return f"not readable as YAML: {' '.join(str(error).split())}; a tab cannot indent, and quotes must be closed"
    if isinstance(error, ValueError) and str(error).startswith("Config group override"):  # Hydra's own for model=1
        return f"model=, data=, aug= and the other groups take the name of a file in conf/: {error}"
    return explain_tracking(error) or not_installed(error)


def _has_working_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  (Path has no way that says less)
    except FileNotFoundError:
        return False
    return True


def in_one_line(error: BaseException) -> str:
    """Return the line that `explain` has for an error, or else its type and message."""
    return explain(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"


def _explain_config(error: BaseException) -> str | None:
    from hydra.errors import InstantiationException, MissingConfigException, OverrideParseException

    text = " ".join(str(error).split())
    if twice := re.match(r"Multiple values for (\S+)\. .* 'override \S+: (.*)'", text):
        word = "=".join(twice.groups())
        return f"+{word}: {twice[1]} is chosen already; write {word} without the +"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return unknown(f"{group}={name}", group, name, sorted(error.options or []))
    if isinstance(error, OverrideParseException):
        return _explain_override(str(error.override), str(error).splitlines()[0])
    if isinstance(error, InstantiationException):
        return f"this configuration cannot be built: {text}"
    if several := re.match(r"Ambiguous value for argument '([^=]*)=(.*?)' 1\.", text):
        key, values = several[1], several[2].replace(", ", ",")
        a_list = "" if (ROOT / "conf" / key).is_dir() else f", or write '{key}=[{values}]' for a list"
        return f"{key}={values}: several values; add -m for a run with each{a_list}"
    cause: Any = error.__cause__
    parent = getattr(cause, "parent_node", None)
    if parent is not None and getattr(cause, "full_key", None):
        return _explain_key(str(cause.full_key), str(cause.key), dict(parent.items_ex(resolve=False)))
    return text


def _explain_override(word: str, reason: str) -> str:
    """The line for a `word` of the command line that Hydra cannot read."""
    key, _, value = word.partition("=")
    if not value or not key:  # as in model = cnn
        return f"{word}: write key=value, without spaces around ="
    if word.endswith(","):
        return f"{word} a space ends the value; write the values without spaces: -m {word}..."
    if value and "=" in value and not value.startswith(("'", '"')):
        return f"{word}: a value with = needs quotes within quotes: '{key}=\"{value}\"'"
    return f"cannot read the override {word!r}: write key=value ({reason})"


def _explain_key(full: str, name: str, parent: Any) -> str:
    """The line for a key that the mapping `parent` does not have."""
    keys = sorted(str(key) for key in parent if not str(key).startswith(("_", "hydra")))
    if full in ("lr", "learning_rate", "optimizer.lr"):  # as other programs call it
        return f"{full}: unknown key; did you mean optimizer.learning_rate?"
    if full == name:  # at the top: perhaps a key of a part
        parts = [key for key in keys if isinstance(part := parent[key], Mapping) and name in part]
        if parts:
            return f"{full}: unknown key; did you mean {' or '.join(f'{part}.{name}' for part in parts)}?"
    target = str(parent.get("_target_", "inkproof."))
    line = unknown(full, "key", name, keys)
    return line if target.startswith("inkproof.") else f"{line}; for another argument of {target} write +{full}=..."


def unknown(what: str, kind: str, name: str, choices: Sequence[str]) -> str:
    """Return one line for a `name` that is not one of `choices`, with the most similar choice."""
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{what}: unknown {kind}; {hint}choose one of: {', '.join(choices)}"


def explain_tracking(error: BaseException) -> str | None:
    """Return one line for an error of MLflow's store that a user can fix, or None for any other error."""
    if type(error).__module__.split(".")[0] not in ("mlflow", "sqlalchemy", "sqlite3", "requests"):
        return None
    text = " ".join(str(error).split())
    for sign, advice in {
        "database is locked": "another program holds the database; close it and run the same command again",
        "unable to open database": "the folder is missing or not writable; check MLFLOW_TRACKING_URI",
        "readonly database": "the file is not writable; change its permissions",
        "disk I/O error": "the disk is full, or a limit on file sizes is reached",
        "database or disk is full": "the disk is full; make room and run the same command again",
        "file is not a database": "the file is damaged; move it away, and the next run makes a new one",
        "disk image is malformed": "the file is damaged; move it away, and the next run makes a new one",
        "detected out-of-date database schema": "it was made by another MLflow version; run `mlflow db upgrade` on it",
        "Max retries exceeded": "the tracking server does not answer; check MLFLOW_TRACKING_URI",
        "unsupported URI": "MLflow does not support such a store; check MLFLOW_TRACKING_URI",
    }.items():
        if sign.lower() in text.lower():
            return f"MLflow store {tracking_uri()}: {sign}: {advice}"
    if any(kind.__name__ == "MlflowException" for kind in type(error).__mro__):  # 401, 403, 404 of a server among them
        return f"MLflow store {tracking_uri()}: {text}; check MLFLOW_TRACKING_URI and what it allows you"
    return None
