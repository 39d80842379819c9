"""Corruptions of the pen: strokes thinner, thicker, or broken.

All three work on the distance of each pixel to the edge of the ink, at half the canvas's resolution: distances
vary so smoothly that nothing is lost by enlarging them, and they take a quarter of the time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from inkproof.ink.corruptions.grading import Canvas, graded, ground, ink_box, ink_mask
from inkproof.ink.strokes import SIDE

Field = NDArray[np.float32]

# Where the edges on both sides are equally near, the distance to the edge stops rising: its slope, 1 elsewhere,
# is at most 1/2 there. At a square corner it is 0.71, which must not count, or thinning would leave spikes.
_RIDGE_SLOPE = 0.6
# What thinning leaves of the distance on a middle line, in half pixels. With what sampling and smoothing take off
# the ridge this is a hairline of five pixels; without it strokes of ten would fade and break.
_HAIRLINE = 0.5
# Half pixels between the middles of two gaps.
_APART = 22


@graded(0.25, 0.45, 0.62, 0.77, 0.90)
def thin(ink: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Make each stroke 25, 45, 62, 77 and 90% thinner around its own middle line.

    Nothing gets thinner than about five pixels, a fiftieth of the canvas, so that strokes hold together."""
    half = _distances(ink, 4)
    if half is None:
        return ink.copy()
    width = half.distance[half.nearest[0], half.nearest[1]]
    # Smooth edges want a smooth width; but where the stroke is thinner than the stretch around it, its own counts.
    width = np.minimum(width, ndimage.gaussian_filter(width, 3.0))
    kept = _coverage(half, half.distance - np.minimum(share * width, width - _HAIRLINE))
    return _scaled(ink, kept)


@graded(3, 6, 9, 12, 16)
def thick(ink: Canvas, pixels: float, rng: np.random.Generator) -> Canvas:
    """Make each stroke 3, 6, 9, 12 and 16 pixels thicker, as a broader pen along the same path would."""
    half = _distances(ink, round(pixels / 2) + 4)
    if half is None:
        return ink.copy()
    grown = _coverage(half, half.distance + pixels / 4)
    return np.maximum(ink, np.rint(grown * int(ink.max())).astype(np.uint8))


@graded((1, 6), (2, 8), (3, 10), (4, 13), (5, 16))
def broken(ink: Canvas, gaps: tuple[int, int], rng: np.random.Generator) -> Canvas:
    """Leave gaps across strokes, as a failing pen does: 1 of 6 pixels, 2 of 8, 3 of 10, 4 of 13, 5 of 16."""
    half = _distances(ink, 4)
    if half is None:
        return ink.copy()
    count, length = gaps
    ridge = np.argwhere(half.ridge)
    chosen: list[NDArray[np.intp]] = []
    for point in rng.permutation(ridge):
        if all(np.hypot(*(point - other)) >= _APART for other in chosen):
            chosen.append(point)
            if len(chosen) == count:
                break
    # A pixel belongs to the point of the middle line nearest to it, so gaps run straight across the stroke.
    away = np.full(half.distance.shape, np.inf, np.float32)
    for point in chosen:
        np.minimum(away, np.hypot(half.nearest[0] - point[0], half.nearest[1] - point[1]), out=away)
    kept = _coverage(half, ndimage.gaussian_filter(np.minimum(away, 99) - length / 4, 0.7), outside=1.0)
    return _scaled(ink, kept)


class _Half(NamedTuple):
    """Distances at half resolution in a window around the ink."""

    top: int
    left: int
    distance: Field  # to the edge of the ink, in half-resolution pixels, negative outside
    ridge: NDArray[np.bool_]  # the middle lines of the strokes
    nearest: NDArray[np.int32]  # (2, h, w): row and column of the nearest ridge pixel


def _distances(ink: Canvas, around: int) -> _Half | None:
    """Distances in the window that surrounds the ink by `around` half pixels, or None for a blank."""
    top, bottom, left, right = ink_box(ink_mask(ink))
    if top == bottom:
        return None
    top, left = max(0, top // 2 - around), max(0, left // 2 - around)
    bottom, right = min(SIDE // 2, -(-bottom // 2) + around), min(SIDE // 2, -(-right // 2) + around)
    levels = ink[2 * top : 2 * bottom, 2 * left : 2 * right].astype(np.uint16)
    levels = levels[::2] + levels[1::2]
    levels = levels[:, ::2] + levels[:, 1::2]
    inside = levels > 2 * (ground(ink) + int(ink.max()))
    edt = ndimage.distance_transform_edt
    distance = np.where(inside, edt(inside) - 0.5, 0.5 - edt(~inside)).astype(np.float32)
    distance = ndimage.gaussian_filter(distance, 1.0)
    slope_y, slope_x = np.gradient(distance)
    ridge = (np.hypot(slope_y, slope_x) < _RIDGE_SLOPE) & (distance > 0.5)
    if not ridge.any():
        ridge = distance == distance.max()
    nearest = edt(~ridge, return_distances=False, return_indices=True)
    return _Half(top, left, distance, ridge, nearest)


def _coverage(half: _Half, field: Field, outside: float = 0.0) -> Field:
    """Enlarge a field, positive where ink is, to the share float32 (280, 280) that ink covers of each pixel."""
    height, width = field.shape
    large = Image.fromarray(field.astype(np.float32)).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    coverage = np.full((SIDE, SIDE), outside, np.float32)
    top, left = 2 * half.top, 2 * half.left
    coverage[top : top + 2 * height, left : left + 2 * width] = np.clip(2 * np.asarray(large) + 0.5, 0, 1)
    return coverage


def _scaled(ink: Canvas, kept: Field) -> Canvas:
    low = ground(ink)
    return np.rint(low + (ink.astype(np.float32) - low) * kept).astype(np.uint8)
