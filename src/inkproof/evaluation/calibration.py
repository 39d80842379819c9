"""Whether a probability of 0.9 is correct nine times in ten: log loss, calibration error, temperature scaling."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

CLASSES = 10

# A float32 softmax can reach exactly 0. The log loss of such an error is cut here, so that it stays finite.
SMALLEST = 1e-12

# The range of temperatures that are tried. A network that needs another one has other problems.
_TEMPERATURES = (0.05, 20.0)


def checked(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return probabilities float64 (N, 10) and labels int64 (N,), or raise ValueError that says what is wrong."""
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
    """Return the mean negative log-likelihood in nats of probabilities (N, 10) for labels (N,).

    Probabilities below 1e-12 count as 1e-12. scikit-learn's log loss cuts elsewhere, and it warns where float32
    probabilities do not add up to one. Raises ValueError on wrong shapes, on values that are not finite, and without
    digits.
    """
    p, y = checked(probabilities, labels)
    if not y.size:
        raise ValueError("no digits to score")
    return float(-np.log(np.clip(p[np.arange(y.size), y], SMALLEST, 1.0)).mean())


def reliability(probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = 15) -> pd.DataFrame:
    """Return one row per confidence bin (low, high]: low, high, n, mean confidence, accuracy.

    Bins have equal width. Confidence is the largest of the ten probabilities, accuracy the fraction of the bin's
    digits that are classified correctly. Both are NaN in an empty bin.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    p, y = checked(probabilities, labels)
    confidence = p.max(axis=1, initial=0.0).clip(0.0, 1.0)
    edges = np.linspace(0.0, 1.0, bins + 1)
    predicted = pd.DataFrame({"confidence": confidence, "accuracy": p.argmax(axis=1) == y})
    by_bin = predicted.groupby(np.searchsorted(edges[1:-1], confidence, side="left"))
    rows = by_bin.mean().reindex(range(bins))
    rows.insert(0, "n", by_bin.size().reindex(range(bins), fill_value=0))
    rows.insert(0, "high", edges[1:])
    rows.insert(0, "low", edges[:-1])
    return rows


def expected_calibration_error(probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = 15) -> float:
    """Return the mean distance between confidence and accuracy over the bins of `reliability`, weighted by n.

    A fraction: 0.02 means that a probability is wrong by two points on average. Raises ValueError without digits.

    Source: C. Guo et al., ICML 2017, equation 3.
    """
    rows = reliability(probabilities, labels, bins).query("n > 0")
    if rows.empty:
        raise ValueError("no digits to score")
    return float(sum(rows["n"] * (rows["accuracy"] - rows["confidence"]).abs()) / rows["n"].sum())


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the temperature T by which logits (N, 10) are divided to make the NLL of labels (N,) least.

    Log-probabilities serve as logits, since the softmax ignores a constant. Above 1 the model was too confident. It is
    one number for all digits, so no prediction changes. It is kept within 0.05 to 20: logits without an error would
    have the temperature 0. Fit it on validation digits. Raises ValueError on wrong shapes, on values that are not
    finite, and without digits.

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
