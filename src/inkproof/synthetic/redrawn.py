"""MNIST's digits re-rendered: with a stroke added, or with another pen."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, label, minimum

from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import block_canvases

_BLOCK = CANVAS_SIDE // IMAGE_SIDE
_INK = 96  # level from which a pixel of MNIST belongs to the digit
# A stroke is seldom wider than so many pixels of MNIST; what is wider is a junction.
_WIDEST = 4.5
# Limits within which flags differ: degrees between stem and flag, share of the stem's height, share of its width,
# and how far the middle of the flag is out of line, as a share of its length (standard deviation).
_FLAG_ANGLE, _FLAG_LENGTH, _FLAG_WIDTH, _FLAG_BEND = (20.0, 52.0), (0.25, 0.6), (0.8, 1.1), 0.08
# Bars: share of the height from the top, length as a share of the height, degrees by which they rise or fall, share of
# their length by which they lie to one side of the stem, share of the stem's width, and how far they are bent.
_BAR_HEIGHT, _BAR_LENGTH, _BAR_TILT = (0.42, 0.62), (0.32, 0.6), (-22.0, 12.0)
_BAR_ASIDE, _BAR_WIDTH, _BAR_BEND = (-0.12, 0.12), (0.7, 0.95), 0.06
# Tails: radius of the curve as a share of the height, degrees that it turns, how much flatter and wider than a circle
# it is, share of the stem's width; and by how much the upper or left part of such a 9 grows against the rest.
_TAIL_RADIUS, _TAIL_TURN, _TAIL_FLAT, _TAIL_WIDE = (0.16, 0.38), (70.0, 170.0), (0.55, 1.0), (1.0, 1.6)
_TAIL_WIDTH, _TAIL_PROPORTION = (0.8, 1.0), (-0.45, 0.45)

Generator = np.random.Generator
DigitImage = NDArray[np.uint8]


def with_added_stroke(digit: DigitImage, label: int, rng: Generator) -> DigitImage:
    """Return a canvas uint8 (280, 280), white on black, of `digit`, uint8 (28, 28), with the stroke of its `label`.

    `label` is one of `ADDED`; `rng` decides how long, steep and bent the stroke is. Raises ValueError for an image
    without ink.
    """
    if not (digit >= _INK).any():
        raise ValueError("a blank image has no stem to add a stroke to")
    return _ADD[label](digit, rng)


def _with_flag(one: DigitImage, rng: Generator) -> DigitImage:
    """Down to the left from the top of the stem, as wide as that."""
    ink = one >= _INK
    rows, columns = np.nonzero(ink)
    top, bottom = rows.min(), rows.max()
    head, foot = columns[rows <= top + 1].mean(), columns[rows >= bottom - 1].mean()
    height = bottom - top + 1
    stem = ink.sum() / np.hypot(height, head - foot)
    # Clockwise from upright: the stem's own lean, and on to the way down and left.
    angle = np.arctan2(head - foot, bottom - top) + np.pi + np.radians(rng.uniform(*_FLAG_ANGLE))
    along = np.array([np.sin(angle), -np.cos(angle)]) * rng.uniform(*_FLAG_LENGTH) * height * _BLOCK
    start = np.array([head + 0.5, top + stem / 2]) * _BLOCK
    middle = start + along / 2 + rng.normal(0, _FLAG_BEND) * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, CANVAS_SIDE // 4)[:, None]  # a quadratic Bezier curve
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * (start + along)
    return _drawn(block_canvases(one), path, stem * _BLOCK * rng.uniform(*_FLAG_WIDTH))


def _with_bar(seven: DigitImage, rng: Generator) -> DigitImage:
    """Across the stem, about half way down."""
    ink = seven >= _INK
    rows = np.flatnonzero(ink.any(axis=1))
    top, height = rows[0], rows[-1] - rows[0] + 1
    at = top + rng.uniform(*_BAR_HEIGHT) * height
    right = np.flatnonzero(ink[int(at)] if ink[int(at)].any() else ink[rows[-1]])[-1]
    stem = _stroke(ink[int(at) :])
    length = rng.uniform(*_BAR_LENGTH) * height * _BLOCK
    middle = np.array([(right + 1 - stem / 2) * _BLOCK + rng.uniform(*_BAR_ASIDE) * length, (at + 0.5) * _BLOCK])
    tilt = np.radians(rng.uniform(*_BAR_TILT))
    t = np.linspace(-1, 1, CANVAS_SIDE // 4)[:, None]
    bow = rng.normal(0, _BAR_BEND) * length * (1 - t**2) * [0, 1]
    path = middle + t * [np.cos(tilt), np.sin(tilt)] * (length / 2) + bow
    return _drawn(block_canvases(seven), path, stem * _BLOCK * rng.uniform(*_BAR_WIDTH))


def _with_tail(nine: DigitImage, rng: Generator) -> DigitImage:
    """Round to the left from the foot of the stem; the whole is smaller, to make room."""
    ink = nine >= _INK
    rows = np.flatnonzero(ink.any(axis=1))
    bottom, height = rows[-1], rows[-1] - rows[0] + 1
    stem = _stroke(ink[bottom - height // 3 :])
    foot = np.flatnonzero(ink[bottom - 1 : bottom + 1].any(axis=0)).mean() + 0.5
    radius = rng.uniform(*_TAIL_RADIUS) * height * _BLOCK
    turned = np.radians(np.linspace(0, rng.uniform(*_TAIL_TURN), CANVAS_SIDE // 4))
    across = -radius * rng.uniform(*_TAIL_WIDE) * (1 - np.cos(turned))
    down = radius * rng.uniform(*_TAIL_FLAT) * np.sin(turned)
    room = CANVAS_SIDE // 2
    start = np.array([foot * _BLOCK, (bottom + 1 - stem / 2) * _BLOCK]) + room
    canvas = _drawn(
        np.pad(block_canvases(nine), room),
        start + np.stack([across, down], axis=1),
        stem * _BLOCK * rng.uniform(*_TAIL_WIDTH),
    )
    return _proportioned(canvas.reshape(CANVAS_SIDE, 2, CANVAS_SIDE, 2).mean(axis=(1, 3)).round().astype(np.uint8), rng)


_ADD: dict[int, Callable[[DigitImage, Generator], DigitImage]] = {1: _with_flag, 7: _with_bar, 9: _with_tail}
ADDED = tuple(_ADD)
"""The digits that are given a stroke."""


def _stroke(ink: NDArray[np.bool_]) -> float:
    """The width in pixels of the stroke that runs down through `ink`, the median over its rows."""
    widths = ink.sum(axis=1)
    return float(np.clip(np.median(widths[widths > 0]), 1.5, _WIDEST)) if widths.any() else 1.5


def _drawn(canvas: DigitImage, path: NDArray[np.float64], brush: float) -> DigitImage:
    """`canvas` with a `path` (N, 2) of close points drawn on it by a round brush, white."""
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    radius = brush / 2
    for x, y in path:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image)


def _proportioned(canvas: DigitImage, rng: Generator) -> DigitImage:
    """`canvas` with one end of each axis of its ink stretched at the cost of the other; the box stays."""
    for axis in (0, 1):
        found = np.flatnonzero((canvas >= _INK).any(axis=1 - axis))
        low, extent = found[0], max(found[-1] - found[0], 1)
        place = (np.arange(CANVAS_SIDE) - low) / extent
        before = np.linspace(0, 1, CANVAS_SIDE)
        after = before + rng.uniform(*_TAIL_PROPORTION) * before * (1 - before)
        inside = (place > 0) & (place < 1)
        source = np.where(inside, np.interp(place, after, before), place) * extent + low
        canvas = canvas.take(np.clip(np.rint(source).astype(int), 0, CANVAS_SIDE - 1), axis=axis)
    return canvas


# Outlines are moved on a grid of so many pixels a side.
_GRID = 140

_GRID_INK = 110  # level from which a pixel of the grid is ink

# Share of images in hard pixels; within what limits the longer side lies there, in pixels, and the share of them
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
_LEAST_HOLE = 12  # pixels of the grid; what is smaller is a defect of the scan


def redrawn(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return `digit`, white on black, uint8 (28, 28) or (280, 280), with another stroke width, on a canvas.

    Returns uint8 (280, 280), white on black. No bolder pen closes a hole, though coarse pixels may; a blank stays one.
    """
    enlarged = digit.shape[0] < _GRID
    image = Image.fromarray(digit).resize(
        (_GRID, _GRID), Image.Resampling.BICUBIC if enlarged else Image.Resampling.BOX
    )
    ink = np.asarray(image) >= _GRID_INK
    if not ink.any():
        return np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    # Distance to the outline: positive in the ink, negative outside.
    depth = distance_transform_edt(ink) - distance_transform_edt(~ink)
    rows, columns = np.nonzero(ink)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    width = 4 * depth[ink].mean()  # across a straight stroke the mean depth is a quarter of its width
    if rng.random() >= _PIXELS:
        wanted = side * np.exp(rng.uniform(*np.log(_WIDTH)))
        shape = _moved(ink, depth, width, wanted)
        return np.asarray(Image.fromarray(shape).resize((CANVAS_SIDE, CANVAS_SIDE), Image.Resampling.BILINEAR))
    pixel = side / np.exp(rng.uniform(*np.log(_SMALL)))
    pencil = 1 if rng.random() < _FINE else 2
    shape = _moved(ink, depth, width, 0.9 * pencil * pixel)
    count = max(4, round(_GRID / pixel))
    small = np.asarray(Image.fromarray(shape).resize((count, count), Image.Resampling.BOX)) >= 100
    return np.asarray(
        Image.fromarray(255 * small.astype(np.uint8)).resize((CANVAS_SIDE, CANVAS_SIDE), Image.Resampling.NEAREST)
    )


def _moved(ink: NDArray[np.bool_], depth: NDArray[np.float64], width: float, wanted: float) -> NDArray[np.uint8]:
    """The shape with strokes of `width` made `wanted` pixels wide, with a soft edge of one pixel."""
    by = min((wanted - width) / 2, _GROWN, (1 - _HOLE) * _smallest_hole(ink, depth))
    return np.rint(255 * np.clip(depth + max(by, -_THINNED * width / 2) + 0.5, 0, 1)).astype(np.uint8)


def _smallest_hole(ink: NDArray[np.bool_], depth: NDArray[np.float64]) -> float:
    """By how much the outline may move outward before a hole is closed; infinite without a hole."""
    regions, count = label(~ink)
    outside = set(np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])))
    sizes = np.bincount(regions.ravel())
    holes = [region for region in range(1, count + 1) if region not in outside and sizes[region] >= _LEAST_HOLE]
    return float(-max(minimum(depth, regions, holes))) if holes else np.inf
