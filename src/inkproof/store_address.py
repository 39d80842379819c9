"""Where the tracking store is, whether it is there, and what its faults mean."""

import os
from pathlib import Path

from inkproof.errors import UserError
from inkproof.paths import ROOT


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the SQLite file in the repository's root that `mlflow ui` opens by default."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{ROOT / 'mlflow.db'}"


def database_file(uri: str) -> Path | None:
    """Return the file of a local store, None where `uri` names none: a server, or a database in memory."""
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(path) if path and uri.startswith("sqlite:///") else None


def has_store() -> bool:
    """Return whether there is a store to look into: opening a database that does not exist would make it."""
    file = database_file(tracking_uri())
    return file is None or file.exists()


def require_store() -> None:
    """Raise UserError where the store to be looked into does not exist."""
    if not has_store():
        raise UserError(f"MLflow store {tracking_uri()}: there is no such database; src/train.py makes it")


def explain(error: BaseException) -> str | None:
    """Return one line for a fault of the tracking store that a user can mend, or None for any other error."""
    if type(error).__module__.split(".")[0] not in ("mlflow", "sqlalchemy", "sqlite3", "requests"):
        return None
    text = " ".join(str(error).split())
    for sign, advice in {
        "database is locked": "another program holds the database; close it and give the same command again",
        "unable to open database": "the folder is missing or not writable",
        "readonly database": "the file is not writable",
        "database or disk is full": "the disk is full; make room and give the same command again",
        "file is not a database": "the file is damaged; move it away and a new one is made",
        "detected out-of-date database schema": "it was made by another MLflow version; run `mlflow db upgrade` on it",
        "Max retries exceeded": "the tracking server does not answer; check MLFLOW_TRACKING_URI",
        "unsupported URI": "no kind of store that MLflow knows; check MLFLOW_TRACKING_URI",
    }.items():
        if sign.lower() in text.lower():
            return f"MLflow store {tracking_uri()}: {sign}: {advice}"
    return None
