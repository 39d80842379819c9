"""Where the repository is. Every default path is below ROOT, whatever the current folder is.

`dvc exp run --temp` and `--queue` run stages in a copy of the repository and delete it. What must outlive that copy is
below HOME: the runs and the MLflow store.
"""

import os
from pathlib import Path
from urllib.parse import unquote

from inkproof.runtime.errors import UserError


def home_of(root: Path) -> Path:
    """Return the repository that DVC copied to `root`, or `root` itself if it is not such a copy.

    The copies lie in .dvc/tmp/exps. Their place is also known to commands that DVC has not started, which have none of
    its environment variables. An outer pipeline's variables do not mislead it.
    """
    return next((folder.parents[2] for folder in root.parents if folder.parts[-3:] == (".dvc", "tmp", "exps")), root)


ROOT = Path(__file__).resolve().parents[3]
HOME = home_of(ROOT)
MINE = ROOT / "data" / "drawn" / "mine"  # the set of the user's own drawings
UI = "http://127.0.0.1:5000"  # where `make ui` serves


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the SQLite file in the repository's root that `mlflow ui` opens by default.

    Raises UserError if the path of that file cannot stand in an address: MLflow would use one path for the database and
    another for its folder.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given and ("?" in str(HOME) or unquote(str(HOME)) != str(HOME)):
        raise UserError(f"{HOME}: MLflow cannot read a path with ? or with %20 and the like; rename the folder")
    return given or f"sqlite:///{HOME / 'mlflow.db'}"


def database_file(uri: str) -> Path | None:
    """Return the file of a local store, or None if `uri` is a server or a database in memory."""
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(unquote(path)) if path and uri.startswith("sqlite:///") else None


def has_tracking_store() -> bool:
    """Return whether the store exists. Opening a database that does not exist would create it."""
    file = database_file(tracking_uri())
    return file is None or file.exists()


def require_tracking_store() -> None:
    """Raise UserError if the store does not exist."""
    if not has_tracking_store():
        raise UserError(f"MLflow store {tracking_uri()}: no database there; src/train.py makes it")
