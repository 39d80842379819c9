"""Digit to canvas: a digit of 28 x 28 pixel by pixel, or as somebody might have drawn it on 280 x 280."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inkproof.ink.strokes import SIDE

# The longer side of the ink takes this share of the canvas, and its middle lies off the canvas's by up to this
# many pixels: people leave some room, and never the same.
_SHARES = (0.60, 0.70)
_OFF = 8.0
# What counts as ink for the box, and how much of the soft edge around it comes along, in pixels of the digit.
_FAINTEST = 64
_RIM = 2
# Enlarged, the soft edge of a digit is nine pixels wide; a pen leaves one of two or three. The level where the ink
# ends is chosen so that the digit, read back through the rung `mnist`, has the ink that it had.
_EDGE = 130
_SHARPNESS = 8.0


def block_canvases(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return digits uint8 (..., 28, 28) enlarged to canvases uint8 (..., 280, 280), each pixel a block of 10 x 10."""
    block = SIDE // digits.shape[-1]
    return digits.repeat(block, axis=-2).repeat(block, axis=-1)


def digit_canvas(
    digit: NDArray[np.uint8], rng: np.random.Generator, ink: int = 0, paper: int = 255
) -> NDArray[np.uint8]:
    """Draw `digit` large onto a canvas, smooth, nearly centred, 60 to 70% of its side.

    Args:
        digit: uint8 (28, 28), white ink on black.
        rng: says how large and where.
        ink, paper: grey levels of the canvas, 0 to 255.

    Returns:
        uint8 (280, 280); a blank digit gives a blank canvas.

    Raises:
        ValueError: the digit has another shape or type.
    """
    if digit.dtype != np.uint8 or digit.shape != (28, 28):
        raise ValueError(f"a digit is uint8 (28, 28), not {digit.dtype} {digit.shape}")
    share, *off = rng.uniform((_SHARES[0], -_OFF, -_OFF), (_SHARES[1], _OFF, _OFF)).tolist()
    canvas = np.full((SIDE, SIDE), paper, np.uint8)
    mask = digit >= min(_FAINTEST, max(1, int(digit.max())))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return canvas
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    pixel = share * SIDE / max(bottom - top, right - left)
    height, width = (round((end - begin + 2 * _RIM) * pixel) for begin, end in ((top, bottom), (left, right)))
    source = Image.fromarray(np.pad(digit, _RIM))
    # Padded by the rim, the box with its rim begins where the box alone began.
    box = (left, top, right + 2 * _RIM, bottom + 2 * _RIM)
    large = source.resize((width, height), Image.Resampling.BICUBIC, box)
    # Enlarging leaves steps along slanted strokes, a pixel of the digit long.
    large = large.filter(ImageFilter.GaussianBlur(0.45 * pixel))
    coverage = np.clip((np.asarray(large, np.float32) - _EDGE) * (_SHARPNESS / 255) + 0.5, 0, 1)
    drawn = np.rint(paper + (ink - paper) * coverage).astype(np.uint8)
    y, x = round((SIDE - height) / 2 + off[0]), round((SIDE - width) / 2 + off[1])
    # The rim, always blank paper at its far side, may stick out of the canvas; the ink cannot.
    canvas[max(y, 0) : y + height, max(x, 0) : x + width] = drawn[max(-y, 0) : SIDE - y, max(-x, 0) : SIDE - x]
    return canvas
