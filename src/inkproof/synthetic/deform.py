"""Random deformation of strokes: what tells two writings of one digit apart, whoever writes.

Strokes are paths, float64 (N, 2) each; lengths are given as shares of the digit's longer side, so a digit of
any size is deformed alike. Nothing here changes the order or the direction of strokes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from inkproof.synthetic.glyph import SPACING, Path, arc_length, at_lengths, resample

Strokes = list[Path]
Generator = np.random.Generator


def paths_of(strokes: Iterable[Sequence[Sequence[float]] | NDArray[np.floating[Any]]]) -> Strokes:
    """Return strokes of points [x, y, ...] as paths, without those that have no point."""
    return [np.array([point[:2] for point in stroke], np.float64) for stroke in strokes if len(stroke)]


def log_uniform(low: float, high: float, rng: Generator) -> float:
    """Draw a number from `low` to `high`, its logarithm uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def box(strokes: Sequence[Path]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the top left corner (2,) and the width and height (2,) of all strokes together."""
    points = np.concatenate(strokes)
    return points.min(axis=0), np.ptp(points, axis=0)


def fit(strokes: Sequence[Path], side: float) -> Strokes:
    """Return strokes scaled so that the longer side of their box is `side`, its corner at the origin."""
    corner, extent = box(strokes)
    scale = side / max(float(extent.max()), 1e-9)
    return [(path - corner) * scale for path in strokes]


def affine(strokes: Sequence[Path], slant: float, rotation: float, stretch: tuple[float, float]) -> Strokes:
    """Return strokes stretched along x and y, slanted to the right, then turned clockwise (degrees)."""
    shear, turn = np.tan(np.radians(slant)), np.radians(rotation)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ [[1, -shear], [0, 1]] @ np.diag(stretch)
    return [path @ matrix.T for path in strokes]


def bend(strokes: Sequence[Path], size: float, rng: Generator) -> Strokes:
    """Return strokes displaced by a smooth random field of the plane, of standard deviation `size`.

    The field is a sum of a few waves no shorter than the digit, so what crosses or touches still does.
    """
    corner, extent = box(strokes)
    side = max(float(extent.max()), 1e-9)
    waves = rng.normal(0, 0.45, (6, 2)) * 2 * np.pi  # cycles across the digit; few complete one
    phases = rng.uniform(0, 2 * np.pi, 6)
    heights = rng.normal(0, size * side / np.sqrt(3), (6, 2))
    return [path + np.sin((path - corner) / side @ waves.T + phases) @ heights for path in strokes]


def misplace(strokes: Sequence[Path], size: float, rng: Generator) -> Strokes:
    """Return strokes each moved a little from where it belongs, the first excepted; sizes in units of the path."""
    return [path + (rng.normal(0, size, 2) if number else 0) for number, path in enumerate(strokes)]


def overshoot(path: Path, length: float) -> Path:
    """Let the pen run on past the end of `path` by `length`, in the direction it had."""
    ahead = path[-1] - path[max(0, len(path) - 6)]
    distance = float(np.hypot(*ahead))
    if distance == 0:
        return path
    return np.vstack([path, path[-1] + ahead / distance * length])


def round_corners(path: Path, sigma: float) -> Path:
    """Smooth `path` (points `SPACING` apart) by a Gaussian of `sigma` along it; its ends stay where they are."""
    sigma /= SPACING
    reach = min(int(np.ceil(3 * sigma)), len(path) - 1)
    if reach < 1:
        return path
    # Reflected through its end points, a straight path stays straight and the ends stay put.
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return gaussian_filter1d(padded, sigma, axis=0)[reach:-reach]


def shake(path: Path, size: float, period: float, rng: Generator) -> Path:
    """Add to `path` (points `SPACING` apart) smooth noise of standard deviation `size` that changes over `period`.

    A long period is the drift of an arm, a short one tremor. A short stroke leaves no time to drift.
    """
    sigma = period / SPACING / 2
    noise = gaussian_filter1d(rng.normal(size=(len(path) + 1, 2)), sigma, axis=0, mode="wrap")
    # Smoothing white noise by a Gaussian leaves this part of its standard deviation.
    noise *= np.sqrt(2 * np.sqrt(np.pi) * sigma) * size
    return path + noise[: len(path)] * min(1.0, len(path) * SPACING)


def break_up(path: Path, gap: float, rng: Generator) -> Strokes:
    """Lift the pen for `gap` somewhere in the middle half of `path`; a path too short for it stays whole."""
    length = float(arc_length(path)[-1])
    if length < 8 * gap:
        return [path]
    at = rng.uniform(0.25, 0.75) * length
    return [
        at_lengths(path, np.linspace(low, high, max(2, round((high - low) / SPACING))))
        for low, high in ((0, at - gap / 2), (at + gap / 2, length))
    ]


def sample(path: Path, pace: float) -> Path:
    """Return the points a device reports: about `pace` apart, up to three times closer where the path bends.

    A writer slows down with the curvature to the power of 1/3 (the two-thirds power law; Lacquaniti, Terzuolo
    and Viviani, "The law relating the kinematic and figural aspects of drawing movements", 1983).
    """
    even = resample(path, SPACING)
    if len(even) < 5:
        return even[[0, -1]]
    directions = np.unwrap(np.arctan2(*np.diff(even, axis=0).T[::-1]))
    turning = np.abs(np.gradient(gaussian_filter1d(directions, 2))) / SPACING  # radians a unit
    step = pace * np.clip((1 + turning / 4) ** (-1 / 3), 1 / 3, 1)
    ticks = np.concatenate([[0.0], np.cumsum(SPACING / step)])
    count = max(2, int(np.ceil(ticks[-1])) + 1)
    wanted = np.interp(np.linspace(0, ticks[-1], count), ticks, arc_length(even))
    return at_lengths(even, wanted)


def push(path: Path, length: float, rng: Generator) -> Path:
    """Return `path` as a mouse goes it: in straight pushes about `length` long."""
    way = float(arc_length(path)[-1])
    count = max(1, round(way / length))
    between = np.arange(1, count) + rng.uniform(-0.35, 0.35, count - 1)
    return resample(at_lengths(path, np.concatenate([[0], between / count, [1]]) * way), SPACING)
