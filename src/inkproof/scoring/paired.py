"""Two models on the same digits: is the difference more than chance?"""

import numpy as np
import numpy.typing as npt


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
