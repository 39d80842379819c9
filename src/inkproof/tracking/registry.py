"""Registered models: the versions with an alias, and the exported files of a version's run."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.runtime.startup import quiet_stderr
from inkproof.tracking.mlflow_tracker import REGISTER_AS, Tracker
from inkproof.tracking.run_metadata import NOTE

NEEDED = ("ai-edge-litert", "numpy", "pillow")  # by exporting/registered_model.py, beside MLflow
COPIED_TAGS = ("model", "aug", "data", "key", "git_commit")  # from the run to its version
CANVAS_SHA = "canvas_sha256"
ABOUT = (
    "Versions are exported canvas.tflite files. The alias champion is on the best model of the pipeline by validation, "
    "of those trained on this dataset. The alias deploy is on the model to deploy of the report: the best one with a "
    "small file, of all datasets that the report shows."
)


def registered_name(data: str) -> str:
    """Return the name under which the models of a dataset are registered."""
    return f"inkproof-{data}"


def register_canvas(
    tracker: Tracker, run_id: str, code: Path, canvas: Path, config: Mapping[str, Any], example: list[Any]
) -> str | None:
    """Register a canvas file as the model of its run, if its training asked for it; return the version, or None.

    The model is the script `code`, which gets the file as `canvas` and `config`, and an input `example`. It loads
    without this package. A file that is registered already, known by its SHA-256, keeps its version with its tags and
    its description. Another file of the same run gets a new version.
    """
    run = tracker.client.get_run(run_id)
    if (name := run.data.tags.get(REGISTER_AS)) is None:
        return None
    sha = sha256_of(canvas)
    for known in tracker.client.search_model_versions(f"name='{name}' and run_id='{run_id}'"):
        if known.tags.get(CANVAS_SHA) == sha:
            return str(known.version)
    with quiet_stderr():  # MLflow prints each step
        made = mlflow.models.Model.log(
            None,
            mlflow.pyfunc,
            name="canvas",
            run_id=run_id,
            python_model=str(code),
            artifacts={"canvas": str(canvas)},
            model_config=dict(config),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in NEEDED],
        )
        tags = {tag: run.data.tags[tag] for tag in COPIED_TAGS if tag in run.data.tags}
        new = mlflow.register_model(made.model_uri, name, tags={**tags, CANVAS_SHA: sha})
    about = f"{canvas.name} of the run {run.info.run_name}: predict([path, bytes or array of an image]) gives its digit"
    measured = run.data.metrics.get("test_acc")
    accuracy = "" if measured is None else f"Test accuracy {measured:.2%}."
    text = "\n\n".join(filter(None, (about, run.data.tags.get(NOTE), accuracy)))
    tracker.client.update_model_version(name, new.version, text)
    return str(new.version)


CHAMPION, DEPLOY = "champion", "deploy"


def set_alias(tracker: Tracker, alias: str, name: str, run_id: str) -> None:
    """Point an alias of a registered model, CHAMPION or DEPLOY, at the version that came from `run_id`.

    A model without a description gets one that says what the aliases mean. If that run has no version, the alias stays
    as it is, and stderr says so.
    """
    versions = tracker.client.search_model_versions(f"name='{name}' and run_id='{run_id}'")
    if not versions:
        reason = "its run has no registered version; src/export.py makes one if it was trained with run.register=true"
        print(f"{name}: the alias {alias} is not moved: {reason}", file=sys.stderr)
        return
    newest = max(versions, key=lambda one: int(one.version))
    tracker.client.set_registered_model_alias(name, alias, newest.version)
    if not tracker.client.get_registered_model(name).description:
        tracker.client.update_registered_model(name, ABOUT)


def remove_alias(tracker: Tracker, alias: str, name: str) -> None:
    """Take an alias off a registered model, if there is such a model and it has the alias.

    If the server lets only the model's owner do so, the alias stays, and stderr says so.
    """
    for model in tracker.client.search_registered_models(f"name='{name}'"):
        if alias not in model.aliases:
            continue
        try:
            tracker.client.delete_registered_model_alias(name, alias)
        except MlflowException as error:
            if error.error_code != "PERMISSION_DENIED":
                raise
            reason = "only the user who made this registered model may take it off, and the server's admin"
            print(f"{name}: the alias {alias} stays: {reason}", file=sys.stderr)


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
        known = ", ".join(_addresses(tracker)) or "none yet; src/export.py registers what it exports"
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
