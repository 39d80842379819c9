"""Whether a probability of 0.9 is right nine times in ten: log loss, calibration error, temperature scaling."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

CLASSES = 10

# A float32 softmax can reach exactly 0; the log loss of such a miss is cut here so that it stays a number.
SMALLEST = 1e-12

# Where the temperature is sought; a network that needs more has other troubles.
_TEMPERATURES = (0.05, 20.0)


def checked(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return probabilities float64 (N, 10) and labels int64 (N,), or raise ValueError saying what is off."""
    p = np.asarray(probabilities, dtype=np.float64)
    y = np.asarray(labels).astype(np.int64)
    if p.ndim != 2 or p.shape[1] != CLASSES or y.shape != p.shape[:1]:
        raise ValueError(f"expected probabilities (N, 10) and labels (N,), not {p.shape} and {y.shape}")
    if y.size and not (y.min() >= 0 and y.max() < CLASSES):
        raise ValueError("labels must be digits 0 to 9")
    if not np.isfinite(p).all():
        raise ValueError("probabilities hold values that are not finite")
    return p, y


def nll(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the mean ood_sample log-likelihood in nats of probabilities (N, 10) for labels (N,).

    Probabilities below 1e-12 count as 1e-12; scikit-learn's log loss cuts elsewhere, and warns where float32
    probabilities do not add up to one. Raises ValueError on wrong shapes, on values that are not
    finite, and with no digit at all.
    """
    p, y = checked(probabilities, labels)
    if not y.size:
        raise ValueError("no digits to score")
    return float(-np.log(np.clip(p[np.arange(y.size), y], SMALLEST, 1.0)).mean())


def reliability(probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = 15) -> list[dict[Any, Any]]:
    """Return one row a confidence bin (low, high]: low, high, n, mean confidence, accuracy.

    Bins have equal width; confidence is the largest of the ten probabilities, accuracy the fraction of the
    bin's digits read right. Both are None in an empty bin.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    p, y = checked(probabilities, labels)
    confidence = p.max(axis=1, initial=0.0).clip(0.0, 1.0)
    edges = np.linspace(0.0, 1.0, bins + 1)
    read = pd.DataFrame({"confidence": confidence, "accuracy": p.argmax(axis=1) == y})
    by_bin = read.groupby(np.searchsorted(edges[1:-1], confidence, side="left"))
    rows = by_bin.mean().reindex(range(bins)).astype(object)
    rows.insert(0, "n", by_bin.size().reindex(range(bins), fill_value=0))
    rows.insert(0, "high", edges[1:])
    rows.insert(0, "low", edges[:-1])
    return rows.where(rows.notna(), None).to_dict("records")


def expected_calibration_error(probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = 15) -> float:
    """Return the mean distance between confidence and accuracy over the bins of `reliability`, weighted by n.

    A fraction: 0.02 means that a stated probability is off by two points on average. Raises ValueError with
    no digit at all. Source: C. Guo et al., ICML 2017, equation 3.
    """
    filled = [row for row in reliability(probabilities, labels, bins) if row["n"]]
    if not filled:
        raise ValueError("no digits to score")
    off = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in filled)
    return off / sum(row["n"] for row in filled)


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the temperature T by which logits (N, 10) are divided to make the NLL of labels (N,) least.

    Log-probabilities serve as logits, since the softmax does not see a constant. Above 1 the model promised too
    much. One number for all digits, so no answer changes. Kept within 0.05 to 20: logits that never err would have
    the temperature 0. Fit it on validation digits. Raises ValueError on wrong shapes, on values that are not
    finite, and with no digit at all.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    z, y = checked(logits, labels)
    if not y.size:
        raise ValueError("no digits to fit a temperature to")
    # In 1/T the NLL is convex, so the bounded search finds the one minimum (in log T it has one as well).
    z = z - z.max(axis=1, keepdims=True)
    true = z[np.arange(y.size), y]

    def loss(log_temperature: float) -> float:
        scale = float(np.exp(-log_temperature))
        return float((logsumexp(z * scale, axis=1) - true * scale).mean())

    bounds = (float(np.log(_TEMPERATURES[0])), float(np.log(_TEMPERATURES[1])))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
