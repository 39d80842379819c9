"""Coverage against accuracy: how right a reader is who keeps silent where it is least sure (selective prediction)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkproof.scoring.intervals import wilson


@dataclass(frozen=True, slots=True)
class CoverageCurve:
    """One point for each distinct score, the strictest threshold first; arrays (K,).

    Attributes:
        threshold: digits with this score or more are accepted; falls from point to point.
        coverage: the fraction of all digits that is accepted; rises to 1.
        accuracy: the fraction of the accepted digits that is read right.
    """

    threshold: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    def at(self, coverage: float) -> int:
        """Return the index of the strictest threshold that accepts at least this fraction of the digits."""
        if not 0 < coverage <= 1:
            raise ValueError(f"coverage must be within (0, 1], not {coverage}")
        # 0.1 + 0.2 of ten digits is three of them, although the sum is more than 3 / 10 in binary.
        return int(np.searchsorted(self.coverage, coverage - 1e-9))


def coverage_curve(scores: npt.ArrayLike, right: npt.ArrayLike) -> CoverageCurve:
    """Return the curve of digits with scores (N,), the surest highest; `right` (N,) says which are read right.

    Digits of equal score are accepted together, since no threshold tells them apart. Raises ValueError when the
    lengths differ, a score is not finite, or there is no digit.

    Source: R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification",
    Journal of Machine Learning Research 11 (2010).
    """
    s, hit = _checked(scores, right)
    order = np.argsort(-s, kind="stable")
    s, hit = s[order], hit[order]
    last = np.append(np.flatnonzero(np.diff(s)), s.size - 1)
    accepted = last + 1
    return CoverageCurve(s[last], accepted / s.size, np.cumsum(hit)[last] / accepted)


def accuracy_at_coverage(
    scores: npt.ArrayLike, right: npt.ArrayLike, coverage: float = 0.95
) -> dict[str, float | None]:
    """Return accuracy, its Wilson interval low and high, coverage and threshold where `coverage` is just reached.

    Arguments as for `coverage_curve`; the coverage returned is a little larger where scores are equal.
    """
    curve = coverage_curve(scores, right)
    return point(scores, right, float(curve.threshold[curve.at(coverage)]))


def point(scores: npt.ArrayLike, right: npt.ArrayLike, threshold: float) -> dict[str, float | None]:
    """Return accuracy, low, high, coverage and threshold of accepting digits that score `threshold` or more.

    Arguments as for `coverage_curve`. Where nothing is accepted the accuracy is None and its interval 0 to 1.
    """
    s, hit = _checked(scores, right)
    accepted = s >= threshold
    n, hits = int(accepted.sum()), int((accepted & hit).sum())
    low, high = wilson(hits, n)
    accuracy = hits / n if n else None
    return {"threshold": threshold, "coverage": n / s.size, "accuracy": accuracy, "low": low, "high": high}


def area_under_risk_coverage(scores: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Return the mean error rate of the k surest digits, over all k from 1 to N: 0 is best.

    Arguments as for `coverage_curve`. Digits of equal score count as if shuffled: what is expected of their errors
    enters, not the order they happen to stand in.

    Source: Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers",
    ICLR 2019 (AURC).
    """
    curve = coverage_curve(scores, right)
    n = np.asarray(scores).size
    accepted = curve.coverage * n
    errors = accepted * (1 - curve.accuracy)
    k = np.arange(1, n + 1)
    return float((np.interp(k, np.append(0, accepted), np.append(0, errors)) / k).mean())


def _checked(scores: npt.ArrayLike, right: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    s, hit = np.asarray(scores, np.float64), np.asarray(right, bool)
    if s.ndim != 1 or s.shape != hit.shape or not s.size:
        raise ValueError(f"expected one score a digit, and whether it is right, not {s.shape} and {hit.shape}")
    if not np.isfinite(s).all():
        raise ValueError("scores hold values that are not finite")
    return s, hit
