"""The run that models/pretrained is made from: its files and results, checked against each other."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inkproof.config.pipeline import read_pipeline
from inkproof.evaluation.rejection import Rule
from inkproof.evaluation.results import (
    CanvasFile,
    CorruptionsResult,
    DrawnResult,
    ExportResult,
    NumbersResult,
    RejectionResult,
    TestResult,
    TimingResult,
    split_missed,
)
from inkproof.exporting.files import CANVAS_FILES, kilobytes
from inkproof.exporting.metadata import read_metadata
from inkproof.reporting.results import CANVAS_BYTES, by_method, read_of_export, read_result
from inkproof.reporting.tables import SHOWN_METHOD
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata

WEIGHTS = "model.keras"
CANVAS = CANVAS_FILES["float32"]
LIMITS = {CANVAS: CANVAS_BYTES, WEIGHTS: 4_000_000}
"""Largest size of each file in bytes: git keeps the files forever, and every clone downloads them."""

PARTS = ("test", "corruptions", "export", "rejection", "drawn")
CHECKED_SET = "starter"
"""The set of drawings for the check of the files. Every clone has it."""


@dataclass(frozen=True)
class PretrainedRun:
    """A finished run; `name` is `<data>-<folder>`, as a key of params.yaml would be.

    `canvas` and `weights` are the paths of its files, and `rule` comes from the metadata of `canvas`. The results are
    those of the JSON files in `report`; `timing` and `numbers` are None if they were not measured on these files.
    """

    name: str
    canvas: Path
    weights: Path
    report: Path
    metadata: RunMetadata
    rule: Rule
    test: TestResult
    corruptions: CorruptionsResult
    export: ExportResult
    rejection: RejectionResult
    drawn: DrawnResult
    timing: TimingResult | None
    numbers: NumbersResult | None

    @property
    def canvas_file(self) -> CanvasFile:
        """What export.json has about `canvas`."""
        entry = self.export.get("canvas")
        if not isinstance(entry, CanvasFile):
            raise UserError(f"{self.report / 'export.json'}: lacks canvas.tflite; run `{command(self.name, 'export')}`")
        return entry


def command(name: str, *stages: str) -> str:
    """Return the command that runs `stages` of the run `name` again."""
    pipeline = read_pipeline()
    if pipeline is None or name not in pipeline.runs:
        return "make pretrained"
    return "dvc repro " + " ".join(f"{stage}@{name}" for stage in stages)


def load_run(name: str, folder: Path, exports: Path, report: Path) -> PretrainedRun:
    """Return the run `name` of `folder` (model.keras, run.json), its canvas.tflite in `exports` and its `report`.

    Raises UserError if a file is missing, is broken, or belongs to another model than the other files.
    """
    canvas, weights = exports / CANVAS, folder / WEIGHTS
    needed = [weights, folder / "run.json", canvas, *(report / f"{part}.json" for part in PARTS)]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more files are" if len(missing) > 1 else " is"
        raise UserError(f"{missing[0]}{more} missing; run `{command(name, 'drawn', 'evaluate', 'export')}` first")
    entry = read_metadata(canvas)
    run = PretrainedRun(
        name=name,
        canvas=canvas,
        weights=weights,
        report=report,
        metadata=RunMetadata.read(folder),
        rule=Rule(str(entry.get("rule")), *(float(entry.get(key, "nan")) for key in ("temperature", "threshold"))),
        test=read_result(TestResult, report / "test.json"),
        corruptions=read_result(CorruptionsResult, report / "corruptions.json"),
        export=split_missed(read_result(ExportResult, report / "export.json"))[0],
        rejection=read_result(RejectionResult, report / "rejection.json"),
        drawn=read_result(DrawnResult, report / "drawn.json"),
        timing=read_of_export(TimingResult, report / "timing.json"),
        numbers=read_of_export(NumbersResult, report / "numbers.json"),
    )
    _check_same_model(run, str(entry.get("model")))
    return run


def _check_same_model(run: PretrainedRun, exported_from: str) -> None:
    """Raise UserError if a file of the run has other values than the files it was made from."""
    config, metrics, canvas = run.metadata.config, run.metadata.metrics, run.canvas_file
    trained = f"{config.data.name}-{config.model.name}"
    about = {"data": config.data.name, "model": config.model.name, "aug": config.aug.name, "seed": config.seed}
    about |= {key: metrics.get(key) for key in ("val_acc", "parameters", "epochs", "best_epoch")}
    rule = {"rule": run.rule.name, "temperature": run.rule.temperature}
    checks = (
        ("export", run.canvas, {"model": exported_from}, {"model": run.name}),
        # The name may end with a seed, as in "mnist-cnn-s1".
        (
            "train",
            run.weights.parent / "run.json",
            {"name": trained},
            {"name": trained if run.name.startswith(trained) else run.name},
        ),
        ("evaluate", run.report / "test.json", run.test.content(), about),
        ("export", run.report / "export.json", canvas.content(), rule | {"kb": kilobytes(run.canvas)}),
        (
            "export",
            run.report / "rejection.json",
            run.rejection.content(),
            rule | {"threshold": run.rule.threshold},
        ),
    )
    for stage, path, content, expected in checks:
        for key, value in expected.items():
            if content[key] != value:
                raise UserError(
                    f"{path}: not of the same model as the other files of {run.name} ({key} is {content[key]} "
                    f"there, {value} elsewhere); run `{command(run.name, stage)}`"
                )


def check_files(run: PretrainedRun) -> None:
    """Raise UserError if a file is larger than `LIMITS` allow, or the weights include an optimizer."""
    for path in (run.canvas, run.weights):
        size, limit = path.stat().st_size, LIMITS[path.name]
        if size > limit:
            raise UserError(
                f"{path}: {size:,} bytes, more than the {limit:,} that models/pretrained allows; choose a smaller model"
            )
    try:
        with zipfile.ZipFile(run.weights) as archive:
            compiled = json.loads(archive.read("config.json")).get("compile_config")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{run.weights}: not a readable Keras model ({error}); train the model again") from error
    if compiled:
        raise UserError(f"{run.weights}: includes an optimizer; train the model again with src/train.py")


def check_predictions(run: PretrainedRun, predictions: npt.ArrayLike, labels: npt.ArrayLike) -> None:
    """Raise UserError if drawn.json differs from what canvas.tflite predicts on the set `CHECKED_SET`.

    `predictions` are the digits that canvas.tflite predicts (N,), and `labels` are (N,). One drawing may differ, since
    drawn.json comes from normalizer and network as two files.
    """
    correct, n = int((np.asarray(predictions) == np.asarray(labels)).sum()), int(np.size(labels))
    entry = run.drawn.get(CHECKED_SET)
    shown = by_method(entry).get(SHOWN_METHOD)
    drawn = entry.n if entry else 0
    expected = round(shown.accuracy * drawn) if shown else 0
    if drawn != n or abs(correct - expected) > 1:
        raise UserError(
            f"{run.report / 'drawn.json'}: has {expected} correct of {drawn} drawings of the set {CHECKED_SET}, "
            f"but {run.canvas} classifies {correct} of {n} correctly; run `{command(run.name, 'drawn')}`"
        )
