"""Exported files are described and compared with Keras, and the thresholds rules that they carry are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from scipy.special import softmax

from inkproof.data.digits import IMAGE_SIDE, Digits
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.datasets.preprocessed import WHOLE, PreprocessedSet
from inkproof.evaluation.calibration import fit_temperature
from inkproof.evaluation.rejection import Rule, choose_rule
from inkproof.exporting.canvas_model import CanvasModel, up_to_logits
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.coreml import CoreMLDigits, write_coreml
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES, QUANTIZATIONS, SAVED_MODEL, kilobytes
from inkproof.exporting.metadata import LABELS, Tensor, describe
from inkproof.exporting.readers import CanvasReader, Latency, LiteRTDigits, Readings, read_canvases
from inkproof.models.loading import predict
from inkproof.runtime.errors import UserError

EXACT = ("float32", "coreml")  # quantizations that compute what Keras computes
FLOAT32_TOLERANCE = 1e-3  # the largest difference in any probability that rounding explains
LOST_POINTS = 0.002  # the accuracy that smaller weights may cost ...
LOST_DIGITS = 3  # ... or so many digits, whichever is more: on 360 digits one digit is 0.28 points
CANVAS_SHARE = 0.001  # drawings that a canvas file may read, or accept, unlike Keras ...
SMALL_CANVAS_SHARE = 0.02  # ... and one with smaller weights: its scores may fall on the threshold's other side
LOST_DRAWINGS = 0.005  # the accuracy on drawings that smaller weights may cost: drawings are harder than test digits


def compare(reference: np.ndarray, exported: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return how `exported` probabilities (N, 10) differ from the `reference` of the Keras model.

    accuracy and accuracy_difference (exported minus reference) are fractions; agreement is the share
    of digits read alike; max_difference is the largest in any single probability.
    """
    ours, theirs = exported.argmax(axis=1), reference.argmax(axis=1)
    accuracy = float((ours == labels).mean())
    return {
        "accuracy": accuracy,
        "accuracy_difference": accuracy - float((theirs == labels).mean()),
        "agreement": float((ours == theirs).mean()),
        "max_difference": float(np.abs(exported - reference).max()),
    }


def check_agreement(quantization: str, compared: dict[str, Any], n: int) -> None:
    """Raise UserError when a file of 28 x 28, compared on `n` digits, differs too much from the Keras model.

    A file of one of the quantizations `EXACT` gives the same probabilities; any other loses hardly a digit.
    """
    if quantization in EXACT:
        if not compared["max_difference"] <= FLOAT32_TOLERANCE:
            raise UserError(
                f"{quantization} file: a probability differs from Keras by {compared['max_difference']:.1e}, "
                f"more than {FLOAT32_TOLERANCE:.0e}; the export is not the model"
            )
        return
    lost = round(-compared["accuracy_difference"] * n)
    allowed = max(LOST_POINTS * n, LOST_DIGITS)
    if not lost <= allowed:
        raise UserError(
            f"{quantization} file: reads {lost} of {n} digits fewer than Keras, more than {allowed:.0f}; "
            "quantisation does not suit this model"
        )


def compare_canvases(
    read: Readings, logits: np.ndarray, rule: Rule, labels: np.ndarray | None = None
) -> dict[str, float]:
    """Return how what a canvas file read on N canvases differs from Keras, whose logits are (N, 10).

    agreement is the share of canvases with the same digit and the same thresholds; max_difference is the largest
    in any single calibrated probability. With `labels` (N,) also accuracy, and accuracy_difference to Keras.
    """
    ours, theirs = read.probabilities.argmax(axis=1), logits.argmax(axis=1)
    same = (ours == theirs) & (read.accepted == rule.accepts(logits))
    difference = np.abs(read.probabilities - softmax(logits / rule.temperature, axis=1))
    compared = {"n": len(same), "agreement": float(same.mean()), "max_difference": float(difference.max())}
    if labels is not None:
        compared["accuracy"] = float((ours == labels).mean())
        compared["accuracy_difference"] = compared["accuracy"] - float((theirs == labels).mean())
    return compared


def check_canvases(compared: dict[str, float], quantization: str = "float32") -> None:
    """Raise UserError when a canvas file reads too many drawings unlike Keras; one may always differ.

    That is one drawing in a thousand. With smaller weights one in fifty may be accepted otherwise, if hardly one is
    read wrong that Keras reads right.
    """
    n = compared["n"]
    unlike = round((1 - compared["agreement"]) * n)
    if unlike > max(1, (CANVAS_SHARE if quantization == "float32" else SMALL_CANVAS_SHARE) * n):
        raise UserError(
            f"{CANVAS_FILES[quantization]}: reads {unlike} of {n:.0f} drawings unlike Keras; the export is not the model"
        )
    lost = round(-compared.get("accuracy_difference", 0) * n)
    if lost > max(LOST_DRAWINGS * n, LOST_DIGITS):
        raise UserError(
            f"{CANVAS_FILES[quantization]}: reads {lost} of {n:.0f} drawings fewer than Keras; "
            "quantisation does not suit this model"
        )


def check_same_network(compared: dict[str, float]) -> None:
    """Raise UserError when canvas.tflite and Keras, given the same frames, differ by more than rounding."""
    if not compared["max_difference"] <= FLOAT32_TOLERANCE:
        raise UserError(
            f"canvas.tflite: on {compared['n']:.0f} drawings a probability differs from that of model.keras by up to "
            f"{compared['max_difference']:.1e}; the two are not the same network, export it again"
        )


_FRAME = Tensor(
    "image", "Gray levels, 0 to 255, white ink on black, set into the frame as in MNIST", (0, 255), IMAGE_SIDE
)
_CANVAS = Tensor("canvas", "Gray levels, 0 to 255; ink darker than its ground or lighter", (0, 255), CANVAS_SIDE)
_SEEN = Tensor("seen", "What the network saw, white on black", (0, 255), IMAGE_SIDE)


def describe_model(content: bytes, rule: Rule, name: str, quantization: str, commit: str) -> bytes:
    """Return the LiteRT file of 28 x 28 digits of the run `name` with its metadata; `rule` is by the probabilities."""
    probabilities = Tensor("probabilities", "Of the digits 0 to 9", (0, 1), labels=True, threshold=rule.threshold)
    entry = _entry(rule, name, quantization, commit, "white on black")
    return describe(content, name, commit, [_FRAME], [probabilities], entry)


def describe_canvas(content: bytes, rule: Rule, name: str, quantization: str, commit: str) -> bytes:
    """Return the LiteRT file of canvases of the run `name` with its metadata; `rule` is that of its score."""
    outputs = [
        Tensor("probabilities", "Of the digits 0 to 9, calibrated", (0, 1), labels=True),
        _SEEN,
        Tensor("score", f"How surely it is a digit ({rule.name})", threshold=rule.threshold),
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
    """Whose exports they are: the Keras model, the run's name and the commit that trained it."""

    model: keras.Model
    name: str
    commit: str


@dataclass(frozen=True)
class Verified:
    """What export.json and timing.json have of one file; `latency` is None where it cannot run here."""

    result: dict[str, Any]
    latency: Latency | None = None


def verify_image_files(
    origin: Origin, folder: Path, rule: Rule, calibration: np.ndarray, test: Digits, reference: np.ndarray
) -> dict[str, Verified]:
    """Write SavedModel and LiteRT files of 28 x 28 to `folder`; return what each is worth, by quantization.

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
    verified = {"saved_model": Verified({"kb": kilobytes(folder / SAVED_MODEL)})}
    for quantization in QUANTIZATIONS:
        path = folder / MODEL_FILES[quantization]
        content = to_litert(folder / SAVED_MODEL, quantization, calibration)
        path.write_bytes(describe_model(content, rule, origin.name, quantization, origin.commit))
        reader = LiteRTDigits(path, side_by_side=2)
        compared = compare(reference, reader.probabilities(test.images), test.labels)
        check_agreement(quantization, compared, len(test.labels))
        verified[quantization] = Verified({"kb": kilobytes(path), **compared}, reader.latency(test.images[0]))
    return verified


def verify_canvas_files(
    origin: Origin,
    folder: Path,
    rule: Rule,
    layer: bytes,
    calibration: np.ndarray,
    canvases: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Verified]:
    """Write LiteRT files of canvases to `folder`; return what each is worth, by `canvas`, `canvas_float16`, ...

    Args:
        origin: whose exports they are.
        folder: exists.
        rule: of the score; it goes into the files.
        layer: from `normalizer_part`.
        calibration: uint8 (M, 28, 28), training or validation digits as the layer gives them.
        canvases: uint8 (N, 280, 280), of which every one is read by every file.
        logits: of the Keras model for what the layer makes of them, (N, 10).
        labels: (N,).

    Raises:
        UserError: a file needs operators that phones lack, or does not say what Keras says.
    """
    model = CanvasModel(up_to_logits(origin.model), rule, layer)
    verified = {}
    for quantization in QUANTIZATIONS:
        path = folder / CANVAS_FILES[quantization]
        content = model.quantized(quantization, calibration)
        path.write_bytes(describe_canvas(content, rule, origin.name, quantization, origin.commit))
        reader = CanvasReader(path)
        compared = compare_canvases(read_canvases(path, canvases), logits, rule, labels)
        check_canvases(compared, quantization)
        said = {"rule": rule.name, "temperature": rule.temperature}
        result = {"kb": kilobytes(path), **said, **compared}
        verified["canvas" if quantization == "float32" else f"canvas_{quantization}"] = Verified(
            result, reader.latency(canvases[0])
        )
    return verified


def verify_coreml(origin: Origin, folder: Path, rule: Rule, sample: Digits, reference: np.ndarray) -> Verified:
    """Write the Core ML package to `folder`, read it back and compute its program on `sample`; needs coremltools.

    `rule` is by the largest probability, `reference` are the Keras model's probabilities of the sample, (N, 10).
    Raises UserError where the package does not say what Keras says.
    """
    path = folder / COREML_FILE
    write_coreml(origin.model, path, rule, origin.name, origin.commit)
    compared = compare(reference, CoreMLDigits(path).probabilities(sample.images), sample.labels)
    check_agreement("coreml", compared, len(sample.labels))
    return Verified({"kb": kilobytes(path), "n": len(sample.labels), **compared})


def spread(digits: Digits, reference: np.ndarray, count: int) -> tuple[Digits, np.ndarray]:
    """Return at most `count` of N digits, evenly spread over them, with their rows of `reference` (N, 10)."""
    chosen = np.unique(np.linspace(0, len(digits.labels) - 1, count).round().astype(int))
    return Digits(digits.images[chosen], digits.labels[chosen]), reference[chosen]


# Of the digits that are read right, so many are to be accepted: who draws a digit should hardly ever be rejected.
COVERAGE = 0.99
# The largest probability that a file with uint8 output can give.
_MOST = 255 / 256


class Thresholds(NamedTuple):
    """Two rules of one network: the best one, and the one by the largest probability of 28 x 28 files."""

    canvas: Rule
    frame: Rule


def choose_thresholds(
    network: keras.Model, digits: Sequence[PreprocessedSet], ood_samples: PreprocessedSet
) -> Thresholds:
    """Return the rules for `network`, which ends in logits.

    Temperature and threshold come from `digits`, sets of which at least one digit is read right; the calibrated rule
    is the one that tells them best from `ood_samples`, drawings of the part that is kept for choices. Files of 28 x 28
    give probabilities as the network was trained to, so that theirs is by the largest one, at temperature 1.
    """
    labels = np.concatenate([drawn_set.labels for drawn_set in digits])
    logits = predict(network, np.concatenate([drawn_set.methods[WHOLE] for drawn_set in digits]))
    temperature = fit_temperature(logits, labels)
    rejected = predict(network, ood_samples.methods[WHOLE])
    frame = choose_rule(logits, labels, rejected, 1.0, COVERAGE, ("maximum_probability",))
    return Thresholds(
        choose_rule(logits, labels, rejected, temperature, COVERAGE),
        replace(frame, threshold=min(frame.threshold, _MOST)),
    )
