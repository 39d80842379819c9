"""A digit of MNIST as if it had been written with another pen: bolder, finer, or in hard pixels on a small picture."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.ink.strokes import SIDE

# Outlines are moved on a grid of so many pixels a side.
_GRID = 140
_INK = 110  # level from which a pixel of the grid is ink
# Share of pictures in hard pixels; within what limits the longer side lies there, in pixels, and the share of them
# whose lines are one pixel wide, where others have two.
_PIXELS = 0.35
_SMALL = (7.0, 20.0)
_FINE = 0.6
# Stroke width wanted, as a share of the longer side; MNIST's own lie around an eighth.
_WIDTH = (0.07, 0.30)
# Strokes are thinned by so great a share of their width at most, since they are not equally wide everywhere, and
# grown by so many pixels of the grid.
_THINNED, _GROWN = 0.45, 17.0
# What grows into a hole leaves this share of its width.
_HOLE = 0.2
_LEAST_HOLE = 12  # pixels of the grid; what is smaller is a fault of the scan


def redrawn(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return `digit`, white on black, uint8 (28, 28) or (280, 280), with another stroke width, on a canvas.

    Returns uint8 (280, 280), white on black. No bolder pen closes a hole, though coarse pixels may; a blank stays one.
    """
    # SciPy's image functions are wanted for training data alone.
    from scipy.ndimage import distance_transform_edt

    enlarged = digit.shape[0] < _GRID
    picture = Image.fromarray(digit).resize(
        (_GRID, _GRID), Image.Resampling.BICUBIC if enlarged else Image.Resampling.BOX
    )
    ink = np.asarray(picture) >= _INK
    if not ink.any():
        return np.zeros((SIDE, SIDE), np.uint8)
    # Distance to the outline: positive in the ink, negative outside.
    depth = distance_transform_edt(ink) - distance_transform_edt(~ink)
    rows, columns = np.nonzero(ink)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    width = 4 * depth[ink].mean()  # across a straight stroke the mean depth is a quarter of its width
    if rng.random() >= _PIXELS:
        wanted = side * np.exp(rng.uniform(*np.log(_WIDTH)))
        shape = _moved(ink, depth, width, wanted)
        return np.asarray(Image.fromarray(shape).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    pixel = side / np.exp(rng.uniform(*np.log(_SMALL)))
    pencil = 1 if rng.random() < _FINE else 2
    shape = _moved(ink, depth, width, 0.9 * pencil * pixel)
    count = max(4, round(_GRID / pixel))
    small = np.asarray(Image.fromarray(shape).resize((count, count), Image.Resampling.BOX)) >= 100
    return np.asarray(Image.fromarray(255 * small.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.NEAREST))


def _moved(ink: NDArray[np.bool_], depth: NDArray[np.float64], width: float, wanted: float) -> NDArray[np.uint8]:
    """The shape with strokes of `width` made `wanted` pixels wide, with a soft edge of one pixel."""
    by = min((wanted - width) / 2, _GROWN, (1 - _HOLE) * _smallest_hole(ink, depth))
    return np.rint(255 * np.clip(depth + max(by, -_THINNED * width / 2) + 0.5, 0, 1)).astype(np.uint8)


def _smallest_hole(ink: NDArray[np.bool_], depth: NDArray[np.float64]) -> float:
    """By how much the outline may move outward before a hole is closed; infinite without a hole."""
    from scipy.ndimage import label, minimum

    regions, count = label(~ink)
    outside = set(np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])))
    sizes = np.bincount(regions.ravel())
    holes = [region for region in range(1, count + 1) if region not in outside and sizes[region] >= _LEAST_HOLE]
    return float(-max(minimum(depth, regions, holes))) if holes else np.inf
