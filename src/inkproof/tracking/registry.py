"""Registered models: the champion version, and the exported files of a version's run."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from inkproof.runtime.errors import UserError
from inkproof.tracking.mlflow_tracker import Tracker


def registered_name(data: str) -> str:
    """Return the name under which the models of a dataset are registered."""
    return f"inkproof-{data}"


def set_champion(tracker: Tracker, name: str, run_id: str) -> None:
    """Point the alias `champion` of a registered model at the version that came from `run_id`.

    If that run has none, the alias stays as it is, and stderr says so.
    """
    versions = tracker.client.search_model_versions(f"name='{name}' and run_id='{run_id}'")
    if not versions:
        reason = "its run has no registered version; train it with run.register=true run.force=true"
        print(f"{name}: the champion is not moved: {reason}", file=sys.stderr)
        return
    newest = max(versions, key=lambda one: int(one.version))
    tracker.client.set_registered_model_alias(name, "champion", newest.version)


def copy_export(tracker: Tracker, address: str, names: Sequence[str], folder: Path) -> Path:
    """Copy an export of a registered model to `folder` and return where it is.

    `address` is models:/NAME@ALIAS or models:/NAME/VERSION. The first of the files `names` that is among the exports of
    the model's run is copied. Raises UserError for an unknown model, or for one whose run has none of the files.
    """
    found = re.fullmatch(r"models:/(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<version>[0-9]+))", address)
    if found is None:
        raise UserError(f"{address}: write models:/NAME@ALIAS or models:/NAME/VERSION")
    try:
        if found["alias"]:
            model = tracker.client.get_model_version_by_alias(found["name"], found["alias"])
        else:
            model = tracker.client.get_model_version(found["name"], found["version"])
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        known = ", ".join(_addresses(tracker)) or "none yet; src/train.py registers what it trains"
        raise UserError(f"{address}: unknown registered model; choose one of: {known}") from None
    stored = [item.path for item in tracker.client.list_artifacts(str(model.run_id), "exports")]
    path = next((f"exports/{name}" for name in names if f"exports/{name}" in stored), None)
    if path is None:
        raise UserError(f"{address}: its run has no export {' or '.join(names)}; src/export.py run=... makes it")
    return Path(mlflow.artifacts.download_artifacts(run_id=model.run_id, artifact_path=path, dst_path=str(folder)))


def _addresses(tracker: Tracker) -> Iterator[str]:
    """The addresses of the registered models: their aliases, and their newest versions."""
    for model in tracker.client.search_registered_models():
        versions = sorted((int(one.version) for one in model.latest_versions), reverse=True)
        yield from (f"models:/{model.name}@{alias}" for alias in sorted(model.aliases))
        yield from (f"models:/{model.name}/{version}" for version in versions[:1])
