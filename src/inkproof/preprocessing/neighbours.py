"""Maxima and sums over the neighbours of each pixel, inside a graph."""

from collections.abc import Callable
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


# Cells along the longer side of the picture, or one a pixel where it has fewer pixels.
_CELLS = 56


def cell_size(pictures: Any) -> int:
    """Pixels along a side of the cells of pictures (B, H, W)."""
    return -(-max(pictures.shape[1:]) // _CELLS)


def cell_means(pictures: Any) -> Any:
    """Mean over each cell, (B, H, W) to (B, h, w); beyond the right and lower edge of the picture all is zero."""
    size, rows, columns = _layout(pictures)
    bands = ops.sum(ops.reshape(_whole_cells(pictures), (-1, rows, size, columns * size)), axis=2)
    return ops.sum(ops.reshape(bands, (-1, rows, columns, size)), axis=3) / (size * size)


def on_cells(operation: Callable[[Any, Any], Any], pictures: Any, cells: Any) -> Any:
    """`operation` of the pixels of pictures (B, H, W) and the cells (B, h, w) they lie in; returns (B, H, W)."""
    size, rows, columns = _layout(pictures)
    height, width = pictures.shape[1:]
    bands = ops.reshape(_whole_cells(pictures), (-1, rows, size, columns * size))
    # Along the columns first: a band then goes with its rows of pixels in one long step, not in one for each cell.
    wide = ops.reshape(cells[:, :, :, None] * ops.ones((size,)), (-1, rows, 1, columns * size))
    return ops.reshape(operation(bands, wide), (-1, rows * size, columns * size))[:, :height, :width]


def _layout(pictures: Any) -> tuple[int, int, int]:
    size = cell_size(pictures)
    height, width = pictures.shape[1:]
    return size, -(-height // size), -(-width // size)


def _whole_cells(pictures: Any) -> Any:
    size, rows, columns = _layout(pictures)
    height, width = pictures.shape[1:]
    if (rows * size, columns * size) == (height, width):
        return pictures
    return ops.pad(pictures, ((0, 0), (0, rows * size - height), (0, columns * size - width)))


def yes(answers: Any) -> Any:
    """Return 1.0 where `answers` is true and 0.0 elsewhere: masks are multiplied and summed."""
    return ops.cast(answers, "float32")
