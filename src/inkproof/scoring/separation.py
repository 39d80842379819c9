"""How well a score tells digits from what is none: the area under the ROC curve and its bootstrap interval."""

import numpy as np
import numpy.typing as npt


def auroc(digits: npt.ArrayLike, negatives: npt.ArrayLike) -> float:
    """Return the chance that a digit scores higher than a negative, equal scores counting half: 0.5 is guessing.

    Scores are (N,) and (M,), the surest digit highest. Raises ValueError when either is empty or not finite.
    """
    # scikit-learn loads slowly and the report stage, which only reads such figures, has to start fast.
    from sklearn.metrics import roc_auc_score

    positive, negative = np.asarray(digits, np.float64), np.asarray(negatives, np.float64)
    if not positive.size or not negative.size:
        raise ValueError(f"an AUROC needs digits and negatives, not {positive.size} and {negative.size}")
    truth = np.repeat([True, False], [positive.size, negative.size])
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


def auroc_interval(
    digits: npt.ArrayLike,
    negatives: npt.ArrayLike,
    digit_groups: npt.ArrayLike | None = None,
    negative_groups: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval (low, high) of `auroc` when digits and negatives are both drawn anew.

    `digit_groups` (N,) names who drew each digit and `negative_groups` (M,) what each negative was drawn after:
    members of a group succeed and fail together, so whole groups are resampled. Without them each drawing is a group
    of its own. Raises ValueError when the lengths differ.

    Source: cluster bootstrap, A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application" (1997).
    """
    positive, negative = np.asarray(digits, np.float64), np.sort(np.asarray(negatives, np.float64))
    order = np.argsort(np.asarray(negatives, np.float64), kind="stable")
    rng = np.random.default_rng(seed)
    by_digit = _groups(digit_groups, positive.size)
    by_negative = _groups(negative_groups, negative.size)[order]
    below, up_to = (np.searchsorted(negative, positive, side=side) for side in ("left", "right"))
    areas = np.empty(resamples)
    for index in range(resamples):
        first, second = _weights(by_digit, rng), _weights(by_negative, rng)
        mass = np.concatenate([[0.0], np.cumsum(second)])
        areas[index] = first @ (mass[below] + mass[up_to]) / 2 / (first.sum() * mass[-1])
    tail = (1 - confidence) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return float(low), float(high)


def _groups(names: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64]:
    """The number of each drawing's group, from 0."""
    if names is None:
        return np.arange(n)
    found = np.asarray(names)
    if found.shape != (n,):
        raise ValueError(f"expected one group for each of {n} drawings, not {found.shape}")
    return np.unique(found, return_inverse=True)[1]


def _weights(groups: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """How often each drawing comes in one resample of the groups."""
    count = int(groups.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count))[groups].astype(np.float64)
