"""The ink of a line of digits, and candidate cuts between them: all that happens before a model sees single digits.

All but `ink_of` is whole numbers, so that another language can do the same; tests/data/numbers.json has test vectors.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import MASK_SIDE, area_means

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom
MaskOf = Callable[[Image], Image]

SCALE = CANVAS_SIDE // MASK_SIDE  # pixels of a canvas for each of its mask
INK = 128  # a pixel of a mask is ink from this value on, and may be ink from `_MAYBE` on
_MAYBE = 77
_WIDE = 1.2  # ink that is so many times as wide as tall may be several digits
_NEAR = 12  # pixels of a mask: the level of the ground is a mean over so many to each side


class Strip(NamedTuple):
    """A line of an image, brought to the height of a canvas.

    Attributes:
        gray: uint8 (280, W), W a multiple of 4.
        mask: uint8 (70, W / 4), where ink is, 0 to 255.
        left, top, scale: pixel (x, y) of `mask` begins at (left + x * scale, top + y * scale) of the image.
    """

    gray: Image
    mask: Image
    left: float
    top: float
    scale: float


def strip_of(levels: Image, left: float, top: float, width: float, side: float, mask_of: MaskOf) -> Strip:
    """Cut a strip of this width and of height `side` out of an image uint8 (H, W), and find its ink on square tiles.

    Beyond the image is the median level of its border. Neighboring tiles overlap by half or more. Each column of the
    mask is from the tile whose middle is nearest.
    """
    step = side / CANVAS_SIDE
    columns = max(CANVAS_SIDE, -(-int(np.ceil(width / step)) // SCALE) * SCALE)
    left -= (columns * step - width) / 2
    ring = np.sort(np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]]))
    border = int(ring[len(ring) // 2])
    rows, right = (
        (np.arange(count + 1) * step + start).astype(np.float64)
        for start, count in ((top, CANVAS_SIDE), (left, columns))
    )
    # Beyond the image, area_means has zero.
    inside = np.outer(
        *(np.diff(np.clip(edges, 0, n)) / step for edges, n in zip((rows, right), levels.shape, strict=True))
    )
    gray = np.rint(area_means(levels, rows, right) + border * (1 - inside)).astype(np.uint8)
    mask = np.empty((MASK_SIDE, columns // SCALE), np.uint8)
    firsts = [*range(0, columns - CANVAS_SIDE, CANVAS_SIDE // 2), columns - CANVAS_SIDE]
    done = 0
    for first, following in zip(firsts, [*firsts[1:], firsts[-1] + CANVAS_SIDE], strict=True):
        stop = (first + following + CANVAS_SIDE) // (2 * SCALE)
        tile = mask_of(gray[:, first : first + CANVAS_SIDE])
        mask[:, done:stop] = tile[:, done - first // SCALE : stop - first // SCALE]
        done = stop
    return Strip(gray, mask, left, top, side / MASK_SIDE)


def box_of(mask: Image) -> Box:
    """Return the box of the ink of a mask; (0, 0, 0, 0) without ink."""
    rows, columns = (np.flatnonzero((mask >= INK).any(axis=axis)) for axis in (1, 0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else (0, 0, 0, 0)


def without_specks(mask: Image) -> Image:
    """Return a mask without connected ink that is neither as tall nor as wide as a fifth of the tallest."""
    labels, _ = ndimage.label(mask >= INK, np.ones((3, 3)))
    sizes = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in ndimage.find_objects(labels)]
    tallest = max((tall for tall, _ in sizes), default=0)
    kept = np.isin(labels, [label for label, size in enumerate(sizes, 1) if 5 * max(size) >= tallest])
    near = _around(kept) & (kept | (mask < INK))
    return np.where(near, mask, 0).astype(np.uint8)


def _around(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) and their eight neighbors."""
    return np.asarray(ndimage.binary_dilation(pixels, np.ones((3, 3))))


def _runs(mask: Image, axis: int) -> list[tuple[int, int]]:
    """Return the runs of columns (of rows for `axis` 1) that have ink: first and last + 1."""
    ends = np.flatnonzero(np.diff(np.pad((mask >= INK).any(axis=axis).astype(np.int8), 1))).tolist()
    return list(zip(ends[::2], ends[1::2], strict=True))


def bands(mask: Image) -> list[tuple[int, int]]:
    """Return the lines of digits in a mask, as first and last row + 1; what is lower than a third belongs to none."""
    found = _runs(mask, 1)
    tallest = max((last - first for first, last in found), default=0)
    return [(first, last) for first, last in found if 3 * (last - first) >= tallest]


class Cut(NamedTuple):
    """A cut from top to bottom: for each row of the ink the first column to its right, and how much ink it crosses."""

    columns: tuple[int, ...]
    cost: int


def cuts_of(ink: Image) -> list[Cut]:
    """Return candidate cuts of the ink (`shrunk`) in the box of a mask's, uint8 (H, W), its two ends included.

    Around every second column, the path from top to bottom is taken that crosses the least ink. It goes at most one
    column aside a row, and stays within a tenth of the height. Of paths with about the same ink to their left, the one
    that crosses the least is kept.
    """
    height, width = ink.shape
    reach = max(2, height // 10)
    starts = np.arange(2, width - 1, 2)
    offsets = np.arange(2 * reach + 1)
    aside = np.abs(offsets - reach)  # at both ends, and one for each step aside: of equal paths, the straightest
    crossing = 2 * np.pad(ink.astype(np.int64), ((0, 0), (reach, reach)))[:, starts[:, np.newaxis] + offsets]
    sums = aside + crossing[0]
    steps = np.zeros(crossing.shape, np.int8)
    for row in range(1, height):
        wide = np.pad(sums, ((0, 0), (1, 1)), constant_values=1 << 40)
        ways = np.stack([wide[:, 1:-1], wide[:, :-2] + 1, wide[:, 2:] + 1])
        best = ways.argmin(axis=0)
        steps[row] = np.array([0, -1, 1])[best]
        sums = ways.min(axis=0) + crossing[row]
    place = (sums + aside).argmin(axis=1)
    paths = np.empty((height, len(starts)), np.int64)
    for row in range(height - 1, -1, -1):
        paths[row] = np.clip(starts + place - reach, 0, width)
        place = place + steps[row, np.arange(len(starts)), place]
    left_of = np.pad(np.cumsum(ink.astype(np.int64), axis=1), ((0, 0), (1, 0)))
    down = np.arange(height)[:, np.newaxis]
    before = left_of[down, paths].sum(axis=0).tolist()
    crossed = np.pad(ink, ((0, 0), (0, 1)))[down, paths].sum(axis=0).tolist()
    least, most = height * 255 * 2 // 5, height * 255 * 2 // 5  # between two cuts, and across one
    kept = {0: Cut((0,) * height, 0), int(left_of[:, -1].sum()): Cut((width,) * height, 0)}
    for index in sorted(range(len(starts)), key=crossed.__getitem__):
        if crossed[index] <= most and all(abs(before[index] - other) >= least for other in kept):
            kept[before[index]] = Cut(tuple(paths[:, index].tolist()), crossed[index])
    return [kept[ink_before] for ink_before in sorted(kept)]


def piece_of(mask: Image, start: Cut, end: Cut) -> Image:
    """Return the mask between two of its cuts, without specks."""
    columns = np.arange(mask.shape[1])
    inside = (columns >= np.array(start.columns)[:, np.newaxis]) & (columns < np.array(end.columns)[:, np.newaxis])
    return without_specks(np.where(inside, mask, 0).astype(np.uint8))


def shrunk(ink: Image) -> Image:
    """Return the ink of a strip uint8 (280, W) on the grid of its mask: (70, W / 4), means of 4 x 4 rounded down."""
    return (ink.astype(np.int64).reshape(MASK_SIDE, SCALE, -1, SCALE).sum(axis=(1, 3)) // SCALE**2).astype(np.uint8)


def ink_of(strip: Strip) -> Image:
    """Return the ink of a strip, white on black at full strength: uint8 (280, W), zero where the mask is.

    As in `inkproof.preprocessing.ink_mask.ink_by_mask`, with means over squares.
    """
    mask = strip.mask
    small = strip.gray.reshape(MASK_SIDE, SCALE, -1, SCALE).mean(axis=(1, 3))
    clear = (~_around(mask >= _MAYBE)).astype(np.float64)
    share, level = (ndimage.uniform_filter(one, 2 * _NEAR + 1, mode="constant") for one in (clear, small * clear))
    whole = (small * clear).sum() / max(clear.sum(), 1.0)
    ground = np.where(share > 1e-6, level / np.maximum(share, 1e-6), whole)  # not 0: the filter's sums are running
    soft = ndimage.zoom(mask.astype(np.float64), SCALE, order=1, mode="nearest", grid_mode=True)
    inside = np.clip((soft / 255 - 0.2) / 0.3, 0, 1)
    away = (strip.gray - ground.repeat(SCALE, 0).repeat(SCALE, 1)) * inside
    ink = np.maximum(away if away.sum() > 0 else -away, 0)
    full = 1.25 * (ink**3).sum() / max((ink**2).sum(), 1e-3)
    return np.rint(np.clip(ink * (255 / max(full, 1.0)), 0, 255)).astype(np.uint8)


def canvas_of(ink: Image, piece: Image) -> Image:
    """Return a canvas uint8 (280, 280) with the ink of one piece (`ink_of`) in its middle, black on white."""
    left, top, right, bottom = box_of(piece)
    left, top, right, bottom = max(left - 1, 0), max(top - 1, 0), right + 1, bottom + 1
    own = piece[top:bottom, left:right].repeat(SCALE, 0).repeat(SCALE, 1) > 0
    part = ink[top * SCALE : bottom * SCALE, left * SCALE : right * SCALE] * own
    block = -(-max(part.shape) // CANVAS_SIDE)  # more than one for what is wider than any digit
    part = part[::block, ::block]
    canvas = np.full((CANVAS_SIDE, CANVAS_SIDE), 255, np.uint8)
    y, x = ((CANVAS_SIDE - side) // 2 for side in part.shape)
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = 255 - part
    return canvas


def perhaps_several(mask: Image) -> bool:
    """Return whether a mask may show several digits: ink apart from left to right, about equally tall, or very wide."""
    mask = without_specks(mask)
    left, top, right, bottom = box_of(mask)
    boxes = [box_of(mask[:, first:last]) for first, last in _runs(mask, 0)]
    tall = sum(2 * (end - start) >= bottom - top for _, start, _, end in boxes)
    return tall > 1 or right - left > _WIDE * (bottom - top)
