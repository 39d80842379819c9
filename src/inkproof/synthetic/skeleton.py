"""From a skeleton's notation to smooth pen paths."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.synthetic.deform import affine, box
from inkproof.synthetic.glyph import resample

Points = NDArray[np.float64]

STEP = 0.5
"""Spacing of the points of a smooth path, in skeleton units (a digit is 100 units high)."""


@dataclass(frozen=True, slots=True)
class PenStroke:
    """One stroke of a skeleton: its control points (N, 2) and the indices of those that are corners."""

    points: Points
    corners: frozenset[int]


def parse(notation: str) -> list[PenStroke]:
    """Read a skeleton such as "10,32 36,1! 35,100 | 2,50 60,50"; raises ValueError if it is malformed.

    Strokes stand between bars. A point is x,y, and ! marks it as a corner.
    """
    return [_parse_stroke(part) for part in notation.split("|")]


def _parse_stroke(text: str) -> PenStroke:
    tokens = text.split()
    if len(tokens) < 2:
        raise ValueError(f"a stroke needs two points: {text!r}")
    points = [[float(number) for number in token.rstrip("!").split(",")] for token in tokens]
    return PenStroke(np.array(points), frozenset(i for i, token in enumerate(tokens) if token.endswith("!")))


def smooth(stroke: PenStroke) -> Points:
    """The smooth path (M, 2) through the stroke's points.

    Centripetal Catmull-Rom splines (Barry and Goldman, 1988; Yuksel et al., 2011), which neither loop nor
    cusp between control points; the spline is begun afresh at each corner.
    """
    cuts = [0, *sorted(c for c in stroke.corners if 0 < c < len(stroke.points) - 1), len(stroke.points) - 1]
    pieces: list[Points] = [stroke.points[:1]]
    for first, last in pairwise(cuts):
        run = stroke.points[first : last + 1]
        guides = np.vstack([2 * run[0] - run[1], run, 2 * run[-1] - run[-2]])
        pieces += [_piece(guides[i : i + 4]) for i in range(len(run) - 1)]
    return np.vstack(pieces)


def _piece(guides: Points) -> Points:
    """The spline between the middle two of four guides (4, 2), without its first point."""
    gaps = np.maximum(np.sqrt(np.linalg.norm(np.diff(guides, axis=0), axis=1)), 1e-6)
    t = np.concatenate([[0.0], np.cumsum(gaps)])
    count = max(2, int(np.linalg.norm(guides[2] - guides[1]) / STEP))
    at = np.linspace(t[1], t[2], count + 1)[1:, None]

    def between(a: Points, b: Points, low: float, high: float) -> Points:
        return ((high - at) * a + (at - low) * b) / (high - low)

    a1 = between(guides[0], guides[1], t[0], t[1])
    a2 = between(guides[1], guides[2], t[1], t[2])
    a3 = between(guides[2], guides[3], t[2], t[3])
    b1 = between(a1, a2, t[0], t[2])
    b2 = between(a2, a3, t[1], t[3])
    return between(b1, b2, t[1], t[2])


MARGIN = 11.0  # the center line keeps this far from the edge, so that a brush of 20 pixels stays whole
_ROOM = CANVAS_SIDE - 2 * MARGIN
_PACE = 5.0  # pixels between two points of a stroke


def bent(paths: list[Points], rng: np.random.Generator) -> list[Points]:
    """Move every point by a smooth random field over the whole drawing: three slow waves in each direction."""
    low, sides = box(paths)
    extent = float(max(sides.max(), 1.0))
    waves = rng.normal(0, 3.0, (3, 2))
    phases = rng.uniform(0, 2 * np.pi, 3)
    heights = rng.normal(0, 0.022 * extent, (3, 2))
    return [path + np.sin((path - low) / extent @ waves.T + phases) @ heights for path in paths]


def placed(paths: list[Points], rng: np.random.Generator, height: float, turn: float = 6.0) -> list[Points]:
    """Turn, slant and stretch the drawing, and put it somewhere on the canvas, `height` pixels high if it fits.

    `turn` is the standard deviation of the rotation in degrees.
    """
    rotation, slant = rng.normal(0, turn), float(np.clip(rng.normal(3, 7), -14, 18))
    paths = affine(paths, slant, rotation, (float(np.exp(rng.normal(0, 0.1))), 1.0))
    low, extent = box(paths)
    scale = min(height / max(extent[1], 1.0), _ROOM / max(extent.max(), 1.0))
    corner = MARGIN + rng.uniform(0, 1, 2) * (_ROOM - extent * scale)
    paths = [(path - low) * scale + corner for path in paths]
    # Points come as a device reports them; a dot stays one point.
    return [resample(path, _PACE) if np.ptp(path, axis=0).any() else path[:1] for path in paths]


WRITER = "inkproof"
CREATED = "2026-11-21"


def authored(
    name: str, label: int | None, source: str, strokes: list[list[list[float]]], writer: str = WRITER
) -> Drawing:
    """Return the drawing called `name` of `strokes`, in pixels of the canvas, that this repository itself draws."""
    canvas = (CANVAS_SIDE, CANVAS_SIDE)
    return Drawing(name, label, writer, source, canvas, strokes=strokes, image=None, created=CREATED)
