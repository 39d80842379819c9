"""A flag for a 1: the upstroke with which most of the world begins it, and the writers of MNIST hardly ever."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkproof.ink.digit_canvas import block_canvases
from inkproof.ink.strokes import SIDE

_BLOCK = SIDE // 28
_INK = 96  # level from which a pixel of MNIST belongs to the stem
# Limits within which flags differ: degrees between stem and flag, share of the stem's height, share of its width,
# and how far the middle of the flag is out of line, as a share of its length (standard deviation).
_ANGLE = (20.0, 52.0)
_LENGTH = (0.25, 0.6)
_WIDTH = (0.8, 1.1)
_BEND = 0.08


def with_flag(one: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a canvas uint8 (280, 280), white on black, of the 1 in `one`, uint8 (28, 28), with a flag at its top.

    The flag goes down to the left, as wide as the stem; `rng` decides how long and steep it is. Raises ValueError
    for a picture without ink.
    """
    ink = one >= _INK
    if not ink.any():
        raise ValueError("there is no stem to put a flag on")
    rows, columns = np.nonzero(ink)
    top, bottom = rows.min(), rows.max()
    head, foot = columns[rows <= top + 1].mean(), columns[rows >= bottom - 1].mean()
    height = bottom - top + 1
    stem = ink.sum() / np.hypot(height, head - foot)
    # Clockwise from upright: the stem's own lean, and on to the way down and left.
    angle = np.arctan2(head - foot, bottom - top) + np.pi + np.radians(rng.uniform(*_ANGLE))
    along = np.array([np.sin(angle), -np.cos(angle)]) * rng.uniform(*_LENGTH) * height * _BLOCK
    start = np.array([head + 0.5, top + stem / 2]) * _BLOCK
    middle = start + along / 2 + rng.normal(0, _BEND) * np.array([-along[1], along[0]])
    radius = stem * _BLOCK * rng.uniform(*_WIDTH) / 2
    canvas = Image.fromarray(block_canvases(one))
    pen = ImageDraw.Draw(canvas)
    for t in np.linspace(0, 1, SIDE // 4):  # a quadratic Bezier curve, drawn with a round brush
        x, y = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * (start + along)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas)
