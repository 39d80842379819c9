"""Ten digits as strokes on a canvas of 280 x 280, drawn as pocket calculators show them."""

import numpy as np
from PIL import Image

from inkproof.preprocessing.strokes import render

LEFT, RIGHT, TOP, MIDDLE, BOTTOM = 90, 190, 50, 140, 230
A, B, C = (LEFT, TOP), (RIGHT, TOP), (RIGHT, MIDDLE)
D, E, F = (RIGHT, BOTTOM), (LEFT, BOTTOM), (LEFT, MIDDLE)
DIGITS = {
    0: [[A, B, D, E, A]],
    1: [[B, D]],
    2: [[A, B, C, F, E, D]],
    3: [[A, B, D, E], [F, C]],
    4: [[A, F, C], [B, D]],
    5: [[B, A, F, C, D, E]],
    6: [[B, A, E, D, C, F]],
    7: [[A, B, D]],
    8: [[A, B, D, E, A], [F, C]],
    9: [[C, F, A, B, D, E]],
}


def canvas(digit: int) -> np.ndarray:
    """The digit black on white, uint8 (280, 280)."""
    return render(DIGITS[digit])


def image(digit: int) -> Image.Image:
    """The digit black on white, as a gray Pillow image of 280 x 280."""
    return Image.fromarray(canvas(digit))


def templates() -> np.ndarray:
    """The ten digits white on black, float32 (10, 28, 28) in 0 to 255."""
    ink = 255.0 - np.stack([canvas(digit) for digit in DIGITS])
    return ink.reshape(10, 28, 10, 28, 10).mean(axis=(2, 4)).astype(np.float32)
