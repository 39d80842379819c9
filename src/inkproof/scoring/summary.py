"""The figures of one model on the test digits, as `test.json` holds them."""

from typing import Any

import numpy.typing as npt

from inkproof.scoring.calibration import checked, expected_calibration_error, nll
from inkproof.scoring.confusion import confusion_counts, per_class
from inkproof.scoring.intervals import wilson


def summarise_test(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> dict[str, Any]:
    """Return n, errors, accuracy with its Wilson interval, nll (nats), ece and the accuracy of each digit.

    `probabilities` is (N, 10), `labels` (N,); accuracies are fractions. A digit that does not occur has None
    in `per_class`. Raises ValueError on wrong shapes, on values that are not finite, and without digits.
    """
    p, y = checked(probabilities, labels)
    read = p.argmax(axis=1)
    n = int(y.size)
    right = int((read == y).sum())
    low, high = wilson(right, n)
    loss = nll(p, y)
    return {
        "n": n,
        "errors": n - right,
        "accuracy": right / n,
        "accuracy_low": low,
        "accuracy_high": high,
        "nll": loss,
        "ece": expected_calibration_error(p, y),
        "per_class": {str(row["digit"]): row["recall"] for row in per_class(confusion_counts(y, read))},
    }
