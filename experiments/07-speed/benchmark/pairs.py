"""Paired timings: two measurements alternate, so that a drift of the machine's speed affects both alike."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Paired:
    """The figures of two alternating measurements, equally many, and their ratios pair by pair."""

    ours: list[float]
    baseline: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours divided by the baseline, for each pair."""
        return [one / other for one, other in zip(self.ours, self.baseline, strict=True)]

    @property
    def median(self) -> float:
        """The median of the ratios."""
        return float(np.median(self.ratios))


def alternate(
    ours: Callable[[], float], baseline: Callable[[], float], pairs: int, done: Callable[[], None] = lambda: None
) -> Paired:
    """Measure both `pairs` times, alternating; a pair begins with the one that the previous pair ended with.

    `done` is called after each measurement.
    """
    figures: dict[int, list[float]] = {0: [], 1: []}
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            figures[which].append((ours, baseline)[which]())
            done()
    return Paired(figures[0], figures[1])
