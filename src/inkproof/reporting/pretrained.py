"""The run that models/pretrained is made of: what the stages left of it, read back and held against each other."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkproof.exporting.files import CANVAS_FILES, kilobytes
from inkproof.exporting.metadata import read_metadata
from inkproof.reporting.results import read_object
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata

WEIGHTS = "model.keras"
CANVAS = CANVAS_FILES["float32"]
LIMITS = {CANVAS: 2_000_000, WEIGHTS: 4_000_000}
"""Bytes that each file may have at most: git keeps them for good, and every clone downloads them."""


PARTS = ("test", "corruptions", "export", "rejection", "drawn")
TRIED = "starter"
"""The set on which the files are tried: it is the one that every clone has."""


@dataclass(frozen=True)
class PretrainedRun:
    """A finished run, called `name` in params.yaml.

    `canvas` and `weights` are the paths of its files, `metadata` is what canvas.tflite says about itself; `test`,
    `corruptions`, `export`, `rejection` and `drawn` are as in the JSON files of these names, `timing` is empty where
    latencies were not measured.
    """

    name: str
    canvas: Path
    weights: Path
    report: Path
    record: RunMetadata
    metadata: Mapping[str, Any]
    test: Mapping[str, Any]
    corruptions: Mapping[str, Any]
    export: Mapping[str, Any]
    rejection: Mapping[str, Any]
    drawn: Mapping[str, Mapping[str, Any]]
    timing: Mapping[str, Any]


def command(name: str) -> str:
    """Return what is typed to make all files of the run `name`."""
    return "dvc repro " + " ".join(f"{stage}@{name}" for stage in ("drawn", "evaluate", "export"))


def load_run(name: str, folder: Path, exports: Path, report: Path) -> PretrainedRun:
    """Return the run `name` of `folder` (model.keras, run.json), its canvas.tflite in `exports` and its `report`.

    Raises UserError where a file is missing, cannot be read, or was made of another model than the others.
    """
    canvas, weights = exports / CANVAS, folder / WEIGHTS
    needed = [weights, folder / "run.json", canvas, *(report / f"{part}.json" for part in PARTS)]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more files are" if len(missing) > 1 else " is"
        raise UserError(f"{missing[0]}{more} missing; run `{command(name)}` first")
    parts = {part: read_object(report / f"{part}.json") for part in PARTS}
    timing = read_object(report / "timing.json") if (report / "timing.json").is_file() else {}
    record = RunMetadata.read(folder)
    run = PretrainedRun(name, canvas, weights, report, record, read_metadata(canvas), **parts, timing=timing)
    _check_reports(run)
    return run


def _check_reports(run: PretrainedRun) -> None:
    """Raise UserError where a report quotes other figures than the files have that it should be about."""
    record, said = run.record, run.metadata
    trained: dict[str, Any] = {key: record.config[key]["name"] for key in ("data", "model", "aug")}
    trained |= {"seed": record.config["seed"], "val_accuracy": record.metrics.get("val_accuracy")}
    trained |= {key: record.metrics.get(key) for key in ("parameters", "epochs", "best_epoch")}
    rule = {key: said.get(key) for key in ("rule", "temperature")}
    canvas = rule | {"kb": kilobytes(run.canvas)}
    rejection = rule | {"threshold": said.get("threshold")}
    own = {"name": f"{trained['data']}-{trained['model']}"}
    for path, expected, found, stage in (
        (run.canvas, {"model": run.name}, said, "export"),
        (run.weights.parent / "run.json", {"name": run.name}, own, "train"),
        (run.report / "test.json", trained, run.test, "evaluate"),
        (run.report / "export.json", canvas, run.export.get("canvas", {}), "export"),
        (run.report / "rejection.json", rejection, run.rejection, "export"),
    ):
        for key, value in expected.items():
            if found.get(key) != value:
                raise UserError(
                    f"{path}: not of the same model as the other files of {run.name} ({key} is {found.get(key)} "
                    f"there, {value} elsewhere); run `dvc repro {stage}@{run.name}`"
                )


def check_files(run: PretrainedRun) -> None:
    """Raise UserError where a file is larger than `LIMITS` allow, or the weights come with an optimizer."""
    for path in (run.canvas, run.weights):
        size, limit = path.stat().st_size, LIMITS[path.name]
        if size > limit:
            raise UserError(
                f"{path}: {size:,} bytes, more than the {limit:,} that models/pretrained may hold of it; "
                "choose a smaller model"
            )
    try:
        with zipfile.ZipFile(run.weights) as archive:
            compiled = json.loads(archive.read("config.json")).get("compile_config")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{run.weights}: not a readable Keras model ({error}); train the model again") from error
    if compiled:
        raise UserError(f"{run.weights}: holds an optimizer, too; train the model again with src/train.py")


def check_readings(run: PretrainedRun, read: npt.ArrayLike, labels: npt.ArrayLike) -> None:
    """Raise UserError where drawn.json does not have what canvas.tflite makes of the set `TRIED`.

    `read` are the digits that canvas.tflite reads on it (N,), `labels` those meant (N,). One drawing may differ:
    drawn.json was made with the layer and the network as two.
    """
    right, n = int((np.asarray(read) == np.asarray(labels)).sum()), int(np.size(labels))
    entry = run.drawn.get(TRIED, {})
    expected = round(entry.get("classic", {}).get("accuracy", 0) * entry.get("n", 0))
    if entry.get("n") != n or abs(right - expected) > 1:
        raise UserError(
            f"{run.report / 'drawn.json'}: has {expected} of {entry.get('n', 0)} drawings of the set {TRIED} read "
            f"right, but {run.canvas} reads {right} of {n}; run `dvc repro drawn@{run.name}`"
        )
