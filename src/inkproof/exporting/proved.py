"""Every export of a model written to a folder, read back from there, and held against Keras."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inkproof.exporting.agreement import check_agreement, check_canvases, compare, compare_canvases
from inkproof.exporting.canvas_model import CanvasModel, up_to_logits
from inkproof.exporting.canvas_reader import CanvasReader, read_canvases
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.coreml import write_coreml
from inkproof.exporting.described import describe_canvas, describe_model
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, FORMS, MODEL_FILES, SAVED_MODEL, kilobytes
from inkproof.exporting.litert import Latency, LiteRTDigits
from inkproof.exporting.mil_program import CoreMLDigits
from inkproof.scoring.rejection import Rule
from inkproof.sources.digits import Digits


@dataclass(frozen=True)
class Origin:
    """Whose exports they are: the Keras model, the run's name and the commit that trained it."""

    model: keras.Model
    name: str
    commit: str


@dataclass(frozen=True)
class Proved:
    """What export.json and timing.json have of one file; `latency` is None where it cannot run here."""

    result: dict[str, Any]
    latency: Latency | None = None


def prove_frame_files(
    origin: Origin, folder: Path, rule: Rule, calibration: np.ndarray, test: Digits, reference: np.ndarray
) -> dict[str, Proved]:
    """Write SavedModel and LiteRT files of 28 x 28 to `folder`; return what each is worth, by form.

    Args:
        origin: whose exports they are.
        folder: exists.
        rule: by the largest probability; it goes into the files.
        calibration: uint8 (M, 28, 28) of the training split.
        test: N digits, of which every one is read by every file.
        reference: the Keras model's probabilities of them, (N, 10).

    Raises:
        UserError: a file needs operators that phones lack, or does not say what Keras says.
    """
    write_saved_model(origin.model, folder / SAVED_MODEL)
    proved = {"saved_model": Proved({"kb": kilobytes(folder / SAVED_MODEL)})}
    for form in FORMS:
        path = folder / MODEL_FILES[form]
        content = to_litert(folder / SAVED_MODEL, form, calibration)
        path.write_bytes(describe_model(content, rule, origin.name, form, origin.commit))
        reader = LiteRTDigits(path, side_by_side=2)
        compared = compare(reference, reader.probabilities(test.images), test.labels)
        check_agreement(form, compared, len(test.labels))
        proved[form] = Proved({"kb": kilobytes(path), **compared}, reader.latency(test.images[0]))
    return proved


def prove_canvas_files(
    origin: Origin,
    folder: Path,
    rule: Rule,
    layer: bytes,
    calibration: np.ndarray,
    canvases: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Proved]:
    """Write LiteRT files of canvases to `folder`; return what each is worth, by `canvas`, `canvas_float16`, ...

    Args:
        origin: whose exports they are.
        folder: exists.
        rule: of the score; it goes into the files.
        layer: from `layer_part`.
        calibration: uint8 (M, 28, 28), training or validation digits as the layer gives them.
        canvases: uint8 (N, 280, 280), of which every one is read by every file.
        logits: of the Keras model for what the layer makes of them, (N, 10).
        labels: (N,).

    Raises:
        UserError: a file needs operators that phones lack, or does not say what Keras says.
    """
    model = CanvasModel(up_to_logits(origin.model), rule, layer)
    proved = {}
    for form in FORMS:
        path = folder / CANVAS_FILES[form]
        content = model.in_form(form, calibration)
        path.write_bytes(describe_canvas(content, rule, origin.name, form, origin.commit))
        reader = CanvasReader(path)
        compared = compare_canvases(read_canvases(path, canvases), logits, rule, labels)
        check_canvases(compared, form)
        said = {"rule": rule.name, "temperature": rule.temperature}
        result = {"kb": kilobytes(path), **said, **compared}
        proved["canvas" if form == "float32" else f"canvas_{form}"] = Proved(result, reader.latency(canvases[0]))
    return proved


def prove_coreml(origin: Origin, folder: Path, rule: Rule, sample: Digits, reference: np.ndarray) -> Proved:
    """Write the Core ML package to `folder`, read it back and compute its program on `sample`; needs coremltools.

    `rule` is by the largest probability, `reference` are the Keras model's probabilities of the sample, (N, 10).
    Raises UserError where the package does not say what Keras says.
    """
    path = folder / COREML_FILE
    write_coreml(origin.model, path, rule, origin.name, origin.commit)
    compared = compare(reference, CoreMLDigits(path).probabilities(sample.images), sample.labels)
    check_agreement("coreml", compared, len(sample.labels))
    return Proved({"kb": kilobytes(path), "n": len(sample.labels), **compared})


def spread(digits: Digits, reference: np.ndarray, count: int) -> tuple[Digits, np.ndarray]:
    """Return at most `count` of N digits, evenly spread over them, with their rows of `reference` (N, 10)."""
    chosen = np.unique(np.linspace(0, len(digits.labels) - 1, count).round().astype(int))
    return Digits(digits.images[chosen], digits.labels[chosen]), reference[chosen]
