"""The ink of a line of digits, and candidate cuts between them: all that happens before a model sees single digits.

The page has the same functions in JavaScript (src/inkproof/app/static/js/cuts.js). tests/data/numbers.json has masks
with the cuts that both must find. Gray levels are uint8, 0 to 255. Masks are uint8, 0 (no ink) to 255 (ink), with one
pixel for 4 x 4 pixels of a canvas.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import MASK_SIDE, area_means

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom
MaskOf = Callable[[Image], Image]
Edge = TypeVar("Edge", int, float)

SCALE = CANVAS_SIDE // MASK_SIDE  # canvas pixels along a side of a mask pixel
INK = 128  # a pixel of a mask is ink from this value on, and may be ink from `_MAYBE` on
_MAYBE = 77
_LINES = 1.2  # width in heights of the tallest line, above which lines are not the parts of one digit
_WIDE = 1.2  # width over height of ink above which it may be several digits
_NEAR = 12  # mask pixels: the level of the background is a mean over so many to each side


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
    """Cut a strip out of an image, bring it to the height of a canvas, and find its ink on square tiles.

    Outside the image, the strip has the median level of the image's border. Neighboring tiles overlap by half or more.
    Each column of the mask comes from the tile whose middle is nearest.

    Args:
        levels: the image, gray levels uint8 (H, W).
        left, top, width, side: the strip in pixels of the image; `side` is its height. A strip that is narrower than
            high is widened to a square.
        mask_of: a function from a canvas uint8 (280, 280) to the mask of its ink, uint8 (70, 70).
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
    # First along the longer side, or an image of one row and millions of columns would become as large as 280 rows.
    wide = levels.shape[1] > levels.shape[0]
    means = area_means(levels.T, right, rows).T if wide else area_means(levels, rows, right)
    gray = np.rint(means + border * (1 - inside)).astype(np.uint8)
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
    """Return the box around the ink of a mask (H, W), in its pixels; (0, 0, 0, 0) without ink."""
    rows, columns = (np.flatnonzero((mask >= INK).any(axis=axis)) for axis in (1, 0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else (0, 0, 0, 0)


def connected(ink: NDArray[np.bool_]) -> list[list[tuple[int, int, int]]]:
    """Return the connected parts of the ink (H, W), in 8 directions, from top to bottom.

    A part is a list of runs: (row, first column, last column + 1). A run belongs to the same part as the runs of the
    row above that it touches. This is in Python because importing SciPy would slow down the start of predict.py.
    """
    ends = np.diff(np.pad(ink, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, columns = np.nonzero(ends)
    runs = list(zip(rows[::2].tolist(), columns[::2].tolist(), columns[1::2].tolist(), strict=True))
    owner = list(range(len(runs)))

    def root(one: int) -> int:
        while owner[one] != one:
            one = owner[one]
        return one

    above = 0
    for here, (row, first, last) in enumerate(runs):
        while runs[above][0] < row - 1:
            above += 1
        for other in range(above, here):
            if runs[other][0] == row - 1 and runs[other][1] <= last and first <= runs[other][2]:
                one, two = sorted((root(here), root(other)))
                owner[two] = one
    parts: dict[int, list[tuple[int, int, int]]] = {}
    for here, run in enumerate(runs):
        parts.setdefault(root(here), []).append(run)
    return list(parts.values())


def without_specks(mask: Image) -> Image:
    """Return a mask (H, W) without its specks.

    A speck is a connected part whose longer side is less than a fifth of the height of the tallest part.
    """
    parts = connected(mask >= INK)
    tall = [part[-1][0] + 1 - part[0][0] for part in parts]
    wide = [max(last for _, _, last in part) - min(first for _, first, _ in part) for part in parts]
    kept = np.zeros_like(mask)
    for part, size in zip(parts, map(max, tall, wide), strict=True):
        if 5 * size >= max(tall):
            for row, first, last in part:
                kept[row, first:last] = 1
    near = _largest_around(kept) & ((kept > 0) | (mask < INK))
    return np.where(near, mask, 0).astype(np.uint8)


def _largest_around(levels: Image) -> Image:
    """Return the maximum over each pixel of (H, W) and its eight neighbors."""
    for axis in (0, 1):
        padded = np.pad(levels, [(1, 1) if axis == own else (0, 0) for own in (0, 1)])
        parts = [padded.take(range(start, start + levels.shape[axis]), axis) for start in range(3)]
        levels = np.maximum(np.maximum(parts[0], parts[1]), parts[2])
    return levels


def bands(mask: Image) -> list[tuple[int, int]]:
    """Return the lines of digits in a mask (H, W), each as its first row and its last row + 1.

    Lines are separated by rows without ink. Ink lower than a third of the tallest line is no line.
    """
    rows = np.flatnonzero(np.diff(np.pad((mask >= INK).any(axis=1), 1).astype(np.int8)))
    return lines_among([(int(first), int(last)) for first, last in zip(rows[::2], rows[1::2], strict=True)])


def lines_among(spans: Sequence[tuple[Edge, Edge]]) -> list[tuple[Edge, Edge]]:
    """Return the spans from top to bottom (first, last) that are lines: at least a third as high as the highest."""
    tallest = max((last - first for first, last in spans), default=0)
    return [(first, last) for first, last in spans if 3 * (last - first) >= tallest]


def in_several_lines(lines: Sequence[tuple[float, float]], width: float) -> bool:
    """Return whether ink of this width, whose lines (first, last) these are, is several lines of digits.

    Ink that is narrower, in heights of the tallest line, may be parts of one digit.
    """
    return len(lines) > 1 and width > _LINES * max(last - first for first, last in lines)


class Cut(NamedTuple):
    """A cut from top to bottom.

    Attributes:
        columns: for each row of the ink, the first column to the right of the cut.
        cost: sum of the levels of the ink that it crosses, 255 for each fully black pixel.
    """

    columns: tuple[int, ...]
    cost: int


def cuts_of(ink: Image) -> list[Cut]:
    """Return candidate cuts from left to right, the left and the right end included.

    Around every second column, the path from top to bottom that crosses the least ink is found by dynamic programming.
    From row to row it moves by at most one column, and it stays within a tenth of the height (at least two columns) of
    where it started. Of paths with about the same ink to their left, only the one that crosses the least is kept.

    Args:
        ink: uint8 (H, W), the result of `shrunk` within the box of the mask's ink.
    """
    height, width = ink.shape
    reach = max(2, height // 10)
    starts = np.arange(2, width - 1, 2)
    offsets = np.arange(2 * reach + 1)
    aside = np.abs(offsets - reach)  # added at both ends, as one is for each step aside: the straightest of equal paths
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
    least, most = height * 255 * 2 // 5, height * 255 * 2 // 5  # ink between two cuts, and ink that a cut crosses
    kept = {0: Cut((0,) * height, 0), int(left_of[:, -1].sum()): Cut((width,) * height, 0)}
    for index in sorted(range(len(starts)), key=crossed.__getitem__):
        if crossed[index] <= most and all(abs(before[index] - other) >= least for other in kept):
            kept[before[index]] = Cut(tuple(paths[:, index].tolist()), crossed[index])
    return [kept[ink_before] for ink_before in sorted(kept)]


def piece_of(mask: Image, start: Cut, end: Cut) -> Image:
    """Return a mask (H, W) with only the ink between two of its cuts, without specks."""
    columns = np.arange(mask.shape[1])
    inside = (columns >= np.array(start.columns)[:, np.newaxis]) & (columns < np.array(end.columns)[:, np.newaxis])
    return without_specks(np.where(inside, mask, 0).astype(np.uint8))


def shrunk(ink: Image) -> Image:
    """Return the ink of a strip, uint8 (280, W), on the grid of its mask: (70, W / 4), block means rounded down."""
    return (ink.astype(np.int64).reshape(MASK_SIDE, SCALE, -1, SCALE).sum(axis=(1, 3)) // SCALE**2).astype(np.uint8)


def ink_of(strip: Strip) -> Image:
    """Return the ink of a strip, white on black at full strength: uint8 (280, W), zero where the mask has no ink.

    This follows `inkproof.preprocessing.ink_mask.ink_by_mask` in NumPy, with means over squares instead of Gaussians.
    """
    mask = strip.mask
    small = strip.gray.reshape(MASK_SIDE, SCALE, -1, SCALE).mean(axis=(1, 3))
    clear = (_largest_around(mask) < _MAYBE).astype(np.float64)
    near = _sums(clear)
    whole = (small * clear).sum() / max(clear.sum(), 1.0)
    ground = np.where(near > 0, _sums(small * clear) / np.maximum(near, 1.0), whole)
    inside = np.clip((_enlarged(_enlarged(mask.astype(np.float64)).T).T / 255 - 0.2) / 0.3, 0, 1)
    away = (strip.gray - ground.repeat(SCALE, 0).repeat(SCALE, 1)) * inside
    ink = np.maximum(away if away.sum() > 0 else -away, 0)
    full = 1.25 * (ink**3).sum() / max((ink**2).sum(), 1e-3)
    return np.rint(np.clip(ink * (255 / max(full, 1.0)), 0, 255)).astype(np.uint8)


def _sums(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pixel of (H, W) the sum over the square around it that reaches `_NEAR` pixels to each side."""
    for _ in range(2):
        total = np.pad(np.cumsum(np.pad(levels, ((_NEAR, _NEAR), (0, 0))), axis=0), ((1, 0), (0, 0)))
        levels = (total[2 * _NEAR + 1 :] - total[: -2 * _NEAR - 1]).T
    return np.round(levels, 6)  # a sum of nothing is zero, not nearly zero


def _enlarged(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Enlarge (H, W) to (4 H, W) by linear interpolation between the middles of its rows."""
    at = np.clip((np.arange(len(rows) * SCALE) + 0.5) / SCALE - 0.5, 0, len(rows) - 1)
    low = np.minimum(at.astype(np.int64), len(rows) - 2)
    part = (at - low)[:, np.newaxis]
    return rows[low] * (1 - part) + rows[low + 1] * part


def canvas_of(ink: Image, piece: Image) -> Image:
    """Return a canvas uint8 (280, 280) with the ink of one piece in its middle, black on white.

    Args:
        ink: uint8 (4 H, 4 W), from `ink_of`.
        piece: uint8 (H, W), from `piece_of`. If it is larger than a canvas, every second (third, ...) pixel is taken.
    """
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
    """Return whether a mask (70, 70) may show several digits.

    It may if its ink is much wider than tall, or if two parts side by side each have half of the height or more.
    """
    mask = without_specks(mask)
    left, top, right, bottom = box_of(mask)
    ends = np.flatnonzero(np.diff(np.pad((mask >= INK).any(axis=0), 1).astype(np.int8))).tolist()
    boxes = [box_of(mask[:, first:last]) for first, last in zip(ends[::2], ends[1::2], strict=True)]
    tall = sum(2 * (end - start) >= bottom - top for _, start, _, end in boxes)
    return tall > 1 or right - left > _WIDE * (bottom - top)
