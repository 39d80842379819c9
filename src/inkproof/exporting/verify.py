"""Exported files get their metadata and are compared with Keras; what differs too much is not written."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
from scipy.special import softmax

from inkproof.config.stages import Bound, Bounds
from inkproof.data.digits import IMAGE_SIDE, Digits
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.data.splits import spread
from inkproof.evaluation.rejection import Rule
from inkproof.evaluation.results import Agreement, CanvasAgreement, CanvasFile, ExportedFile, ImageFile
from inkproof.exporting.canvas_model import CanvasModel, up_to_logits
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.coreml import CoreMLDigits, write_coreml
from inkproof.exporting.files import (
    CANVAS_FILES,
    COREML_FILE,
    MODEL_FILES,
    QUANTIZATIONS,
    SAVED_MODEL,
    Quantization,
    kilobytes,
)
from inkproof.exporting.metadata import LABELS, Tensor, describe
from inkproof.exporting.predictors import CanvasPredictor, Latency, LiteRTDigits, Predictions, predict_canvases
from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.runtime.errors import UserError

TOLERANCE = 1e-3  # the largest difference in a probability that rounding explains
CANVAS_SHARE = 0.001  # drawings that canvas.tflite may classify, or accept, unlike Keras; one may always differ
FEW = 3  # images that a file with smaller weights may always have otherwise: on 360 digits one is 0.28 points


def compare(reference: np.ndarray, exported: np.ndarray, labels: np.ndarray) -> Agreement:
    """Return how `exported` probabilities (N, 10) differ from the `reference` of the Keras model."""
    return Agreement(**_figures(reference, exported, labels, exported.argmax(axis=1) == reference.argmax(axis=1)))


def compare_canvases(predicted: Predictions, logits: np.ndarray, rule: Rule, labels: np.ndarray) -> CanvasAgreement:
    """Return how a canvas file's predictions for N canvases with `labels` (N,) differ from Keras.

    The logits of Keras are (N, 10). The difference is in calibrated probabilities.
    """
    exported, reference = predicted.probabilities, softmax(logits / rule.temperature, axis=1)
    same = (exported.argmax(axis=1) == logits.argmax(axis=1)) & (predicted.accepted == rule.accepts(logits))
    return CanvasAgreement(n=len(same), **_figures(reference, exported, labels, same))


def _figures(reference: np.ndarray, exported: np.ndarray, labels: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    ours, theirs = (float((one.argmax(axis=1) == labels).mean()) for one in (exported, reference))
    difference = np.abs(exported - reference).max(axis=1)
    return {
        "accuracy": ours,
        "accuracy_difference": ours - theirs,
        "agreement": float(same.mean()),
        "max_difference": float(difference.max()),
        "p99_difference": float(np.quantile(difference, 0.99)),
    }


def check_exact(file: str, compared: Agreement) -> None:
    """Raise UserError when a float32 file has other predictions than the Keras model, by more than rounding.

    For the same images no probability may differ. The normalizer of a canvas file may round a pixel otherwise than
    NumPy does, so there one drawing in a thousand may differ.
    """
    difference = compared.max_difference
    if isinstance(compared, CanvasAgreement):
        unlike, difference = round((1 - compared.agreement) * compared.n), compared.p99_difference or 0.0
        if unlike > max(1, CANVAS_SHARE * compared.n):
            raise UserError(f"{file}: classifies {unlike} of {compared.n} drawings unlike Keras; {_AGAIN}")
    if not difference <= TOLERANCE:
        raise UserError(
            f"{file}: a probability differs from Keras by {difference:.1e}, more than {TOLERANCE:.0e}; {_AGAIN}"
        )


_AGAIN = "export it again, and report a bug if it repeats"


def missed(quantization: str, compared: Agreement, n: int, bound: Bound) -> str | None:
    """Return how a file with smaller weights, compared on `n` images, misses its bound, and what would allow it.

    None if it is within its bound. Nothing allows probabilities that are no numbers.
    """
    share, difference = compared.agreement, compared.p99_difference
    if difference is None or math.isnan(difference):
        return "its probabilities are not numbers"
    lost, unlike = round(-compared.accuracy_difference * n), round((1 - share) * n)
    most_lost, most_unlike = (int(max(part * n + 1e-6, FEW)) for part in (bound.lost, 1 - bound.agreement))
    reasons: dict[str, str] = {}
    if lost > most_lost:
        allowed = f"lost={_up(lost / n)}"
        reasons[allowed] = f"{lost} of {n} fewer correct than with Keras, more than {most_lost}"
    if unlike > most_unlike:
        allowed = f"agreement={1 - _up(1 - share):.3f}"
        reasons[allowed] = f"{unlike} of {n} predicted unlike Keras, more than {most_unlike}"
    if difference > bound.difference:
        allowed = f"difference={_up(difference)}"
        reasons[allowed] = f"probabilities differ by {difference:.3f}, more than {bound.difference}"
    if not reasons:
        return None
    return f"{', '.join(reasons.values())} (allowed by {' '.join(f'bounds.{quantization}.{key}' for key in reasons)})"


def _up(share: float) -> float:
    """Return a share rounded up to three decimals."""
    return math.ceil(share * 1000) / 1000


def check_same_network(compared: CanvasAgreement) -> None:
    """Raise UserError when canvas.tflite and Keras, for the same images, differ by more than rounding."""
    if not compared.max_difference <= TOLERANCE:
        raise UserError(
            f"canvas.tflite: on {compared.n} drawings a probability differs from that of model.keras by up to "
            f"{compared.max_difference:.1e}; the two are not the same network, export it again"
        )


_IMAGE = Tensor(
    "image", "Gray levels, 0 to 255, white ink on black, size and position as in MNIST", (0, 255), IMAGE_SIDE
)
_CANVAS = Tensor("canvas", "Gray levels, 0 to 255; ink darker than its background or lighter", (0, 255), CANVAS_SIDE)
_SEEN = Tensor("seen", "The image that the network saw, white on black", (0, 255), IMAGE_SIDE)
_MASK = Tensor("mask", "Where ink was found, white on black", (0, 255), MASK_SIDE)


def describe_model(content: bytes, rule: Rule, name: str, quantization: str, commit: str) -> bytes:
    """Return the LiteRT file of 28 x 28 digits of the run `name` with its metadata; `rule` is by the probabilities."""
    probabilities = Tensor("probabilities", "Of the digits 0 to 9", (0, 1), labels=True, threshold=rule.threshold)
    entry = _entry(rule, name, quantization, commit, "white on black")
    return describe(content, name, commit, [_IMAGE], [probabilities], entry)


def describe_canvas(content: bytes, rule: Rule, name: str, quantization: str, commit: str) -> bytes:
    """Return the LiteRT file of canvases of the run `name` with its metadata; `rule` is that of its score."""
    outputs = [
        Tensor("probabilities", "Of the digits 0 to 9, calibrated", (0, 1), labels=True),
        _SEEN,
        Tensor("score", f"How likely it is a digit ({rule.name})", threshold=rule.threshold),
        _MASK,
    ]
    entry = _entry(rule, name, quantization, commit, "dark on light or light on dark")
    return describe(content, name, commit, [_CANVAS], outputs, entry)


def _entry(rule: Rule, name: str, quantization: str, commit: str, ink: str) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "threshold": rule.threshold,
        "temperature": rule.temperature,
        "labels": LABELS,
        "input": {"range": [0, 255], "ink": ink},
        "quantization": quantization,
        "model": name,
        "git_commit": commit,
    }


@dataclass(frozen=True)
class Origin:
    """The Keras model that is exported, its run's name and the commit that trained it."""

    model: keras.Model
    name: str
    commit: str


@dataclass(frozen=True)
class Verified:
    """The results of one file for export.json and timing.json; `latency` is None if it cannot run here."""

    result: ExportedFile
    latency: Latency | None = None


def verify_image_files(
    origin: Origin,
    folder: Path,
    rule: Rule,
    bounds: Bounds,
    calibration: np.ndarray,
    test: Digits,
    reference: np.ndarray,
) -> dict[str, Verified]:
    """Write SavedModel and LiteRT files of 28 x 28 to `folder`; return the results of each, by quantization.

    Args:
        origin: the model.
        folder: exists.
        rule: by the largest probability; it is in the files' metadata.
        bounds: a file with smaller weights that differs more is removed, and its result says why.
        calibration: uint8 (M, 28, 28) of the training split.
        test: N digits, and every file classifies all of them.
        reference: the Keras model's probabilities of them, (N, 10).

    Raises:
        UserError: a file needs operators that phones lack, or the float32 file differs from Keras.
    """
    write_saved_model(origin.model, folder / SAVED_MODEL)
    verified = {"saved_model": Verified(ExportedFile(kb=kilobytes(folder / SAVED_MODEL)))}
    for quantization in QUANTIZATIONS:
        path = folder / MODEL_FILES[quantization]
        content = to_litert(folder / SAVED_MODEL, quantization, calibration)
        path.write_bytes(describe_model(content, rule, origin.name, quantization, origin.commit))
        digits = LiteRTDigits(path, threads=2)
        compared = compare(reference, digits.probabilities(test.images), test.labels)
        compared = _within_bound(path, quantization, compared, len(test.labels), bounds)
        result = ImageFile(kb=kilobytes(path), **compared.content())
        verified[quantization] = Verified(result, digits.latency(test.images[0]))
        if result.missed:
            path.unlink()
    return verified


Compared = TypeVar("Compared", bound=Agreement)


def _within_bound(path: Path, quantization: Quantization, compared: Compared, n: int, bounds: Bounds) -> Compared:
    """Return the comparison of a file on `n` images, with `missed` set if the file is to be removed."""
    if quantization == "float32":
        check_exact(path.name, compared)
        return compared
    why = missed(quantization, compared, n, bounds[quantization])
    return compared if why is None else compared.model_copy(update={"missed": why})


def verify_canvas_files(
    origin: Origin,
    folder: Path,
    rule: Rule,
    bounds: Bounds,
    normalizer: bytes,
    calibration: np.ndarray,
    canvases: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    sample: int,
) -> dict[str, Verified]:
    """Write LiteRT files of canvases to `folder`; return the results of each, by `canvas`, `canvas_float16`, ...

    Args:
        origin: the model.
        folder: exists.
        rule: of the score; it is in the files' metadata.
        bounds: as in `verify_image_files`.
        normalizer: from `normalizer_part`.
        calibration: uint8 (M, 28, 28), training or validation digits after the normalizer.
        canvases: uint8 (N, 280, 280). The float32 file classifies all of them, the others a sample.
        logits: of the Keras model for their normalized images, (N, 10).
        labels: (N,).
        sample: how many canvases the sample has at most.

    Raises:
        UserError: a file needs operators that phones lack, or the float32 file differs from Keras.
    """
    model = CanvasModel(up_to_logits(origin.model), rule, normalizer)
    verified = {}
    for quantization in QUANTIZATIONS:
        path = folder / CANVAS_FILES[quantization]
        content = model.quantized(quantization, calibration)
        path.write_bytes(describe_canvas(content, rule, origin.name, quantization, origin.commit))
        some = slice(None) if quantization == "float32" else spread(len(labels), sample)
        compared = compare_canvases(predict_canvases(path, canvases[some]), logits[some], rule, labels[some])
        compared = _within_bound(path, quantization, compared, compared.n, bounds)
        result = CanvasFile(kb=kilobytes(path), rule=rule.name, temperature=rule.temperature, **compared.content())
        kind = "canvas" if quantization == "float32" else f"canvas_{quantization}"
        verified[kind] = Verified(result, CanvasPredictor(path).latency(canvases[0]))
        if result.missed:
            path.unlink()
    return verified


def verify_coreml(
    origin: Origin, folder: Path, rule: Rule, test: Digits, reference: np.ndarray, sample: int
) -> Verified:
    """Write the Core ML package to `folder`, load it and run its program on a sample of `test`; needs coremltools.

    `rule` is by the largest probability, `reference` are the Keras model's probabilities of the N digits, (N, 10).
    Raises UserError if the package differs from Keras.
    """
    some = spread(len(test.labels), sample)
    images, labels, expected = test.images[some], test.labels[some], reference[some]
    path = folder / COREML_FILE
    write_coreml(origin.model, path, rule, origin.name, origin.commit)
    compared = compare(expected, CoreMLDigits(path).probabilities(images), labels)
    check_exact(COREML_FILE, compared)
    return Verified(ImageFile(kb=kilobytes(path), n=len(labels), **compared.content()))
