"""Strokes to canvas: a round antialiased brush drawn along the pen's path."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE

# A segment is cut into pieces no longer than this, so that all pieces fit boxes of one small size and are
# drawn together; cutting changes no distance, as the nearest point of the whole is the nearest of some piece.
_PIECE = 16.0
# Pieces drawn at a time: their boxes then stay in the processor's cache.
_BATCH = 16


def render(
    strokes: Sequence[Sequence[Sequence[float]]],
    canvas: tuple[int, int] = (CANVAS_SIDE, CANVAS_SIDE),
    brush: float = 20.0,
    ink: int = 0,
    ground: int = 255,
) -> NDArray[np.uint8]:
    """Draw `strokes` with a round brush onto a square canvas of 280 pixels.

    A pixel takes the ink to the share `radius + 1/2 - distance`, kept within 0 and 1, where `distance` is
    that from the pixel's center to the nearest point of any stroke: the usual one-pixel linear rim.

    Args:
        strokes: lists of points [x, y, ...] in pixels of `canvas`, y downward; what lies outside is cut off.
            A stroke of one point makes a dot, no strokes make a blank.
        canvas: (width, height) the strokes were drawn on. The longer side becomes 280 pixels, the aspect
            ratio is kept and the shorter side is centered.
        brush: diameter in pixels of the 280-pixel canvas, whatever the size of `canvas`.
        ink, ground: gray levels, 0 to 255.

    Returns:
        uint8 (280, 280).

    Raises:
        ValueError: the brush is not a positive number, or a coordinate is not finite.
    """
    if not 0 < brush <= CANVAS_SIDE:
        raise ValueError(f"the brush must be wider than 0 and at most {CANVAS_SIDE} pixels, not {brush}")
    image = np.full((CANVAS_SIDE, CANVAS_SIDE), ground, np.uint8)
    radius = brush / 2
    starts, ends = _within_reach(*_segments(strokes, canvas), radius + 1)
    if len(starts) == 0:
        return image
    squared, left, top = _nearest(*_pieces(starts, ends), radius)
    # The box of the drawing may stick out of the canvas on any side, or lie just beside it.
    rows = slice(max(top, 0), min(top + squared.shape[0], CANVAS_SIDE))
    columns = slice(max(left, 0), min(left + squared.shape[1], CANVAS_SIDE))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return image
    drawn = squared[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    np.sqrt(drawn, out=drawn)
    np.subtract(radius + 0.5, drawn, out=drawn)
    # A brush thinner than a pixel cannot cover more of one than its own width.
    np.clip(drawn, 0, min(1.0, brush), out=drawn)
    drawn *= ink - ground
    drawn += ground
    np.rint(drawn, out=image[rows, columns], casting="unsafe")
    return image


def _segments(
    strokes: Sequence[Sequence[Sequence[float]]], canvas: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start and end points (S, 2) of all segments in pixels of the square canvas.

    A dot starts where it ends.
    """
    width, height = canvas
    scale = CANVAS_SIDE / max(width, height)
    offset = (CANVAS_SIDE - scale * width) / 2, (CANVAS_SIDE - scale * height) / 2
    paths = [np.array([(point[0], point[1]) for point in stroke], np.float64) for stroke in strokes if len(stroke)]
    paths = [path * scale + offset for path in paths]
    if not paths:
        return np.empty((0, 2)), np.empty((0, 2))
    start = np.concatenate([path[:-1] if len(path) > 1 else path for path in paths])
    end = np.concatenate([path[1:] if len(path) > 1 else path for path in paths])
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        raise ValueError("a stroke has a coordinate that is not finite")
    return start, end


def _within_reach(
    starts: NDArray[np.float64], ends: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clip segments to the square that surrounds the canvas at distance `reach`; drop those outside.

    Nothing beyond can touch a pixel, and the clipped ends cannot either (Liang-Barsky clipping).
    """
    low, high = -reach, CANVAS_SIDE + reach
    inside = ((starts > low) & (starts < high) & (ends > low) & (ends < high)).all(axis=1)
    if inside.all():
        return starts, ends
    delta = ends - starts
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        first, second = (low - starts) / delta, (high - starts) / delta
    still = delta == 0
    within = (starts >= low) & (starts <= high)
    enter = np.where(still, np.where(within, -np.inf, np.inf), np.minimum(first, second)).max(axis=1).clip(0, None)
    leave = np.where(still, np.where(within, np.inf, -np.inf), np.maximum(first, second)).min(axis=1).clip(None, 1)
    keep = enter <= leave
    starts, delta, enter, leave = starts[keep], delta[keep], enter[keep, None], leave[keep, None]
    return starts + enter * delta, starts + leave * delta


def _pieces(
    starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cut segments into pieces: their starts (P, 2), lengths (P,) and unit directions (P, 2)."""
    delta = ends - starts
    length = np.hypot(delta[:, 0], delta[:, 1])
    direction = np.where(length[:, None] > 0, delta / np.maximum(length, 1e-300)[:, None], (1.0, 0.0))
    count = np.maximum(np.ceil(length / _PIECE), 1).astype(np.int64)
    piece = length / count
    if count.max() == 1:
        return starts, piece, direction
    which = np.repeat(np.arange(len(starts)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return starts[which] + (step * piece[which])[:, None] * direction[which], piece[which], direction[which]


def _nearest(
    starts: NDArray[np.float64],
    lengths: NDArray[np.float64],
    directions: NDArray[np.float64],
    radius: float,
) -> tuple[NDArray[np.float32], int, int]:
    """Squared distance of each pixel to the nearest piece, inf beyond the boxes of the pieces.

    Returns float32 (height, width) over the bounding box of all boxes, then its left and top pixel on the
    canvas.
    """
    ends = starts + lengths[:, None] * directions
    # First pixel whose center, at index + 1/2, the brush or its rim can reach.
    corners = np.floor(np.minimum(starts, ends) - radius - 0.5).astype(np.int64)
    side = int(np.ceil((np.maximum(starts, ends) - corners).max() + radius + 0.5))
    left, top = corners.min(axis=0).tolist()
    width, height = (corners.max(axis=0) + side - (left, top)).tolist()
    squared = np.full((height, width), np.inf, np.float32)
    centers = np.arange(side) + 0.5
    middles = (starts + ends) / 2
    for first in range(0, len(starts), _BATCH):
        batch = slice(first, first + _BATCH)
        x = centers + (corners[batch, 0] - middles[batch, 0])[:, None]
        y = centers + (corners[batch, 1] - middles[batch, 1])[:, None]
        dx, dy = directions[batch, 0, None], directions[batch, 1, None]
        # In the coordinates of the piece: `along` runs with it from its middle, `across` is the way from its line.
        along = _outer_sum(y * dy, x * dx)
        across = _outer_sum(y * dx, -x * dy)
        np.abs(along, out=along)
        along -= (lengths[batch] / 2).astype(np.float32)[:, None, None]
        np.maximum(along, 0, out=along)
        along *= along
        across *= across
        along += across
        for (column, row), box in zip((corners[batch] - (left, top)).tolist(), along, strict=True):
            target = squared[row : row + side, column : column + side]
            np.minimum(target, box, out=target)
    return squared, left, top


def _outer_sum(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float32]:
    return rows.astype(np.float32)[:, :, None] + columns.astype(np.float32)[:, None, :]


def render_in_pixels(
    strokes: Sequence[Sequence[Sequence[float]]], canvas: tuple[int, int] = (280, 280), pencil: int = 1
) -> NDArray[np.uint8]:
    """Draw `strokes` with hard lines, black on white, on an image of 28 x 28 pixels.

    Lines are Bresenham's, without antialiasing: what Paint's pencil makes of a drawing so small.

    Args:
        strokes: lists of points [x, y, ...] in pixels of `canvas`, y downward; what lies outside is cut off.
            A stroke of one point makes a pixel, no strokes make a blank.
        canvas: (width, height) the strokes were drawn on. The longer side becomes 28 pixels, the aspect ratio
            is kept and the shorter side is centered.
        pencil: side in pixels of the square that is drawn with, to the right of the path and below it.

    Returns:
        uint8 (28, 28), 0 and 255.
    """
    width, height = canvas
    scale = IMAGE_SIDE / max(width, height)
    left, top = (IMAGE_SIDE - width * scale) / 2, (IMAGE_SIDE - height * scale) / 2
    image = Image.new("L", (IMAGE_SIDE, IMAGE_SIDE), 255)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        # A pencil knows whole pixels alone: the one that a point falls into.
        points = [(int(np.floor(p[0] * scale + left)), int(np.floor(p[1] * scale + top))) for p in stroke]
        if len(points) > 1:
            draw.line(points, fill=0, width=1)
        draw.point(points, fill=0)
    line = np.asarray(image)
    thick = line.copy()
    for down, right in np.ndindex(pencil, pencil):  # SciPy's filter would make src/predict.py start 0.1 s later
        np.minimum(thick[down:, right:], line[: IMAGE_SIDE - down, : IMAGE_SIDE - right], out=thick[down:, right:])
    return thick
