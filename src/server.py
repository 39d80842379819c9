"""Run the tracking server of several machines: python src/server.py [start|stop|status|user|run] [port=5050].

Commands:
  start        start PostgreSQL, an S3 store and MLflow in the background, and wait until they answer
  stop         stop them; data and passwords stay
  status       print a line for each part; exit code 2 if the server does not answer
  user         add a user to MLflow and print the password once: python src/server.py user name=anna
  run          start them in the foreground, for systemd
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import call_named, entry
from inkproof.config.stages import ServerConfig


@entry(ServerConfig)
def start(config: ServerConfig) -> None:
    """Start in the background."""
    from inkproof.server.control import start

    start(config)


@entry(ServerConfig)
def run(config: ServerConfig) -> None:
    """Run in the foreground until SIGTERM or Ctrl-C."""
    from inkproof.server.control import run

    run(config)


@entry(ServerConfig)
def stop(config: ServerConfig) -> None:
    """Stop what `start` or `run` started."""
    from inkproof.server.control import stop

    stop()


@entry(ServerConfig)
def status(config: ServerConfig) -> None:
    """Say how the parts are."""
    from inkproof.server.control import status

    status(config)


@entry(ServerConfig)
def user(config: ServerConfig) -> None:
    """Add a user."""
    from inkproof.server.control import add_user

    add_user(config)


if __name__ == "__main__":
    call_named(start, start=start, run=run, stop=stop, status=status, user=user)
