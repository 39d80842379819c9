"""The bootstrap over writers: an interval for digits that come in batches from a few hands."""

import numpy as np
import numpy.typing as npt


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
