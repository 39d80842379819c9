"""A tracking store of a test's own."""

from pathlib import Path

import pytest

from inkproof.runtime import paths
from inkproof.tracking import mlflow_tracker as tracker


def use(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `folder` be the repository's root, where the tracking store is, until `patch` is undone."""
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setattr(paths, "ROOT", folder)
    patch.setattr(tracker, "ROOT", folder)
