"""Corruptions of place and shape: the digit elsewhere, smaller, turned, slanted, or not all of it on the canvas."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inkproof.ink.corruptions.grading import Canvas, graded, ground, ink_box, ink_mask
from inkproof.ink.strokes import SIDE

# Pixels kept free between ink and edge wherever a corruption is not about being cut off.
_MARGIN = 3
# Made smaller than this, a canvas is blurred before it is sampled.
_COARSE = 0.8


@graded(0.2, 0.4, 0.6, 0.8, 1.0)
def translate(ink: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Move the digit towards a corner, 20, 40, 60, 80 and 100% of the way that keeps all ink on the canvas.

    `translate` of MNIST-C, which moves by 1 to 5 pixels of 28 in both directions.
    """
    top, bottom, left, right = ink_box(ink_mask(ink))
    down, rightwards = rng.integers(0, 2, 2).tolist()
    room_y = SIDE - bottom if down else top
    room_x = SIDE - right if rightwards else left
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
    dy, dx = ((-top - rows, 0), (SIDE - bottom + rows, 0), (0, -left - columns), (0, SIDE - right + columns))[
        int(rng.integers(4))
    ]
    return _moved(ink, dy, dx)


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.integers(2) else -1


def _moved(ink: Canvas, dy: int, dx: int) -> Canvas:
    """Move by whole pixels; paper comes in, what leaves is lost."""
    moved = np.full_like(ink, ground(ink))
    moved[max(dy, 0) : SIDE + min(dy, 0), max(dx, 0) : SIDE + min(dx, 0)] = ink[
        max(-dy, 0) : SIDE + min(-dy, 0), max(-dx, 0) : SIDE + min(-dx, 0)
    ]
    return moved


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
    fit = min(1.0, (SIDE - 2 * _MARGIN) / np.ptp(outline, axis=0).max())
    matrix, outline = matrix * fit, outline * fit + middle
    inside = np.maximum(_MARGIN - outline.min(axis=0), 0) + np.minimum(SIDE - _MARGIN - outline.max(axis=0), 0)
    picture = Image.fromarray(ink)
    factor = float(np.sqrt(abs(np.linalg.det(matrix))))
    if factor < _COARSE:
        # Pillow looks at the four nearest pixels only: blur what it would jump over into them first.
        picture = picture.filter(ImageFilter.BoxBlur((1 / factor - 1) / 2))
    # Pillow wants to know where each pixel comes from, and x before y.
    back = np.linalg.inv(matrix)
    (yy, yx), (xy, xx) = back.tolist()
    dy, dx = (middle - back @ (middle + inside)).tolist()
    mapped = picture.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (xx, xy, dx, yx, yy, dy), Image.Resampling.BILINEAR, fillcolor=ground(ink)
    )
    return np.array(mapped)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Corners (n, 2), in (y, x), of the first and last ink of each row: the outermost points are among them."""
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask[rows].argmax(axis=1), SIDE - mask[rows, ::-1].argmax(axis=1)
    return np.stack([np.concatenate([rows, rows + 1] * 2), np.concatenate([first, first, last, last])], axis=1)
