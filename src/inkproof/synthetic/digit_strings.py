"""Strings of digits: the drawn digits of one writer side by side, from far apart to touching, on white or on paper."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.preprocessing.strokes import render
from inkproof.synthetic import deform, paper
from inkproof.synthetic.glyph import resample

GAPS = ("loose", "tight", "touching")
"""All gaps of a string are of one kind.

loose has 0.25 to 0.6 of a digit's height between the boxes of digits, tight 0.04 to 0.12 between their ink. Ink is
touching otherwise.
"""

HEIGHT = 100.0  # units that the tallest digits have; a canvas has 280
LENGTHS = (2, 3, 4, 5, 6)
_MARGIN = 40.0  # units around the ink
_DEEPEST = 25.0  # units that the box of a digit may reach into that of the one before


class DigitString(NamedTuple):
    """A string of digits by one writer.

    Attributes:
        labels: the digits from left to right.
        strokes: of each digit, its paths (N, 2), in units of which a digit is 85 to 100 high.
        brush: diameter of the pen, in these units.
        size: (width, height) that holds all strokes with a margin, in these units.
    """

    labels: list[int]
    strokes: list[deform.Strokes]
    brush: float
    size: tuple[float, float]


def digit_string(digits: Sequence[Drawing], count: int, gap: str, rng: np.random.Generator) -> DigitString:
    """Put `count` of `digits`, labeled drawings of one writer with strokes, side by side; `gap` is one of `GAPS`."""
    brush = deform.log_uniform(5, 13, rng)
    placed: list[deform.Strokes] = []
    chosen = [digits[index] for index in rng.integers(len(digits), size=count)]
    for drawing in chosen:
        paths = deform.paths_of(drawing.strokes or [])
        corner, extent = deform.box(paths)
        scale = HEIGHT * rng.uniform(0.85, 1.0) / max(extent[1], 0.6 * extent[0], 1.0)
        middle = corner + extent / 2
        paths = [(path - middle) * scale + (0.0, rng.uniform(-6, 6)) for path in paths]
        if placed:
            paths = _beside(placed[-1], paths, gap, brush, rng)
        placed.append(paths)
    corner, extent = deform.box([path for paths in placed for path in paths])
    moved = [[path - corner + _MARGIN for path in paths] for paths in placed]
    labels = [int(drawing.label or 0) for drawing in chosen]
    width, height = (extent + 2 * _MARGIN).tolist()
    return DigitString(labels, moved, brush, (width, height))


def _beside(
    left: deform.Strokes, right: deform.Strokes, gap: str, brush: float, rng: np.random.Generator
) -> deform.Strokes:
    """Move the digit `right` to the right of `left`, as near as `gap` says."""
    (corner, extent), (start, _) = deform.box(left), deform.box(right)
    end = corner[0] + extent[0] - start[0]  # the shift at which their boxes meet
    if gap == "loose":
        shift = end + brush + HEIGHT * rng.uniform(0.25, 0.6)
        return [path + np.array([shift, 0.0]) for path in right]
    # The pens' paths are this far apart where they are nearest. Touching ink overlaps by a quarter of the pen at most.
    apart = brush + HEIGHT * rng.uniform(0.04, 0.12) if gap == "tight" else brush * rng.uniform(0.75, 1.0)
    one, other = (np.concatenate([resample(p, 1.5) if len(p) > 1 else p for p in paths]) for paths in (left, right))
    shift = end + apart
    while shift > end - _DEEPEST and cdist(one, other + np.array([shift - 1.0, 0.0])).min() >= apart:
        shift -= 1.0
    return [path + np.array([shift, 0.0]) for path in right]


def on_white(string: DigitString, height: int) -> NDArray[np.uint8]:
    """Draw a string black on white, uint8 (`height`, W)."""
    scale = height / string.size[1]
    width = round(string.size[0] * scale)
    paths = [path * scale for digit in string.strokes for path in digit]
    image = np.full((height, width), 255, np.uint8)
    for top in range(0, height, CANVAS_SIDE):
        for left in range(0, width, CANVAS_SIDE):
            tile = render([(path - (left, top)).tolist() for path in paths], brush=string.brush * scale)
            part = image[top : top + CANVAS_SIDE, left : left + CANVAS_SIDE]
            part[:] = tile[: part.shape[0], : part.shape[1]]
    return image


def on_paper(string: DigitString, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lay a string on generated paper, with blur and noise, uint8 (`height`, W); a third is light on dark."""
    ink = (255 - on_white(string, height)).astype(np.float32) / 255
    side = max(ink.shape)  # the layers are made for squares
    top, left = (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2
    ground = np.full((side, side), rng.uniform(140, 255), np.float32)
    for share, layer in _LAYERS:
        if rng.random() < share:
            ground = layer(ground, rng)
    ground = ground[top : top + ink.shape[0], left : left + ink.shape[1]]
    levels = np.maximum(ground, 0) * (1 - ink * rng.uniform(0.5, 1.0))
    levels = ndimage.gaussian_filter(levels, rng.uniform(0.3, 1.2))
    levels += rng.uniform(1, 10) * rng.standard_normal(ink.shape)
    levels = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    return 255 - levels if rng.random() < 0.33 else levels


_LAYERS = (
    (0.6, paper.gradient),
    (0.5, paper.grain),
    (0.3, paper.ruled),
    (0.15, paper.single_line),
    (0.2, paper.soft_shadow),
    (0.1, paper.crease),
)
