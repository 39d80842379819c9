"""Does an exported file say what the Keras model says?"""

from typing import Any

import numpy as np

from inkproof.errors import UserError
from inkproof.exporting.canvas_reader import Readings
from inkproof.exporting.files import CANVAS_FILES
from inkproof.scoring.rejection import Rule

EXACT = ("float32", "coreml")  # forms that compute what Keras computes
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


def check_agreement(form: str, compared: dict[str, Any], n: int) -> None:
    """Raise UserError when a file of 28 x 28, compared on `n` digits, differs too much from the Keras model.

    A file of one of the forms `EXACT` gives the same probabilities; any other loses hardly a digit.
    """
    if form in EXACT:
        if not compared["max_difference"] <= FLOAT32_TOLERANCE:
            raise UserError(
                f"{form} file: a probability differs from Keras by {compared['max_difference']:.1e}, "
                f"more than {FLOAT32_TOLERANCE:.0e}; the export is not the model"
            )
        return
    lost = round(-compared["accuracy_difference"] * n)
    allowed = max(LOST_POINTS * n, LOST_DIGITS)
    if not lost <= allowed:
        raise UserError(
            f"{form} file: reads {lost} of {n} digits fewer than Keras, more than {allowed:.0f}; "
            "quantisation does not suit this model"
        )


def compare_canvases(
    read: Readings, logits: np.ndarray, rule: Rule, labels: np.ndarray | None = None
) -> dict[str, float]:
    """Return how what a canvas file read on N canvases differs from Keras, whose logits are (N, 10).

    agreement is the share of canvases with the same digit and the same acceptance; max_difference is the largest
    in any single calibrated probability. With `labels` (N,) also accuracy, and accuracy_difference to Keras.
    """
    from scipy.special import softmax

    ours, theirs = read.probabilities.argmax(axis=1), logits.argmax(axis=1)
    same = (ours == theirs) & (read.accepted == rule.accepts(logits))
    difference = np.abs(read.probabilities - softmax(logits / rule.temperature, axis=1))
    compared = {"n": len(same), "agreement": float(same.mean()), "max_difference": float(difference.max())}
    if labels is not None:
        compared["accuracy"] = float((ours == labels).mean())
        compared["accuracy_difference"] = compared["accuracy"] - float((theirs == labels).mean())
    return compared


def check_canvases(compared: dict[str, float], form: str = "float32") -> None:
    """Raise UserError when a canvas file reads too many drawings unlike Keras; one may always differ.

    That is one drawing in a thousand. With smaller weights one in fifty may be accepted otherwise, if hardly one is
    read wrong that Keras reads right.
    """
    n = compared["n"]
    unlike = round((1 - compared["agreement"]) * n)
    if unlike > max(1, (CANVAS_SHARE if form == "float32" else SMALL_CANVAS_SHARE) * n):
        raise UserError(
            f"{CANVAS_FILES[form]}: reads {unlike} of {n:.0f} drawings unlike Keras; the export is not the model"
        )
    lost = round(-compared.get("accuracy_difference", 0) * n)
    if lost > max(LOST_DRAWINGS * n, LOST_DIGITS):
        raise UserError(
            f"{CANVAS_FILES[form]}: reads {lost} of {n:.0f} drawings fewer than Keras; "
            "quantisation does not suit this model"
        )


def check_same_network(compared: dict[str, float]) -> None:
    """Raise UserError when canvas.tflite and Keras, given the same frames, differ by more than rounding."""
    if not compared["max_difference"] <= FLOAT32_TOLERANCE:
        raise UserError(
            f"canvas.tflite: on {compared['n']:.0f} drawings a probability differs from that of model.keras by up to "
            f"{compared['max_difference']:.1e}; the two are not the same network, export it again"
        )
