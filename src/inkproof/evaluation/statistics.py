"""Intervals, paired tests and the bootstrap over writers."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from inkproof.evaluation.results import Interval

FEWEST_WRITERS = 5
"""With fewer writers a resample of them shows who happened to write, more than how good the model is."""


def interval_of(writers: npt.ArrayLike | None) -> Interval:
    """Return where the interval of digits by these writers (N,) comes from; None means that they are unknown.

    That is "writers", a bootstrap over writers, from five writers on, else "wilson".
    """
    return "writers" if number_of(writers) >= FEWEST_WRITERS else "wilson"


def number_of(writers: npt.ArrayLike | None) -> int:
    """Return how many different writers there are, 0 if they are unknown."""
    return 0 if writers is None else int(np.unique(np.asarray(writers)).size)


def share_interval(correct: npt.ArrayLike, writers: npt.ArrayLike | None = None) -> tuple[float, float]:
    """Return the 95% interval (low, high) of a share, as `interval_of` says: over `writers` (N,), or Wilson's.

    `correct` (N,) is whether each digit is classified correctly, or a fraction of 0 to 1, such as its mean over the
    severities of a corruption. If all values are equal, so are all resamples. Then each writer counts as one digit of
    Wilson's interval. Without digits the interval is (0.0, 1.0).
    """
    own = np.asarray(correct, np.float64)
    mean = float(own.mean()) if own.size else 0.0
    if writers is not None and interval_of(writers) == "writers":
        if np.ptp(own) > 0:
            return writer_bootstrap(own, writers)
        n = number_of(writers)
    else:
        n = own.size
    low, high = wilson(round(mean * n), n)
    # Rounded to a whole digit, the mean of fractions could lie outside by less than half a digit.
    return (min(low, mean), max(high, mean)) if n else (low, high)


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a proportion, as fractions.

    It assumes independent digits. Where writers differ, see `writer_bootstrap`. With n = 0 the interval is (0.0, 1.0).
    Raises ValueError for impossible counts and confidences.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    if correct == n == 0:
        return 0.0, 1.0
    interval = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def discordant(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike) -> tuple[int, int]:
    """Return how many digits only the first model classifies correctly, and how many only the second.

    Both arguments are bool (N,), the same digits in the same order. Raises ValueError when they are not.
    """
    a = np.asarray(correct_a, dtype=bool)
    b = np.asarray(correct_b, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"both models must be scored on the same digits, not {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum())


def mcnemar(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike) -> float:
    """Return the two-sided p-value of McNemar's exact test for two models on the same digits.

    Only digits that one of the two models classifies correctly count. If both were equally good, each of these digits
    would be either model's with probability one half. Without such a digit the p-value is 1. Arguments as for
    `discordant`.

    Source: Q. McNemar, Psychometrika 12 (1947); the exact binomial form.
    """
    only_a, only_b = discordant(correct_a, correct_b)
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number. SciPy has only corrections that control the false discovery rate.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6 (1979).
    """
    order = np.argsort(ps)
    stepped = np.maximum.accumulate(np.sort(ps) * np.arange(len(ps), 0, -1))
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected.tolist()


def writer_bootstrap(
    values: npt.ArrayLike,
    writers: npt.ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of the mean of `values` when *writers* are resampled.

    `values` (N,) is whether each digit is classified correctly, or what was gained by it, and `writers` (N,) is who
    wrote it. One writer's digits are alike, so whole writers are resampled with replacement. A resample is a count of
    each writer, one row of a matrix product. SciPy's bootstrap would gather N digits instead. Raises ValueError when
    the lengths differ, or with fewer than two writers.

    Source: cluster bootstrap, A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application"
    (1997), section 3.8; percentile interval of B. Efron (1979).
    """
    own, names = np.asarray(values), np.asarray(writers)
    if own.ndim != 1 or own.shape != names.shape:
        raise ValueError(f"values {own.shape} and writers {names.shape} must be one value a digit")
    found, index = np.unique(names, return_inverse=True)
    count = found.size
    if count < 2:
        raise ValueError(f"a bootstrap over writers needs at least 2 writers, not {count}")
    digits, total = np.bincount(index), np.bincount(index, weights=own)
    drawn = _resamples(count, resamples, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile((drawn @ total) / (drawn @ digits), [tail, 1 - tail])
    return float(low), float(high)


@cache
def _resamples(count: int, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Return how often each of so many writers occurs in each resample; a report needs the same ones many times."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
