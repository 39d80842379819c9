"""A tracking store of a test's own."""

from pathlib import Path

import pytest

from inkproof.runtime import paths
from inkproof.tracking import mlflow_tracker as tracker
from inkproof.tracking import run, run_metadata


def use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `folder` be the repository's root, where the tracking store is, until `patch` is undone."""
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setattr(paths, "HOME", folder)
    for module in (tracker, run, run_metadata):
        patch.setattr(module, "HOME", folder)
