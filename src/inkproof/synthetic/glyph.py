"""What glyph templates are put together from: arcs, straight lines and smooth curves, as paths of many points.

Coordinates are those of a digit one unit high, y downward. A path is float64 (N, 2).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

Path = NDArray[np.float64]
Point = tuple[float, float]

SPACING = 0.01
"""About how far apart the points of a path are."""


def arc(center: Point, radii: Point, start: float, end: float, squareness: float = 2.0) -> Path:
    """Return a part of an ellipse, from the angle `start` to `end` in degrees.

    0 is to the right and 90 downward, so rising angles turn clockwise. `squareness` is the exponent of the
    superellipse: 2 is an ellipse, more comes closer to a rectangle.
    """
    count = max(4, round(abs(np.radians(end - start)) * max(radii) / SPACING))
    angle = np.radians(np.linspace(start, end, count))
    across, down = np.cos(angle), np.sin(angle)
    if squareness != 2.0:
        across, down = (np.sign(part) * np.abs(part) ** (2 / squareness) for part in (across, down))
    return resample(np.column_stack([center[0] + radii[0] * across, center[1] + radii[1] * down]), SPACING)


def line(*corners: Point) -> Path:
    """Return the straight lines from corner to corner."""
    return resample(np.array(corners, np.float64), SPACING)


def curve(*controls: Point) -> Path:
    """Return the smooth curve from the first control point to the last that the others pull toward them.

    A clamped uniform B-spline, cubic where there are four points or more.
    """
    degree = min(3, len(controls) - 1)
    inner = np.linspace(0, 1, len(controls) - degree + 1)
    knots = np.concatenate([np.zeros(degree), inner, np.ones(degree)])
    spline = BSpline(knots, np.array(controls, np.float64), degree)
    return resample(spline(np.linspace(0, 1, 40 * len(controls))), SPACING)


def join(*parts: Path) -> Path:
    """Return `parts` drawn without lifting the pen; gaps between them are closed by straight lines."""
    return resample(np.vstack(parts), SPACING)


def arc_length(path: Path) -> NDArray[np.float64]:
    """Return the way along `path` (N, 2) from its first point to each of its points, (N,)."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])


def resample(path: Path, spacing: float) -> Path:
    """Return `path` at points equally far apart, as near to `spacing` as comes out even; the ends are kept."""
    length = arc_length(path)
    return at_lengths(path, np.linspace(0.0, length[-1], max(2, round(length[-1] / spacing) + 1)))


def at_lengths(path: Path, wanted: NDArray[np.float64]) -> Path:
    """Return the points (M, 2) of `path` that lie `wanted` (M,) along it."""
    length = arc_length(path)
    return np.column_stack([np.interp(wanted, length, path[:, axis]) for axis in range(2)])


Uniform = Callable[[float, float], float]
"""Draws a proportion between two limits."""

Write = Callable[[Uniform], list[Path]]
"""Writes a digit about one unit high, in the order and direction of the pen: a path a stroke."""


class GlyphTemplate(NamedTuple):
    """How to write a digit.

    Attributes:
        write: returns its strokes.
        weight: how often it is chosen in relation to the other templates of that digit.
        lean: how far it may lean to the left (negative) and to the right, in degrees, and still be that digit.
    """

    write: Write
    weight: float
    lean: tuple[float, float]


GLYPH_TEMPLATES: dict[int, dict[str, GlyphTemplate]] = {digit: {} for digit in range(10)}


def glyph(digit: int, weight: float = 1.0, lean: tuple[float, float] = (-25, 25)) -> Callable[[Write], Write]:
    """Return a decorator that lists a function among the glyph templates of `digit`, under its own name."""

    def listed(write: Write) -> Write:
        GLYPH_TEMPLATES[digit][write.__name__] = GlyphTemplate(write, weight, lean)
        return write

    return listed
