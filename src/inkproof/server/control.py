"""What src/server.py does: start and stop the server, say how it is, and add users."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time

import requests
from filelock import FileLock, Timeout

from inkproof.config.compose import typed
from inkproof.config.stages import ServerConfig
from inkproof.runtime.errors import UserError
from inkproof.server.parts import ADMIN, FOLDER, PASSWORDS, SOON, address, check, parts, passwords, works
from inkproof.server.supervisor import ADDRESS, LARGE, LOGS, MARK, STOPPING, Supervisor, end_marked, marked

LOCK = FileLock(FOLDER / "lock")  # of the supervisor
PID = FOLDER / "pid"


def run(config: ServerConfig) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C; for systemd and containers.

    Raises UserError if it cannot start. Nothing of it is left running then.
    """
    _make_folder()
    try:
        LOCK.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{FOLDER}: the server runs already; `make server-stop` stops it") from None
    with LOCK:
        if left := end_marked():
            print(f"ended {left} processes that a killed supervisor had left")
        check(config)
        PID.write_text(f"{os.getpid()}\n")
        asyncio.run(Supervisor(config, parts(config)).run())


def start(config: ServerConfig) -> None:
    """Start the server in the background; return when everything answers, and print how to use it.

    Raises UserError, with the reason, if it does not start.
    """
    _make_folder()
    if _runs():
        print(f"The server runs already. `make server-stop` stops it.\n{_how_to_use(config)}")
        return
    ADDRESS.unlink(missing_ok=True)
    log = LOGS / "supervisor.log"
    print(f"Starting PostgreSQL, S3 and MLflow; their logs are in {LOGS}", flush=True)
    with log.open("a") as file:
        began = file.tell()
        command = [sys.executable, sys.argv[0], "run", *typed()]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, cwd=FOLDER.parent
        )
    try:
        while not ADDRESS.exists():
            if process.poll() is not None:
                lines = log.read_bytes()[began:].decode(errors="replace").strip().splitlines() or ["it ended at once"]
                raise UserError(lines[-1].partition(": error: ")[2] or lines[-1])
            time.sleep(0.2)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    print(_how_to_use(config))


def stop() -> None:
    """Stop the server; its data and passwords stay."""
    if not _runs():
        left = end_marked()
        print("The server does not run." if not left else f"Ended {left} processes of a server without a supervisor.")
        return
    os.kill(int(PID.read_text()), signal.SIGTERM)
    end = time.monotonic() + 4 * STOPPING
    while _runs():
        if time.monotonic() > end:
            raise UserError(f"the server has not stopped within {4 * STOPPING} s; see {LOGS / 'supervisor.log'}")
        time.sleep(0.2)
    print("The server is stopped.")


def status(config: ServerConfig) -> None:
    """Print a line for each part; raise UserError if the server does not run or does not answer."""
    if not _runs():
        raise UserError("the server does not run; `make server` starts it")
    found: dict[str, list[int]] = {}
    for process in marked():
        found.setdefault(process.environ()[MARK].rpartition(":")[2], []).append(process.pid)
    for name, processes in sorted(found.items()):
        print(f"{name}: runs, process {min(processes)}")
    for path in sorted(FOLDER.glob("*.down")):
        print(f"{path.stem}: down while {path} exists")
    if not ADDRESS.exists() or not works(config, _address()):
        raise UserError(f"the server does not answer; see {LOGS}")
    print(f"MLflow, its database and its artifacts answer on {_address()}")


def add_user(config: ServerConfig) -> None:
    """Add a user to MLflow with a generated password, which is printed once and kept nowhere.

    Raises UserError if there is such a user, or the server does not run.
    """
    if config.name is None:
        raise UserError("name: expected the name of the new user, as in: python src/server.py user name=anna")
    if not _runs() or not ADDRESS.exists():
        raise UserError("the server does not run; `make server` starts it")
    password = secrets.token_urlsafe(12)
    sent = requests.post(
        f"{_address()}/api/2.0/mlflow/users/create",
        json={"username": config.name, "password": password},
        auth=(ADMIN, passwords()["mlflow_admin"]),
        timeout=SOON,
    )
    if "RESOURCE_ALREADY_EXISTS" in sent.text:
        raise UserError(f"name={config.name}: there is such a user; only MLflow's page changes a password")
    if not sent.ok:
        raise UserError(f"name={config.name}: MLflow refuses it ({' '.join(sent.text.split())[:200]})")
    print(f"export MLFLOW_TRACKING_USERNAME={config.name}\nexport MLFLOW_TRACKING_PASSWORD={password}")


def _make_folder() -> None:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    LOGS.mkdir(mode=0o700, exist_ok=True)
    for path in LOGS.glob("*.log"):
        if path.stat().st_size > LARGE and not _runs():
            path.replace(path.with_suffix(".log.old"))


def _runs() -> bool:
    """Return whether a supervisor holds the lock."""
    if not FOLDER.is_dir():
        return False
    try:
        with LOCK.acquire(timeout=0):
            return False
    except Timeout:
        return True


def _address() -> str:
    return ADDRESS.read_text().strip()


def _how_to_use(config: ServerConfig) -> str:
    if not ADDRESS.exists():
        return f"It does not answer yet; see {LOGS}"
    lines = [
        f"MLflow: {_address()}",
        "A client sets three variables; `python src/server.py user name=NAME` adds a user and prints the last two:",
        f"  export MLFLOW_TRACKING_URI={_address()}",
        f"  export MLFLOW_TRACKING_USERNAME={ADMIN}",
        f"  export MLFLOW_TRACKING_PASSWORD=...    # mlflow_admin in {PASSWORDS}",
    ]
    if config.host == "0.0.0.0":
        lines.append("On other machines, write this machine's name or address in place of 127.0.0.1.")
    if config.s3 is None:
        lines.append(f"S3: {address(config, config.s3_port)}, bucket {config.bucket}; its keys are in the same file")
    return "\n".join(lines)
