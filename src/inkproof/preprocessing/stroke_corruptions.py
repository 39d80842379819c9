"""Corruptions of strokes: where they lie and how they are drawn; how severity is graded, and what counts as ink."""

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import ink_box

SEVERITIES = (1, 2, 3, 4, 5)

Canvas = NDArray[np.uint8]
Corruption = Callable[[Canvas, int, np.random.Generator], Canvas]
Level = TypeVar("Level")


def graded(
    *levels: Level, of: str = "ink"
) -> Callable[[Callable[[Canvas, Level, np.random.Generator], Canvas]], Corruption]:
    """Make a corruption (canvas, severity, rng) -> canvas of a function that works at a given strength.

    Args:
        levels: what the function gets for the severities 1 to 5.
        of: "ink" gives the function bright ink on a dark ground, whatever the polarity of the canvas, and
            turns its result back; "light" gives it the canvas as it is.

    The corruption takes uint8 (280, 280) and returns the same, never the array it was given. It raises
    ValueError for another shape or type, or a severity that is none.
    """
    assert len(levels) == len(SEVERITIES) and of in ("ink", "light")

    def decorate(function: Callable[[Canvas, Level, np.random.Generator], Canvas]) -> Corruption:
        @wraps(function)
        def corruption(canvas: Canvas, severity: int, rng: np.random.Generator) -> Canvas:
            if severity not in SEVERITIES:
                raise ValueError(f"a severity is 1 to {SEVERITIES[-1]}, not {severity}")
            if canvas.dtype != np.uint8 or canvas.shape != (CANVAS_SIDE, CANVAS_SIDE):
                raise ValueError(f"a canvas is uint8 ({CANVAS_SIDE}, {CANVAS_SIDE}), not {canvas.dtype} {canvas.shape}")
            level = levels[severity - 1]
            if of == "light" or ground(canvas) < 128:
                return function(canvas, level, rng)
            return 255 - function(255 - canvas, level, rng)

        return corruption

    return decorate


def ground(canvas: Canvas) -> int:
    """Return the gray level of the paper: the median of the outermost ring of pixels."""
    ring = np.concatenate([canvas[0], canvas[-1], canvas[1:-1, 0], canvas[1:-1, -1]])
    return int(np.sort(ring)[len(ring) // 2])


def ink_mask(ink: Canvas) -> NDArray[np.bool_]:
    """Return where bright ink stands out from its ground by more than half of what the strongest does."""
    low, high = ground(ink), int(ink.max())
    return 2 * ink.astype(np.uint16) > low + high


# Pixels kept free between ink and edge wherever a corruption is not about being cut off.
_MARGIN = 3
# Made smaller than this, a canvas is blurred before it is sampled.
_COARSE = 0.8


@graded(0.2, 0.4, 0.6, 0.8, 1.0)
def translate(ink: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Move the digit toward a corner, 20, 40, 60, 80 and 100% of the way that keeps all ink on the canvas.

    `translate` of MNIST-C, which moves by 1 to 5 pixels of 28 in both directions.
    """
    top, bottom, left, right = ink_box(ink_mask(ink))
    down, rightwards = rng.integers(0, 2, 2).tolist()
    room_y = CANVAS_SIDE - bottom if down else top
    room_x = CANVAS_SIDE - right if rightwards else left
    dy, dx = (round(share * max(0, room - _MARGIN)) for room in (room_y, room_x))
    return _moved(ink, dy if down else -dy, dx if rightwards else -dx)


@graded(0.85, 0.70, 0.55, 0.40, 0.25)
def scale(ink: Canvas, factor: float, rng: np.random.Generator) -> Canvas:
    """Draw the digit smaller, at 85, 70, 55, 40 and 25% of its size, strokes and all, around its middle.

    `scale` of MNIST-C, which goes down to 50%; a canvas has pixels for less.
    """
    return _mapped(ink, np.diag((factor, factor)))


@graded(7, 14, 21, 28, 35)
def rotate(ink: Canvas, degrees: float, rng: np.random.Generator) -> Canvas:
    """Turn the digit around its middle by 7, 14, 21, 28 and 35 degrees, to either side.

    `rotate` of MNIST-C, which goes to one radian (57 degrees), where many a 7 has become a 1 or a caret.
    """
    angle = np.radians(degrees) * _sign(rng)
    return _mapped(ink, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


@graded(0.15, 0.30, 0.45, 0.60, 0.75)
def shear(ink: Canvas, slope: float, rng: np.random.Generator) -> Canvas:
    """Slant the digit to either side, by 0.15, 0.3, 0.45, 0.6 and 0.75 pixels a row.

    `shear` of MNIST-C, which goes to 1.6 (57 degrees from upright); 0.75 are 37 degrees.
    """
    return _mapped(ink, np.array([[1.0, 0.0], [slope * _sign(rng), 1.0]]))


@graded(0.04, 0.08, 0.12, 0.16, 0.20)
def cut_off(ink: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Push the digit over an edge, so that 4, 8, 12, 16 and 20% of its height or width are gone."""
    top, bottom, left, right = ink_box(ink_mask(ink))
    rows, columns = round(share * (bottom - top)), round(share * (right - left))
    dy, dx = (
        (-top - rows, 0),
        (CANVAS_SIDE - bottom + rows, 0),
        (0, -left - columns),
        (0, CANVAS_SIDE - right + columns),
    )[int(rng.integers(4))]
    return _moved(ink, dy, dx)


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.integers(2) else -1


def _moved(ink: Canvas, dy: int, dx: int) -> Canvas:
    """Move by whole pixels; paper comes in, what leaves is lost."""
    moved = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE), ground(ink))
    moved.paste(Image.fromarray(ink), (dx, dy))
    return np.array(moved)


def _mapped(ink: Canvas, matrix: NDArray[np.float64]) -> Canvas:
    """Map the digit by `matrix` (2, 2), in (y, x), around the middle of its box.

    What would leave the canvas is made smaller, where it is too large, and moved back inside: these corruptions
    are not about cutting off.
    """
    mask = ink_mask(ink)
    top, bottom, left, right = ink_box(mask)
    if top == bottom:
        return ink.copy()
    middle = np.array([top + bottom, left + right]) / 2
    outline = (_outline(mask) - middle) @ matrix.T
    fit = min(1.0, (CANVAS_SIDE - 2 * _MARGIN) / np.ptp(outline, axis=0).max())
    matrix, outline = matrix * fit, outline * fit + middle
    inside = np.maximum(_MARGIN - outline.min(axis=0), 0) + np.minimum(CANVAS_SIDE - _MARGIN - outline.max(axis=0), 0)
    image = Image.fromarray(ink)
    factor = float(np.sqrt(abs(np.linalg.det(matrix))))
    if factor < _COARSE:
        # Pillow looks at the four nearest pixels only: blur what it would jump over into them first.
        image = image.filter(ImageFilter.BoxBlur((1 / factor - 1) / 2))
    # Pillow wants to know where each pixel comes from, and x before y.
    back = np.linalg.inv(matrix)
    (yy, yx), (xy, xx) = back.tolist()
    dy, dx = (middle - back @ (middle + inside)).tolist()
    mapped = image.transform(
        (CANVAS_SIDE, CANVAS_SIDE),
        Image.Transform.AFFINE,
        (xx, xy, dx, yx, yy, dy),
        Image.Resampling.BILINEAR,
        fillcolor=ground(ink),
    )
    return np.array(mapped)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Corners (n, 2), in (y, x), of the first and last ink of each row: the outermost points are among them."""
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask[rows].argmax(axis=1), CANVAS_SIDE - mask[rows, ::-1].argmax(axis=1)
    return np.stack([np.concatenate([rows, rows + 1] * 2), np.concatenate([first, first, last, last])], axis=1)


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
    bottom, right = min(CANVAS_SIDE // 2, -(-bottom // 2) + around), min(CANVAS_SIDE // 2, -(-right // 2) + around)
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
    coverage = np.full((CANVAS_SIDE, CANVAS_SIDE), outside, np.float32)
    top, left = 2 * half.top, 2 * half.left
    coverage[top : top + 2 * height, left : left + 2 * width] = np.clip(2 * np.asarray(large) + 0.5, 0, 1)
    return coverage


def _scaled(ink: Canvas, kept: Field) -> Canvas:
    low = ground(ink)
    return np.rint(low + (ink.astype(np.float32) - low) * kept).astype(np.uint8)
