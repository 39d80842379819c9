"""A style is a function that writes one digit in one way, its proportions new each time; here they are listed."""

from collections.abc import Callable
from typing import NamedTuple

from inkproof.sources.styles.path import Path

Uniform = Callable[[float, float], float]
"""Draws a proportion between two limits."""

Write = Callable[[Uniform], list[Path]]
"""Writes a digit about one unit high, in the order and direction of the pen: a path a stroke."""


class Style(NamedTuple):
    """How to write a digit.

    Attributes:
        write: gives its strokes.
        weight: how often it is chosen in relation to the other styles of that digit.
        lean: how far it may lean to the left (negative) and to the right, in degrees, and still be that digit.
    """

    write: Write
    weight: float
    lean: tuple[float, float]


STYLES: dict[int, dict[str, Style]] = {digit: {} for digit in range(10)}


def style(digit: int, weight: float = 1.0, lean: tuple[float, float] = (-25, 25)) -> Callable[[Write], Write]:
    """Return a decorator that lists a function among the styles of `digit`, under its own name."""

    def listed(write: Write) -> Write:
        STYLES[digit][write.__name__] = Style(write, weight, lean)
        return write

    return listed
