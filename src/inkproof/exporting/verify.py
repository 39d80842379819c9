"""Exported files get their metadata, are compared with Keras, and get the rules that were chosen for rejection."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.special import softmax

from inkproof.data.archives import PreprocessedSet
from inkproof.data.digits import IMAGE_SIDE, Digits
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.evaluation.calibration import fit_temperature
from inkproof.evaluation.rejection import Rule, choose_rule
from inkproof.evaluation.results import Agreement, CanvasAgreement, CanvasFile, ExportedFile, ImageFile
from inkproof.exporting.canvas_model import CanvasModel, up_to_logits
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.coreml import CoreMLDigits, write_coreml
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES, QUANTIZATIONS, SAVED_MODEL, kilobytes
from inkproof.exporting.metadata import LABELS, Tensor, describe
from inkproof.exporting.predictors import CanvasPredictor, Latency, LiteRTDigits, Predictions, predict_canvases
from inkproof.models.loading import predict
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.runtime.errors import UserError

EXACT = ("float32", "coreml")  # quantizations that compute what Keras computes
FLOAT32_TOLERANCE = 1e-3  # the largest difference in any probability that rounding explains
LOST_POINTS = 0.002  # the accuracy that smaller weights may cost ...
LOST_DIGITS = 3  # ... or so many digits, whichever is more: on 360 digits one digit is 0.28 points
CANVAS_SHARE = 0.001  # drawings that a canvas file may classify, or accept, unlike Keras ...
SMALL_CANVAS_SHARE = 0.02  # ... and one with smaller weights: its scores may be on the threshold's other side
LOST_DRAWINGS = 0.005  # the accuracy on drawings that smaller weights may cost: drawings are harder than test digits


def compare(reference: np.ndarray, exported: np.ndarray, labels: np.ndarray) -> Agreement:
    """Return how `exported` probabilities (N, 10) differ from the `reference` of the Keras model."""
    ours, theirs = exported.argmax(axis=1), reference.argmax(axis=1)
    accuracy = float((ours == labels).mean())
    return Agreement(
        accuracy=accuracy,
        accuracy_difference=accuracy - float((theirs == labels).mean()),
        agreement=float((ours == theirs).mean()),
        max_difference=float(np.abs(exported - reference).max()),
    )


def check_agreement(quantization: str, compared: Agreement, n: int) -> None:
    """Raise UserError when a file of 28 x 28, compared on `n` digits, differs too much from the Keras model.

    A file of one of the quantizations `EXACT` has the same probabilities. Any other loses hardly a digit.
    """
    if quantization in EXACT:
        if not compared.max_difference <= FLOAT32_TOLERANCE:
            raise UserError(
                f"{quantization} file: a probability differs from Keras by {compared.max_difference:.1e}, "
                f"more than {FLOAT32_TOLERANCE:.0e}; export it again, and report a bug if it repeats"
            )
        return
    lost = round(-compared.accuracy_difference * n)
    allowed = max(LOST_POINTS * n, LOST_DIGITS)
    if not lost <= allowed:
        raise UserError(
            f"{quantization} file: {lost} of {n} digits fewer correct than with Keras, more than {allowed:.0f}; "
            "quantization loses too much accuracy; use the float32 file"
        )


def compare_canvases(predicted: Predictions, logits: np.ndarray, rule: Rule, labels: np.ndarray) -> CanvasAgreement:
    """Return how a canvas file's predictions for N canvases with `labels` (N,) differ from Keras.

    The logits of Keras are (N, 10). The difference is in calibrated probabilities.
    """
    ours, theirs = predicted.probabilities.argmax(axis=1), logits.argmax(axis=1)
    same = (ours == theirs) & (predicted.accepted == rule.accepts(logits))
    difference = np.abs(predicted.probabilities - softmax(logits / rule.temperature, axis=1))
    accuracy = float((ours == labels).mean())
    return CanvasAgreement(
        n=len(same),
        agreement=float(same.mean()),
        max_difference=float(difference.max()),
        accuracy=accuracy,
        accuracy_difference=accuracy - float((theirs == labels).mean()),
    )


def check_canvases(compared: CanvasAgreement, quantization: str = "float32") -> None:
    """Raise UserError when a canvas file classifies too many drawings unlike Keras; one may always differ.

    The limit is one drawing in a thousand. With smaller weights one in fifty may be accepted
    by only one of the two, if accuracy hardly drops.
    """
    n, file = compared.n, CANVAS_FILES[quantization]
    unlike = round((1 - compared.agreement) * n)
    if unlike > max(1, (CANVAS_SHARE if quantization == "float32" else SMALL_CANVAS_SHARE) * n):
        raise UserError(
            f"{file}: classifies {unlike} of {n} drawings unlike Keras; export it again, and report a bug if it repeats"
        )
    lost = round(-compared.accuracy_difference * n)
    if lost > max(LOST_DRAWINGS * n, LOST_DIGITS):
        raise UserError(
            f"{file}: {lost} of {n} drawings fewer correct than with Keras; quantization loses too much accuracy; "
            "use the float32 file"
        )


def check_same_network(compared: CanvasAgreement) -> None:
    """Raise UserError when canvas.tflite and Keras, for the same images, differ by more than rounding."""
    if not compared.max_difference <= FLOAT32_TOLERANCE:
        raise UserError(
            f"canvas.tflite: on {compared.n} drawings a probability differs from that of model.keras by up to "
            f"{compared.max_difference:.1e}; the two are not the same network, export it again"
        )


_IMAGE = Tensor(
    "image", "Gray levels, 0 to 255, white ink on black, size and position as in MNIST", (0, 255), IMAGE_SIDE
)
_CANVAS = Tensor("canvas", "Gray levels, 0 to 255; ink darker than its background or lighter", (0, 255), CANVAS_SIDE)
_SEEN = Tensor("seen", "The image that the network saw, white on black", (0, 255), IMAGE_SIDE)


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
    origin: Origin, folder: Path, rule: Rule, calibration: np.ndarray, test: Digits, reference: np.ndarray
) -> dict[str, Verified]:
    """Write SavedModel and LiteRT files of 28 x 28 to `folder`; return the results of each, by quantization.

    Args:
        origin: the model.
        folder: exists.
        rule: by the largest probability; it is in the files' metadata.
        calibration: uint8 (M, 28, 28) of the training split.
        test: N digits, and every file classifies all of them.
        reference: the Keras model's probabilities of them, (N, 10).

    Raises:
        UserError: a file needs operators that phones lack, or differs too much from Keras.
    """
    write_saved_model(origin.model, folder / SAVED_MODEL)
    verified = {"saved_model": Verified(ExportedFile(kb=kilobytes(folder / SAVED_MODEL)))}
    for quantization in QUANTIZATIONS:
        path = folder / MODEL_FILES[quantization]
        content = to_litert(folder / SAVED_MODEL, quantization, calibration)
        path.write_bytes(describe_model(content, rule, origin.name, quantization, origin.commit))
        digits = LiteRTDigits(path, threads=2)
        compared = compare(reference, digits.probabilities(test.images), test.labels)
        check_agreement(quantization, compared, len(test.labels))
        result = ImageFile(kb=kilobytes(path), **compared.content())
        verified[quantization] = Verified(result, digits.latency(test.images[0]))
    return verified


def verify_canvas_files(
    origin: Origin,
    folder: Path,
    rule: Rule,
    normalizer: bytes,
    calibration: np.ndarray,
    canvases: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Verified]:
    """Write LiteRT files of canvases to `folder`; return the results of each, by `canvas`, `canvas_float16`, ...

    Args:
        origin: the model.
        folder: exists.
        rule: of the score; it is in the files' metadata.
        normalizer: from `normalizer_part`.
        calibration: uint8 (M, 28, 28), training or validation digits after the normalizer.
        canvases: uint8 (N, 280, 280), and every file classifies all of them.
        logits: of the Keras model for their normalized images, (N, 10).
        labels: (N,).

    Raises:
        UserError: a file needs operators that phones lack, or differs too much from Keras.
    """
    model = CanvasModel(up_to_logits(origin.model), rule, normalizer)
    verified = {}
    for quantization in QUANTIZATIONS:
        path = folder / CANVAS_FILES[quantization]
        content = model.quantized(quantization, calibration)
        path.write_bytes(describe_canvas(content, rule, origin.name, quantization, origin.commit))
        compared = compare_canvases(predict_canvases(path, canvases), logits, rule, labels)
        check_canvases(compared, quantization)
        result = CanvasFile(kb=kilobytes(path), rule=rule.name, temperature=rule.temperature, **dict(compared))
        kind = "canvas" if quantization == "float32" else f"canvas_{quantization}"
        verified[kind] = Verified(result, CanvasPredictor(path).latency(canvases[0]))
    return verified


def verify_coreml(origin: Origin, folder: Path, rule: Rule, sample: Digits, reference: np.ndarray) -> Verified:
    """Write the Core ML package to `folder`, load it and run its program on `sample`; needs coremltools.

    `rule` is by the largest probability, `reference` are the Keras model's probabilities of the sample, (N, 10).
    Raises UserError if the package differs from Keras.
    """
    path = folder / COREML_FILE
    write_coreml(origin.model, path, rule, origin.name, origin.commit)
    compared = compare(reference, CoreMLDigits(path).probabilities(sample.images), sample.labels)
    check_agreement("coreml", compared, len(sample.labels))
    return Verified(ImageFile(kb=kilobytes(path), n=len(sample.labels), **compared.content()))


def spread(digits: Digits, reference: np.ndarray, count: int) -> tuple[Digits, np.ndarray]:
    """Return at most `count` of N digits, evenly spread over them, with their rows of `reference` (N, 10)."""
    chosen = np.unique(np.linspace(0, len(digits.labels) - 1, count).round().astype(int))
    return Digits(digits.images[chosen], digits.labels[chosen]), reference[chosen]


# The share of correctly classified digits that is to be accepted: a digit should hardly ever be rejected.
COVERAGE = 0.99
# The largest probability that a file with uint8 output can have.
_MOST = 255 / 256


def choose_thresholds(
    network: keras.Model, digits: Sequence[PreprocessedSet], ood_samples: PreprocessedSet
) -> tuple[Rule, Rule]:
    """Return the rules of canvas files and of files of 28 x 28 for `network`, which ends in logits.

    Temperature and threshold come from `digits`, sets of which at least one digit is classified correctly. The
    calibrated rule is the one that detects `ood_samples` best, the out-of-distribution samples for validation. Files of
    28 x 28 have uncalibrated probabilities, so their rule is by the largest one at temperature 1.
    """
    labels = np.concatenate([drawn_set.labels for drawn_set in digits])
    logits = predict(network, np.concatenate([drawn_set.methods[NORMALIZED_METHOD] for drawn_set in digits]))
    temperature = fit_temperature(logits, labels)
    rejected = predict(network, ood_samples.methods[NORMALIZED_METHOD])
    image = choose_rule(logits, labels, rejected, 1.0, COVERAGE, ("maximum_probability",))
    canvas = choose_rule(logits, labels, rejected, temperature, COVERAGE)
    return canvas, replace(image, threshold=min(image.threshold, _MOST))
