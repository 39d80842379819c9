"""A tracker of a test's own."""

from pathlib import Path

import pytest

from inkproof.runtime import paths
from inkproof.tracking import mlflow_tracker as tracker


def use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `folder` stand for the repository's root, where its tracker is; undone with `patch`."""
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setattr(paths, "ROOT", folder)
    patch.setattr(tracker, "ROOT", folder)
