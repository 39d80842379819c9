"""A coarse view of a picture inside a graph: square cells, few enough to do much with at little cost."""

from collections.abc import Callable
from typing import Any

from keras import ops

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
