"""Does an exported file say what the Keras model says?"""

from typing import Any

import numpy as np

from inkproof.errors import UserError
from inkproof.exporting.canvas_reader import Readings
from inkproof.scoring.rejection import Rule

FLOAT32_TOLERANCE = 1e-3  # the largest difference in any probability that rounding explains
INT8_POINTS = 0.002  # the accuracy int8 may lose ...
CANVAS_SHARE = 0.001  # drawings that canvas.tflite may read unlike Keras
INT8_DIGITS = 3  # ... or so many digits, whichever is more: on 360 digits one digit is 0.28 points


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


def check_agreement(float32: dict[str, Any], int8: dict[str, Any], n: int) -> None:
    """Raise UserError when the files of a model, compared on `n` digits, differ too much from it."""
    if not float32["max_difference"] <= FLOAT32_TOLERANCE:
        raise UserError(
            f"float32 file: a probability differs from Keras by {float32['max_difference']:.1e}, "
            f"more than {FLOAT32_TOLERANCE:.0e}; the export is not the model"
        )
    lost = round(-int8["accuracy_difference"] * n)
    allowed = max(INT8_POINTS * n, INT8_DIGITS)
    if lost > allowed:
        raise UserError(
            f"int8 file: reads {lost} of {n} digits fewer than Keras, more than {allowed:.0f}; "
            "quantisation does not suit this model"
        )


def compare_canvases(read: Readings, logits: np.ndarray, rule: Rule) -> dict[str, float]:
    """Return how what `canvas.tflite` read on N canvases differs from Keras, whose logits are (N, 10).

    agreement is the share of canvases with the same digit and the same acceptance; max_difference is the largest
    in any single calibrated probability.
    """
    from scipy.special import softmax

    same = (read.probabilities.argmax(axis=1) == logits.argmax(axis=1)) & (read.accepted == rule.accepts(logits))
    difference = np.abs(read.probabilities - softmax(logits / rule.temperature, axis=1))
    return {"n": len(same), "agreement": float(same.mean()), "max_difference": float(difference.max())}


def check_canvases(compared: dict[str, float]) -> None:
    """Raise UserError when canvas.tflite reads more than one drawing in a thousand, or one, unlike Keras."""
    unlike = round((1 - compared["agreement"]) * compared["n"])
    if unlike > max(1, CANVAS_SHARE * compared["n"]):
        raise UserError(
            f"canvas.tflite: reads {unlike} of {compared['n']:.0f} drawings unlike Keras; the export is not the model"
        )


def check_same_network(compared: dict[str, float]) -> None:
    """Raise UserError when canvas.tflite and Keras, given the same frames, differ by more than rounding."""
    if not compared["max_difference"] <= FLOAT32_TOLERANCE:
        raise UserError(
            f"canvas.tflite: on {compared['n']:.0f} drawings a probability differs from that of model.keras by up to "
            f"{compared['max_difference']:.1e}; the two are not the same network, export it again"
        )
