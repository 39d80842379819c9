"""Where the repository is. Every default path is below ROOT, whatever the current folder is."""

import os
from pathlib import Path

from inkproof.runtime.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
MINE = ROOT / "data" / "drawn" / "mine"  # the set of the user's own drawings


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the SQLite file in the repository's root that `mlflow ui` opens by default.

    Raises UserError if the path of that file cannot stand in an address.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given and "?" in str(ROOT):
        raise UserError(f"{ROOT}: MLflow cannot read a path with a question mark; rename the folder")
    return given or f"sqlite:///{ROOT / 'mlflow.db'}"


def database_file(uri: str) -> Path | None:
    """Return the file of a local store, or None if `uri` is a server or a database in memory."""
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(path) if path and uri.startswith("sqlite:///") else None


def has_tracking_store() -> bool:
    """Return whether the store exists. Opening a database that does not exist would create it."""
    file = database_file(tracking_uri())
    return file is None or file.exists()


def require_tracking_store() -> None:
    """Raise UserError if the store does not exist."""
    if not has_tracking_store():
        raise UserError(f"MLflow store {tracking_uri()}: no database there; src/train.py makes it")
