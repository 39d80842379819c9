"""The Wilson score interval: how far an accuracy counted on n digits can be trusted."""

from math import sqrt
from statistics import NormalDist


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a proportion, as fractions.

    It assumes independent digits; where writers differ, see `inkproof.scoring.writers`. With n = 0 nothing
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
