"""Does an exported file say what the Keras model says?"""

from typing import Any

import numpy as np

from inkproof.errors import UserError

FLOAT32_TOLERANCE = 1e-3  # the largest difference in any probability that rounding explains
INT8_POINTS = 0.002  # the accuracy int8 may lose ...
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
