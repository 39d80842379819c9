"""How many digits are accepted at which accuracy, and how well a score detects out-of-distribution samples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score

from inkproof.evaluation.results import OperatingPoint
from inkproof.evaluation.statistics import interval_of, share_interval


@dataclass(frozen=True, slots=True)
class CoverageCurve:
    """One point for each distinct score, the strictest threshold first; arrays (K,).

    Attributes:
        threshold: digits with this score or more are accepted. It falls from point to point.
        coverage: the fraction of all digits that is accepted. It rises to 1.
        accuracy: the fraction of the accepted digits that is classified correctly.
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


def coverage_curve(scores: npt.ArrayLike, correct: npt.ArrayLike) -> CoverageCurve:
    """Return the curve of digits from their scores (N,) and whether each is classified correctly (N,).

    A higher score means a more confident prediction. Digits of equal score are accepted together, since no threshold
    separates them. Raises ValueError when the lengths differ, a score is not finite, or there is no digit.

    Source: R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification",
    Journal of Machine Learning Research 11 (2010).
    """
    s, hit = _checked(scores, correct)
    by_score = pd.Series(hit).groupby(s).agg(["size", "sum"])[::-1].cumsum()
    accepted = by_score["size"].to_numpy()
    return CoverageCurve(by_score.index.to_numpy(), accepted / s.size, by_score["sum"].to_numpy() / accepted)


def accuracy_at_coverage(
    scores: npt.ArrayLike, correct: npt.ArrayLike, coverage: float = 0.95, writers: npt.ArrayLike | None = None
) -> OperatingPoint:
    """Return the operating point where `coverage` is just reached.

    Arguments as for `operating_point`. The coverage returned is a little larger where scores are equal.
    """
    curve = coverage_curve(scores, correct)
    return operating_point(scores, correct, float(curve.threshold[curve.at(coverage)]), writers)


def operating_point(
    scores: npt.ArrayLike, correct: npt.ArrayLike, threshold: float, writers: npt.ArrayLike | None = None
) -> OperatingPoint:
    """Return coverage, accuracy and its interval where digits that score `threshold` or more are accepted.

    Arguments as for `coverage_curve`, and `writers` (N,), if they are known. The interval is that of the accepted
    digits, as `interval_of` their writers says. Where nothing is accepted the accuracy is None and its interval 0 to 1.
    """
    s, hit = _checked(scores, correct)
    accepted = s >= threshold
    n = int(accepted.sum())
    whose = None if writers is None else np.asarray(writers)[accepted]
    low, high = share_interval(hit[accepted], whose)
    return OperatingPoint(
        n=s.size,
        interval=interval_of(whose),
        threshold=threshold,
        coverage=n / s.size,
        accuracy=float(hit[accepted].mean()) if n else None,
        low=low,
        high=high,
    )


def area_under_risk_coverage(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Return the mean error rate of the k most confident digits, over all k from 1 to N: 0 is best.

    Arguments as for `coverage_curve`. Digits of equal score count as if shuffled: their expected errors enter, whatever
    their order.

    Source: Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers",
    ICLR 2019 (AURC).
    """
    curve = coverage_curve(scores, correct)
    n = np.asarray(scores).size
    accepted = curve.coverage * n
    errors = accepted * (1 - curve.accuracy)
    k = np.arange(1, n + 1)
    return float((np.interp(k, np.append(0, accepted), np.append(0, errors)) / k).mean())


def _checked(scores: npt.ArrayLike, correct: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    s, hit = np.asarray(scores, np.float64), np.asarray(correct, bool)
    if s.ndim != 1 or s.shape != hit.shape or not s.size:
        raise ValueError(f"expected one score a digit, and whether it is correct, not {s.shape} and {hit.shape}")
    if not np.isfinite(s).all():
        raise ValueError("scores hold values that are not finite")
    return s, hit


def auroc(digits: npt.ArrayLike, ood_samples: npt.ArrayLike) -> float:
    """Return the chance that a digit scores higher than an out-of-distribution sample; 0.5 is guessing.

    Equal scores count half. Scores are (N,) and (M,), higher for a more confident prediction.
    Raises ValueError when either is empty or not finite.
    """
    positive, negative = np.asarray(digits, np.float64), np.asarray(ood_samples, np.float64)
    if not positive.size or not negative.size:
        raise ValueError(
            f"an AUROC needs digits and out-of-distribution samples, not {positive.size} and {negative.size}"
        )
    truth = np.repeat([True, False], [positive.size, negative.size])
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


def auroc_interval(
    digits: npt.ArrayLike,
    ood_samples: npt.ArrayLike,
    digit_groups: npt.ArrayLike | None = None,
    ood_groups: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of `auroc` when digits and samples are both resampled.

    `digit_groups` (N,) names who drew each digit, and `ood_groups` (M,) the template of each out-of-distribution
    sample. The members of a group are alike, so whole groups are resampled. Without groups, or with fewer than five,
    each drawing is a group of its own. Raises ValueError when the lengths differ.

    Source: cluster bootstrap, A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application" (1997).
    """
    positive, negative = np.asarray(digits, np.float64), np.sort(np.asarray(ood_samples, np.float64))
    order = np.argsort(np.asarray(ood_samples, np.float64), kind="stable")
    rng = np.random.default_rng(seed)
    by_digit = _groups(digit_groups, positive.size)
    by_sample = _groups(ood_groups, negative.size)[order]
    below, up_to = (np.searchsorted(negative, positive, side=side) for side in ("left", "right"))
    areas = np.empty(resamples)
    for index in range(resamples):
        first, second = _weights(by_digit, rng), _weights(by_sample, rng)
        mass = np.concatenate([[0.0], np.cumsum(second)])
        areas[index] = first @ (mass[below] + mass[up_to]) / 2 / (first.sum() * mass[-1])
    tail = (1 - confidence) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return float(low), float(high)


def _groups(names: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64]:
    """Return the number of each drawing's group, from 0."""
    if names is None:
        return np.arange(n)
    found = np.asarray(names)
    if found.shape != (n,):
        raise ValueError(f"expected one group for each of {n} drawings, not {found.shape}")
    return np.unique(found, return_inverse=True)[1] if interval_of(found) == "writers" else np.arange(n)


def _weights(groups: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return how often each drawing occurs in one resample of the groups."""
    count = int(groups.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count))[groups].astype(np.float64)
