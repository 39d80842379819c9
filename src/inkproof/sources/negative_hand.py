"""The hand that draws negatives: it bends a shape, slants it, and puts it somewhere on the canvas."""

import numpy as np
from numpy.typing import NDArray

from inkproof.sources.starter.skeleton import Points

CANVAS = 280
MARGIN = 11.0  # the centre line keeps this far from the edge, so that a brush of 20 pixels stays whole
_ROOM = CANVAS - 2 * MARGIN
_PACE = 5.0  # pixels between two points of a stroke


def bent(paths: list[Points], rng: np.random.Generator) -> list[Points]:
    """Move every point by a smooth random field over the whole drawing: three slow waves in each direction."""
    everything = np.vstack(paths)
    low, extent = everything.min(axis=0), float(max(np.ptp(everything, axis=0).max(), 1.0))
    wave = rng.normal(0, 3.0, (3, 2))
    phase = rng.uniform(0, 2 * np.pi, 3)
    size = rng.normal(0, 0.022 * extent, (3, 2))

    def field(path: Points) -> NDArray[np.float64]:
        return np.sin((path - low) / extent @ wave.T + phase) @ size

    return [path + field(path) for path in paths]


def placed(paths: list[Points], rng: np.random.Generator, height: float, turn: float = 6.0) -> list[Points]:
    """Turn, slant and stretch the drawing, and put it somewhere on the canvas, `height` pixels high if it fits.

    `turn` is the standard deviation of the rotation in degrees.
    """
    angle, slant = np.radians(rng.normal(0, turn)), np.tan(np.radians(np.clip(rng.normal(3, 7), -14, 18)))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[np.exp(rng.normal(0, 0.1)), -slant], [0.0, 1.0]])
    paths = [path @ matrix.T for path in paths]
    everything = np.vstack(paths)
    low, extent = everything.min(axis=0), np.ptp(everything, axis=0)
    scale = min(height / max(extent[1], 1.0), _ROOM / max(extent.max(), 1.0))
    corner = MARGIN + rng.uniform(0, 1, 2) * (_ROOM - extent * scale)
    return [_spaced((path - low) * scale + corner) for path in paths]


def _spaced(path: Points) -> Points:
    """`path` (M, 2) at points some `_PACE` pixels apart, as a device reports them; a dot stays one point."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0.0, length[-1], max(2, round(length[-1] / _PACE) + 1)) if length[-1] > 0 else length[:1]
    return np.column_stack([np.interp(at, length, path[:, k]) for k in range(2)])
