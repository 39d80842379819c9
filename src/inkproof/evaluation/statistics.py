"""Intervals, paired tests and the bootstrap over writers."""

from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a proportion, as fractions.

    It assumes independent digits; where writers differ, see `inkproof.evaluation.statistics`. With n = 0 nothing
    is known and the interval is (0.0, 1.0). Raises ValueError when `correct` is not within 0..n or
    `confidence` not within (0, 1).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    if not 0 <= correct <= n:
        raise ValueError(f"correct must be within 0..{n}, not {correct}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be within (0, 1), not {confidence}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    proportion = correct / n
    shrink = 1 + z * z / n
    centre = (proportion + z * z / (2 * n)) / shrink
    half = z * sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n)) / shrink
    # At the ends the formula gives 0 and 1 but for rounding; a bound of -1e-18 would look like a mistake.
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == n else min(1.0, centre + half)
    return low, high


def discordant(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike) -> tuple[int, int]:
    """Return how many digits only the first model reads right, and how many only the second.

    Both arguments are bool (N,), the same digits in the same order; raises ValueError when they are not.
    """
    a = np.asarray(correct_a, dtype=bool)
    b = np.asarray(correct_b, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"both models must be scored on the same digits, not {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum())


def mcnemar(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike) -> float:
    """Return the two-sided p-value of McNemar's exact test for two models on the same digits.

    Only the digits that one model reads and the other does not say anything; under equal skill each of them
    falls to either model with probability one half. Without such a digit the p-value is 1. Arguments as for
    `discordant`.

    Source: Q. McNemar, Psychometrika 12 (1947); the exact binomial form.
    """
    # scipy.special loads in a fraction of scipy.stats, and the report stage has to start fast.
    from scipy.special import bdtr

    only_a, only_b = discordant(correct_a, correct_b)
    return min(1.0, 2.0 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def writer_bootstrap(
    correct: npt.ArrayLike,
    writers: npt.ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of the accuracy when *writers* are drawn anew.

    `correct` is bool (N,), `writers` the writer of each digit (N,). One writer's digits succeed and fail
    together, so whole writers are resampled with replacement; a resample is a count of each writer, which
    makes it one row of a matrix product instead of N gathered digits. Raises ValueError when the lengths
    differ or there are fewer than two writers, whose spread cannot be seen.

    Source: cluster bootstrap, A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application"
    (1997), section 3.8; percentile interval of B. Efron (1979).
    """
    hits = np.asarray(correct, dtype=bool)
    names = np.asarray(writers)
    if hits.ndim != 1 or hits.shape != names.shape:
        raise ValueError(f"correct {hits.shape} and writers {names.shape} must be one value a digit")
    _, index = np.unique(names, return_inverse=True)
    count = int(index.max()) + 1 if index.size else 0
    if count < 2:
        raise ValueError(f"a bootstrap over writers needs at least 2 writers, not {count}")
    digits = np.bincount(index, minlength=count)
    right = np.bincount(index, weights=hits, minlength=count)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    accuracies = (drawn @ right) / (drawn @ digits)
    tail = (1 - confidence) / 2
    low, high = np.quantile(accuracies, [tail, 1 - tail])
    return float(low), float(high)
