"""Paired timings: two things measured in turn, so that a machine whose speed drifts slows both alike."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Paired:
    """Figures of two things measured in turn, as many of each, and their ratios pair by pair."""

    ours: list[float]
    baseline: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours through the baseline, for each pair."""
        return [one / other for one, other in zip(self.ours, self.baseline, strict=True)]

    @property
    def median(self) -> float:
        """The median of the ratios."""
        return float(np.median(self.ratios))


def alternate(
    ours: Callable[[], float], baseline: Callable[[], float], pairs: int, done: Callable[[], None] = lambda: None
) -> Paired:
    """Measure both `pairs` times in turn; each pair begins with the one that the pair before ended with.

    `done` is called after each measurement.
    """
    figures: dict[int, list[float]] = {0: [], 1: []}
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            figures[which].append((ours, baseline)[which]())
            done()
    return Paired(figures[0], figures[1])
