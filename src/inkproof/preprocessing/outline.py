"""Neighbors of each pixel and the outline of strokes, inside a graph: sharpened, measured, moved."""

from typing import Any

import numpy as np
from keras import ops


def dilated(grid: Any, square: bool = True) -> Any:
    """Maximum over the 3 x 3 pixels around each, or over it and its four nearest; nothing (zero) is beyond.

    Steps of one and the other in turn move an edge of any direction by nearly one pixel each: what they grow a
    point to is an octagon, nearly a disc.

    Args:
        grid: float32 (B, H, W), not negative.
    """
    padded = ops.pad(grid, ((0, 0), (1, 1), (1, 1)))
    middle = padded[:, 1:-1]
    tall = ops.maximum(ops.maximum(padded[:, :-2], padded[:, 2:]), middle)
    wide = tall if square else middle
    return ops.maximum(ops.maximum(wide[:, :, :-2], wide[:, :, 2:]), tall[:, :, 1:-1])


def square_maxima(grid: Any, side: int) -> Any:
    """Maximum over the square of `side` pixels (odd) around each of (B, H, W); nothing (zero) is beyond."""
    for axis in (1, 2):
        size = grid.shape[axis]
        around = [(0, 0)] * 3
        around[axis] = (side // 2, side // 2)
        line = ops.pad(grid, around)
        window = 1
        while window < side:  # 2, 4, 8, ... pixels; the last two windows overlap
            step = min(window, side - window)
            length = line.shape[axis] - step
            line = ops.maximum(_part(line, axis, 0, length), _part(line, axis, step, length))
            window += step
        grid = _part(line, axis, 0, size)
    return grid


def square_sums(grid: Any, side: int) -> Any:
    """Sum over the square of `side` pixels (odd) around each of (B, H, W)."""
    rows, columns = grid.shape[1:]
    return ops.matmul(ops.matmul(_band(rows, side), grid), _band(columns, side))


def _part(grid: Any, axis: int, start: int, length: int) -> Any:
    return grid[:, start : start + length] if axis == 1 else grid[:, :, start : start + length]


def _band(size: int, side: int) -> Any:
    apart = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    return ops.convert_to_tensor((apart <= side // 2).astype(np.float32))


def strongest(images: Any) -> Any:
    """Return the largest value of each image, (B, H, W) to (B, 1, 1)."""
    return ops.max(images, axis=(1, 2), keepdims=True)


def yes(mask: Any) -> Any:
    """Return 1.0 where `mask` is true and 0.0 elsewhere: masks are multiplied and summed."""
    return ops.cast(mask, "float32")


# Half way between the strongest and the weakest ink within so many pixels is the outline ...
_REACH = 4
# ... where the strongest has at least this share of the strongest of all: less is no stroke ...
_FAINT = 0.2
# ... and the weakest at most this share of the strongest: more is no hole.
_HOLE = 0.65
# The edge of a sharpened stroke rises by so much a pixel.
_STEEPNESS = 2.0
# A smooth curve is 4/pi times as long in rows and columns as it is in truth; an outline of hard pixels runs along
# rows and columns only, and is no longer. From the first ratio on it is smooth, from the second down all stairs.
_SMOOTH, _STAIRS = 1.17, 1.14
# Gray along the outline, as the width of a line of it in output pixels: black and white pixels have none
# whatever their size, while an image of 28 x 28 as soft as MNIST's has 0.6 (nearly all more than 0.45).
_SOFT, _HARD = 0.4, 0.3


def sharpened(grid: Any) -> Any:
    """Bring strokes of any strength to full strength, and gaps between them to none, with a narrow edge.

    Args:
        grid: float32 (B, S, S), ink as a share of full strength.

    Returns:
        float32 (B, S, S), 0 to 1.
    """
    ink, paper = grid, 1.0 - grid
    for _ in range(_REACH):
        ink, paper = dilated(ink), dilated(paper)
    most = ops.maximum(strongest(grid), 1e-3)
    high = ops.maximum(ink, _FAINT * most)
    low = ops.minimum(1.0 - paper, _HOLE * high)
    return ops.clip(_STEEPNESS * ((grid - low) / (high - low) - 0.5) + 0.5, 0.0, 1.0)


def stroke_width(grid: Any) -> Any:
    """Mean width of strokes in pixels: twice their area over the length of their outline.

    The length is the sum of the gradient's magnitude (the total variation), which takes no skeleton and no
    threshold. float32 (B, S, S) to (B, 1), 0 where there is no ink.
    """
    down, across = _slopes(grid)
    return 2.0 * _total(grid) / ops.maximum(_length(down, across), 1e-3)


def stairs(grid: Any, pixels: int) -> tuple[Any, Any]:
    """How far an outline is one of pixels, by enlarging a small image, and how far of hard ones.

    Args:
        grid: float32 (B, S, S), ink as a share of full strength.
        pixels: so many pixels of the grid are one of the output.

    Returns:
        float32 (B, 1) twice, 0 to 1; hard ones are of black and white alone, as Paint draws them.
    """
    down, across = _slopes(grid)
    length = ops.maximum(_length(down, across), 1e-3)
    ratio = 0.5 * (_total(ops.abs(down)) + _total(ops.abs(across))) / length
    gray = 4.0 * _total(grid * (1.0 - grid)) / length / pixels
    stepped = ops.clip((_SMOOTH - ratio) / (_SMOOTH - _STAIRS), 0.0, 1.0)
    return stepped, stepped * ops.clip((_SOFT - gray) / (_SOFT - _HARD), 0.0, 1.0)


def _slopes(grid: Any) -> tuple[Any, Any]:
    """Twice the slope down and across, (B, S, S) each; the outermost pixels have none."""
    down = ops.pad(grid[:, 2:, :] - grid[:, :-2, :], ((0, 0), (1, 1), (0, 0)))
    across = ops.pad(grid[:, :, 2:] - grid[:, :, :-2], ((0, 0), (0, 0), (1, 1)))
    return down, across


def _length(down: Any, across: Any) -> Any:
    return 0.5 * _total(ops.sqrt(ops.square(down) + ops.square(across)))


def _total(grid: Any) -> Any:
    return ops.sum(grid, axis=(1, 2))[:, None]


# What an opening takes away so clearly has become as thin as a step and must stay ...
_RIDGE = 0.35
# ... if it is a line, at least so many of the 5 x 5 pixels around, or all that is left there. A corner leaves one
# pixel or two beside the rest.
_LINE = 3


def with_outline_moved(grid: Any, shape: Any, amount: Any, hard: Any, steps: int) -> Any:
    """Move the outline of strokes out by `amount` pixels, or in where it is negative.

    Growing ink is shrinking paper, and neither is shrunk away: a stroke or a gap that has become thin keeps its
    middle line, so that strokes do not break and holes do not close. A part of a pixel is a mean of two steps.

    Args:
        grid: float32 (B, S, S), 0 to 1: what an amount of zero gives.
        shape: float32 (B, S, S), 0 to 1: the same with a clear outline, which is moved.
        amount: float32 (B, 1), at most `steps` either way.
        hard: float32 (B, 1), 0 to 1: how far `shape` is to take the place of `grid` whatever the amount.
        steps: how many pixels an outline can be moved.

    Returns:
        float32 (B, S, S), 0 to 1.
    """
    grows = ops.cast(amount > 0, "float32")[:, :, None]
    amount = ops.abs(amount)[:, :, None]
    kept = ops.relu(1.0 - ops.maximum(amount, hard[:, :, None]))
    shrinking = ops.abs(grows - shape)
    moved = ops.relu(1.0 - amount - kept) * shrinking
    for step in range(1, steps + 1):
        shrinking = _shrunk(shrinking, square=step % 2 == 0)
        moved = moved + ops.relu(1.0 - ops.abs(amount - step)) * shrinking
    return kept * grid + ops.abs(grows * (1.0 - kept) - moved)


def _shrunk(shape: Any, square: bool) -> Any:
    less = 1.0 - dilated(1.0 - shape, square)
    opened = dilated(less, square)
    ridge = yes(shape - opened > _RIDGE)
    line = yes(square_sums(ridge, 5) > _LINE - 0.5)
    alone = yes(dilated(opened) < _RIDGE)
    kept = shape * ridge * ops.maximum(line, alone)
    # What lies between a kept line and the rest joins the two.
    joint = ops.minimum(shape, ops.minimum(dilated(kept, square=False), opened))
    return ops.maximum(ops.maximum(less, kept), joint)
