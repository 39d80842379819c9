"""A store of a test's own."""

from pathlib import Path

import pytest

from inkproof.runtime import paths
from inkproof.tracking import mlflow_store as store


def use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `folder` stand for the repository's root, where its store is; undone with `patch`."""
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setattr(paths, "ROOT", folder)
    patch.setattr(store, "ROOT", folder)
