"""Maxima and sums over the neighbours of each pixel, inside a graph."""

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
