"""Paper separated from ink inside a graph: the level of the ground, its unevenness and noise, and specks on it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from inkproof.preprocessing.outline import square_maxima, square_sums, strongest, yes

# Cells along the longer side of the image, or one a pixel where it has fewer pixels.
_CELLS = 56


def cell_size(images: Any) -> int:
    """Pixels along a side of the cells of images (B, H, W)."""
    return -(-max(images.shape[1:]) // _CELLS)


def cell_means(images: Any) -> Any:
    """Mean over each cell, (B, H, W) to (B, h, w); beyond the right and lower edge of the image all is zero."""
    size, rows, columns = _layout(images)
    bands = ops.sum(ops.reshape(_whole_cells(images), (-1, rows, size, columns * size)), axis=2)
    return ops.sum(ops.reshape(bands, (-1, rows, columns, size)), axis=3) / (size * size)


def on_cells(operation: Callable[[Any, Any], Any], images: Any, cells: Any) -> Any:
    """`operation` of the pixels of images (B, H, W) and the cells (B, h, w) they lie in; returns (B, H, W)."""
    size, rows, columns = _layout(images)
    height, width = images.shape[1:]
    bands = ops.reshape(_whole_cells(images), (-1, rows, size, columns * size))
    # Along the columns first: a band then goes with its rows of pixels in one long step, not in one for each cell.
    wide = ops.reshape(cells[:, :, :, None] * ops.ones((size,)), (-1, rows, 1, columns * size))
    return ops.reshape(operation(bands, wide), (-1, rows * size, columns * size))[:, :height, :width]


def _layout(images: Any) -> tuple[int, int, int]:
    size = cell_size(images)
    height, width = images.shape[1:]
    return size, -(-height // size), -(-width // size)


def _whole_cells(images: Any) -> Any:
    size, rows, columns = _layout(images)
    height, width = images.shape[1:]
    if (rows * size, columns * size) == (height, width):
        return images
    return ops.pad(images, ((0, 0), (0, rows * size - height), (0, columns * size - width)))


# The border is one output pixel (of 28 x 28) wide, so that a hairline around the paper is no paper.
_STRIPS = 28
# Segments along each side of it: enough to see a bent ground, and long enough that few strokes fill one.
_SEGMENTS = 4
# A segment is lighter than the level if seven tenths of it are, and darker likewise: a stroke may fill the rest.
_MOST = (0.3, 0.7)
# A segment this far off the ground's level, in shares of the strongest contrast, is ink that touches the edge ...
_INK = 0.6
# ... and so is one this far off the surface through the others. On the way there it may pull at the surface less
# and less.
_PULLS = (0.2, 0.1, 0.1, 0.05, 0.05, 0.05)
_OFF = 0.08
_REFITS = 4
# What is wider than this share of the longer side is a shadow, not a stroke ...
_WIDEST_STROKE = 0.3
# ... unless it has more than this share of the strongest ink: then it is a blot or a filled loop.
_DARKEST_SHADOW = 0.5
# Noise is what stays below so many times its root mean square, fading up to half as much again ...
_NOISE = 3.0
_FADE = 0.5
# ... in this share of the segments: in others the digit may touch the edge.
_CLEAN = 0.3


def flat_ground(images: Any) -> Any:
    """Level of the ground, the median of the border: (B, H, W) to (B, 1, 1), a whole number."""
    height, width = images.shape[1:]
    rows, columns = _strip(height), _strip(width)
    ring = [
        images[:, :rows, :],
        images[:, height - rows :, :],
        images[:, rows : height - rows, :columns],
        images[:, rows : height - rows, width - columns :],
    ]
    levels = ops.concatenate([_flat(part) for part in ring if 0 not in part.shape[1:]], axis=1)
    return _quantile(levels[:, None, :])[:, :, None]


def bent_ground(images: Any, level: Any) -> Any:
    """The ground at each pixel where it is `level` (B, 1, 1) in the main: (B, H, W), just that on even paper.

    A surface of the second order, fitted to sixteen segments of the border without those that show ink (least
    squares with outliers pulled in, then left out).
    """
    height, width = images.shape[1:]
    segments, places = _border_segments(images)
    low, high = (ops.concatenate([_quantile(part, share) for part in segments], axis=1) for share in _MOST)
    away = ops.relu(low - level[:, :, 0]) - ops.relu(level[:, :, 0] - high)
    most, least = (of(images, axis=(1, 2))[:, None] for of in (ops.max, ops.min))
    contrast = ops.maximum(most - level[:, :, 0], level[:, :, 0] - least)
    y, x = places.T
    basis = np.stack([np.ones_like(y), y, x, y * y, y * x, x * x])
    solution = np.linalg.pinv(basis)
    fit = ops.convert_to_tensor((solution @ basis).astype(np.float32))
    paper = yes(ops.abs(away) <= _INK * contrast)
    seen = paper * away
    for pull in _PULLS:
        surface = ops.matmul(seen, fit)
        seen = surface + paper * ops.clip(away - surface, -pull * contrast, pull * contrast)
    for _ in range(_REFITS):
        surface = ops.matmul(seen, fit)
        near = paper * yes(ops.abs(away - surface) <= _OFF * contrast)
        seen = surface + near * (away - surface)
    terms = ops.matmul(seen, ops.convert_to_tensor(solution.astype(np.float32)))
    one, down, across, yy, yx, xx = (terms[:, index : index + 1] for index in range(6))
    zero = ops.zeros_like(one)
    table = [level[:, :, 0] + one, across, xx, down, yx, zero, yy, zero, zero]
    table = ops.reshape(ops.concatenate(table, axis=1), (-1, 3, 3))
    return ops.matmul(ops.matmul(_powers(height), table), ops.transpose(_powers(width)))


def ink_is_dark(away: Any) -> Any:
    """Whether the ink is darker than the ground: `away` (B, H, W) from it, to (B, 1, 1), 1 or 0."""
    return ops.cast(ops.sum(away * ops.abs(away), axis=(1, 2), keepdims=True) < 0, "float32")


def without_shadows(ink: Any, peak: Any) -> Any:
    """Take away what is too wide for a stroke (a gray opening of the cell means): (B, H, W) to the same.

    `peak` (B, 1, 1) is the strongest ink.
    """
    cells = cell_means(ink)
    rows, columns = cells.shape[1:]
    reach = round(_WIDEST_STROKE * max(rows, columns)) // 2
    # Beyond the image is paper: a stroke along the edge is no wider for it, and a shadow reaches far inside.
    paper = strongest(cells) - ops.pad(cells, ((0, 0), (reach, reach), (reach, reach)))
    lasting = ops.relu(strongest(cells) - square_maxima(paper, 2 * reach + 1))
    shadows = square_maxima(lasting, 2 * reach + 1)[:, reach : reach + rows, reach : reach + columns]
    shadows = shadows * yes(shadows <= _DARKEST_SHADOW * peak)
    return ops.relu(on_cells(ops.subtract, ink, shadows))


def noise_floor(away: Any) -> Any:
    """Up to which distance `away` (B, H, W) from the ground is noise: (B, 1, 1), zero where the border is clean."""
    segments, _ = _border_segments(away)
    deviations = ops.concatenate([ops.sqrt(ops.mean(ops.square(part), axis=2)) for part in segments], axis=1)
    # Counted in steps of a sixteenth of a level.
    return _NOISE / 16 * _quantile(16 * deviations[:, None, :], _CLEAN, bits=12)[:, :, None]


def without_noise(ink: Any, floor: Any) -> Any:
    """Clear what is below the `floor` (B, 1, 1) and leave what is well above as it is: (B, H, W) to the same."""
    return ink * ops.clip((ink - floor) * (1.0 / ops.maximum(_FADE * floor, 1e-3)), 0.0, 1.0)


def _border_segments(images: Any) -> tuple[list[Any], np.ndarray]:
    """Segments of the border, (B, 8, n) and (B, 8, m), and their middles (16, 2), -1 to 1 down and across."""
    height, width = images.shape[1:]
    rows, columns = _strip(height), _strip(width)
    ends = [slice(0, rows), slice(height - rows, height)], [slice(0, columns), slice(width - columns, width)]
    groups = [
        [(end, part) for end in ends[0] for part in _cuts(width)],
        [(part, end) for end in ends[1] for part in _cuts(height)],
    ]
    segments = [ops.stack([_flat(images[:, down, across]) for down, across in group], axis=1) for group in groups]
    middles = [
        ((down.start + down.stop) / height - 1, (across.start + across.stop) / width - 1)
        for group in groups
        for down, across in group
    ]
    return segments, np.array(middles)


def _strip(side: int) -> int:
    return max(1, side // _STRIPS)


def _cuts(side: int) -> list[slice]:
    length = -(-side // _SEGMENTS)
    starts = np.rint(np.linspace(0, side - length, _SEGMENTS)).astype(int)
    return [slice(int(start), int(start) + length) for start in starts]


def _powers(side: int) -> Any:
    """1, t, t*t for t from -1 to 1 along a side: (side, 3)."""
    along = (2 * np.arange(side) + 1) / side - 1
    return ops.convert_to_tensor(np.stack([np.ones(side), along, along * along], axis=1).astype(np.float32))


def _flat(images: Any) -> Any:
    return ops.reshape(images, (-1, images.shape[1] * images.shape[2]))


def _quantile(values: Any, share: float = 0.5, bits: int = 8) -> Any:
    """Level that a `share` of the values along the last axis reaches: (B, S, n), below 2**bits, to (B, S).

    Found bit by bit as the highest whole level with fewer values below: sorting is no operator of LiteRT.
    """
    wanted = share * values.shape[2]
    found = ops.zeros_like(values[:, :, 0])
    for bit in reversed(range(bits)):
        tried = found + 2.0**bit
        below = ops.sum(ops.clip(tried[:, :, None] - values, 0.0, 1.0), axis=2)
        found = ops.where(below < wanted, tried, found)
    return found


# A line of one pixel through a cell of n x n pixels fills 1/n of it. A cell is empty with less than a quarter of
# that, or less than this share of the strongest ink: it holds a lone pixel.
_LINE_SHARE, _EMPTY = 0.25, 0.05
# Paper alone, however noisy, has no cell with three quarters of a line, or this share.
_BLANK_LINE_SHARE, _BLANK = 0.75, 0.12
# On dirty paper a cell is also empty with less than so many times the mean of the border's cells, where none
# counts for more than this share of the strongest ink, since it may be the digit that touches the edge.
_DIRT, _DIRT_LIMIT = 8.0, 0.2
# A speck fits a square of so many cells, holds at most this share of the ink, and has so many empty cells around.
# What is larger must be lonelier, or it is a piece of a broken stroke.
_SPECKS = ((3, 0.01, 2), (5, 0.02, 2), (9, 0.04, 2), (11, 0.1, 4))


def without_specks(ink: Any, peak: Any) -> Any:
    """Clear what is no part of a digit; what is too little to be one leaves a blank.

    Args:
        ink: float32 (B, H, W), white on black.
        peak: float32 (B, 1, 1), the strongest ink, above 0.

    Returns:
        float32 (B, H, W): `ink`, and zero in the cells of specks.
    """
    line = 1.0 / cell_size(ink)
    mass = cell_means(ink) / peak
    edges = [mass[:, 0, :], mass[:, -1, :], mass[:, 1:-1, 0], mass[:, 1:-1, -1]]
    dirt = ops.mean(ops.minimum(ops.concatenate(edges, axis=1), _DIRT_LIMIT), axis=1)[:, None, None]
    present = yes(mass > ops.maximum(min(_EMPTY, _LINE_SHARE * line), _DIRT * dirt))
    present = present * yes(strongest(mass) > min(_BLANK, _BLANK_LINE_SHARE * line))
    keep = yes(square_sums(present, 3) > 0.5)
    mass = mass * present
    whole = ops.sum(mass, axis=(1, 2), keepdims=True)
    for side, share, apart in _SPECKS:
        inside = square_sums(mass, side)
        around = square_sums(present, side + 2 * apart) - square_sums(present, side)
        speck = yes(around < 0.5) * yes(inside > 0) * yes(inside < share * whole)
        keep = keep * yes(square_sums(speck, side) < 0.5)
    return on_cells(ops.multiply, ink, keep)
