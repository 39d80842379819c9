"""Resampling by area inside a graph: each axis is one small matrix, so a picture is two matrix products."""

from typing import Any

from keras import ops


def overlaps(low: Any, step: Any, count: int, size: int) -> Any:
    """How much of each source pixel lies in each of `count` equal intervals, as a share of the interval.

    Multiplied from the left with columns of pixels it gives exact area means; beyond the picture all is zero.

    Args:
        low: float32 (B, 1), where the first interval begins, in pixels; pixel i reaches from i to i + 1.
        step: float32 (B, 1), the length of an interval in pixels, above 0.
        count: number of intervals N.
        size: number of source pixels H.

    Returns:
        float32 (B, N, H).
    """
    begins = (low + step * _indices(count))[:, :, None]
    step = step[:, :, None]
    pixels = _indices(size)[None, None, :]
    reach = ops.minimum(begins + step, pixels + 1.0) - ops.maximum(begins, pixels)
    return ops.relu(reach) / step


def triangles(width: Any, size: int) -> Any:
    """A smoothing of `size` pixels by a triangle that falls to zero at `width` pixels to either side.

    Grown pixels lose their steps when `width` is the size to which they grew: that is linear interpolation. A
    width of one or less changes nothing. Near the ends the triangle is cut off, as beyond all is zero.

    Args:
        width: float32 (B, 1).

    Returns:
        float32 (B, size, size).
    """
    width = ops.maximum(width, 1.0)[:, :, None]
    apart = ops.abs(_indices(size)[:, None] - _indices(size)[None, :])[None]
    return ops.relu(width - apart) / ops.square(width)


def shifts(by: Any, count: int, size: int) -> Any:
    """A move by whole pixels: what stood at index i stands at i + `by`.

    Args:
        by: float32 (B, 1), whole numbers.

    Returns:
        float32 (B, count, size): ones where they belong and zeros elsewhere.
    """
    apart = _indices(count)[:, None] - _indices(size)[None, :]
    return ops.relu(1.0 - ops.abs(apart[None] - by[:, :, None]))


def extent(strongest: Any, least: Any) -> tuple[Any, Any]:
    """First of the pixels that reach `least`, and how many there are from it to the last of them.

    Args:
        strongest: float32 (B, H), the strongest ink in each row.
        least: float32 (B, 1).

    Returns:
        float32 (B, 1) twice; 0 and H where none reaches it.
    """
    size = strongest.shape[1]
    index = _indices(size)[None, :]
    inside = ops.cast(strongest >= least, "float32")
    none = 1.0 - ops.max(inside, axis=1, keepdims=True)
    last = ops.max(inside * (index + 1.0), axis=1, keepdims=True) + size * none
    first = size - ops.max(inside * (size - index), axis=1, keepdims=True) - size * none
    return first, last - first


def both_ways(rows: Any, pictures: Any, columns: Any) -> Any:
    """Resample (B, H, W) by `rows` (B, N, H) and `columns` (B, M, W) to (B, N, M)."""
    return ops.matmul(ops.matmul(rows, pictures), ops.transpose(columns, (0, 2, 1)))


def _indices(count: int) -> Any:
    return ops.cast(ops.arange(count), "float32")
