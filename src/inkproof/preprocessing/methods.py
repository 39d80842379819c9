"""Preprocessing methods, from canvas to network input."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import area_means, ink_box
from inkproof.preprocessing.litert import normalized
from inkproof.runtime.errors import UserError

_BOX = 20
# MNIST's own centers of mass lie within half a pixel of the pixel with index 14, all 10,000 of its test set.
_CENTER = 14
_BLOCK = CANVAS_SIDE // IMAGE_SIDE
# Width of the border that separates paper from ink: one output pixel, so that a hairline around the paper
# does not count as paper.
_BORDER = _BLOCK
# The box holds what reaches this share of the strongest ink: low enough that an image with MNIST's own soft
# edges keeps its box (in 9,988 of 10,000), high enough for the noise that JPEG leaves around strokes.
_INK_SHARE = 0.25
# Ink fainter than that, up to this many output pixels outside the box, still has weight: the soft edge.
_RIM = 2
# A canvas whose strongest ink stands out from its ground by fewer gray levels is blank.
_CONTRAST = 24
# What recipe "Digitre" cuts out is no smaller than this, and gets this much black around it, in canvas pixels.
_CROP = 28
_PADDING = 15

Images = NDArray[np.uint8]
METHODS: dict[str, Callable[[Images], Images]] = {}  # by name; tables and figures have their order, too
NORMALIZED_METHOD = "learned"  # what canvas.tflite does


def method(function: Callable[[Images], Images]) -> Callable[[Images], Images]:
    """Register a function of a canvas uint8 (280, 280) that returns uint8 (28, 28) as the method of its name.

    Raises UserError if another function has this name.
    """
    name = function.__name__
    if name in METHODS:
        raise UserError(f"{function.__module__}: two preprocessing methods are called {name}; rename one of them")
    METHODS[name] = function
    return function


def apply_method(name: str, canvases: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring canvases to 28 x 28 pixels, white ink on black as in MNIST, by the preprocessing method `name`.

    Args:
        name: one of `METHODS`.
        canvases: uint8 (N, 280, 280).

    Returns:
        uint8 (N, 28, 28).

    Raises:
        ValueError: unknown method, or the canvases have another shape or type.
    """
    if name not in METHODS:
        raise ValueError(f"{name!r}: unknown method; choose one of {', '.join(METHODS)}")
    if canvases.dtype != np.uint8 or canvases.shape[1:] != (CANVAS_SIDE, CANVAS_SIDE):
        raise ValueError(f"canvases are uint8 (N, {CANVAS_SIDE}, {CANVAS_SIDE}), not {canvases.dtype} {canvases.shape}")
    images = np.empty((len(canvases), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for index, canvas in enumerate(canvases):
        image = METHODS[name](canvas)
        if image.shape != images.shape[1:] or image.dtype != np.uint8:
            raise UserError(
                f"the preprocessing method {name} returns {image.dtype} {image.shape}; "
                f"expected uint8 {images.shape[1:]}"
            )
        images[index] = image
    return images


@method
def tutorial(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Invert, whatever the polarity, and shrink: what the tutorials on drawn digits do."""
    return _shrink(255 - canvas)


@method
def polarity(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Invert only if the border is light, and shrink."""
    return _shrink(_white_on_black(canvas)[0])


@method
def center_of_mass(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Correct the polarity and bring the center of mass half way to the middle: the recipe "Digitre" (2017).

    A square around the ink is cut out. One side of each axis is padded by as much as the center of mass is off, then
    all sides by 15 pixels. All that is above the ground's level is ink. A blank canvas gives a blank.
    """
    ink = _above_ground(canvas)
    if not ink.any():
        return np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    ends = [np.flatnonzero(ink.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    half = max(*(int(last - first) for first, last in ends), _CROP) // 2 + 1
    top, left = (int(first + last) // 2 for first, last in ends)
    # The square may reach beyond the canvas.
    digit = np.pad(ink, half)[top : top + 2 * half, left : left + 2 * half]
    centers = (float(digit.sum(axis=axis) @ np.arange(2 * half) / digit.sum()) for axis in (1, 0))
    shifts = [int(center - half) for center in centers]
    digit = np.pad(digit, [(max(-shift, 0) + _PADDING, max(shift, 0) + _PADDING) for shift in shifts])
    # The recipe leaves it at that, although a side may be longer now; evened out, the center stays where it is.
    short = [max(digit.shape) - side for side in digit.shape]
    digit = np.pad(digit, [(by // 2, by - by // 2) for by in short])
    return np.asarray(Image.fromarray(digit).resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.LANCZOS))


@method
def mnist_style(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Correct the polarity, fit the ink into 20 x 20 pixels and center its mass in the image: how MNIST was made.

    The ink is antialiased and keeps its aspect ratio (LeCun, Cortes and Burges, "The MNIST database of handwritten
    digits"). A blank canvas gives a blank.
    """
    ink = _above_ground(canvas)
    peak = int(ink.max())
    if peak < _CONTRAST:
        return np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    top, bottom, left, right = ink_box(ink >= _INK_SHARE * peak)
    pixel = max(bottom - top, right - left) / _BOX
    # Each row and column of the field is an output pixel; the box begins at index `_CENTER` of both.
    steps = pixel * np.arange(-_CENTER, IMAGE_SIDE + 1, dtype=np.float64)
    field = area_means(ink, top + steps, left + steps)
    height, width = (int(np.ceil(side / pixel - 1e-6)) for side in (bottom - top, right - left))
    digit = field[_CENTER - _RIM : _CENTER + height + _RIM, _CENTER - _RIM : _CENTER + width + _RIM]
    y, x = _offset(digit.sum(axis=1), height), _offset(digit.sum(axis=0), width)
    image = field[_CENTER - y : _CENTER - y + IMAGE_SIDE, _CENTER - x : _CENTER - x + IMAGE_SIDE]
    return np.rint(image).astype(np.uint8)


@method
def classic(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Do what `Normalizer` does by its rules alone.

    It evens out the ground, drops specks and brings strokes to MNIST's width. This method and `learned` run by LiteRT,
    on one thread. TensorFlow is needed where `src/preprocess.py normalizer` has not written their files.
    """
    return normalized("classic", canvas)


@method
def learned(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tell ink from ground by the trained mask network, then do as `classic`: the front of every `canvas.tflite`."""
    return normalized("learned", canvas)


def _above_ground(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White ink on black: what is no stronger than the ground is no ink, or gray paper would be a gray box."""
    canvas, ground = _white_on_black(canvas)
    return canvas - np.minimum(canvas, np.uint8(ground))


def _white_on_black(canvas: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The canvas, inverted if its border is light, and the level of its ground: the median of the border."""
    border = np.concatenate(
        [
            canvas[:_BORDER].ravel(),
            canvas[-_BORDER:].ravel(),
            canvas[_BORDER:-_BORDER, :_BORDER].ravel(),
            canvas[_BORDER:-_BORDER, -_BORDER:].ravel(),
        ]
    )
    below = np.cumsum(np.bincount(border, minlength=256))
    ground = int(np.searchsorted(below, len(border) / 2))
    return (255 - canvas, 255 - ground) if ground >= 128 else (canvas, ground)


def _shrink(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of each block of 10 x 10 pixels, to the nearest level."""
    sums = canvas.reshape(IMAGE_SIDE, _BLOCK, CANVAS_SIDE).sum(axis=1, dtype=np.uint16)
    sums = sums.reshape(IMAGE_SIDE, IMAGE_SIDE, _BLOCK).sum(axis=2, dtype=np.uint16)
    area = _BLOCK * _BLOCK
    return ((sums + area // 2) // area).astype(np.uint8)


def _offset(profile: NDArray[np.float64], side: int) -> int:
    """Where in the image a box of `side` pixels begins, so that the center of mass of its ink is centered.

    `profile` is the ink in each row or column of the box and its rim. The box stays inside the image whatever
    its center of mass, so nothing of the digit is cut off.
    """
    center = float(profile @ np.arange(len(profile)) / profile.sum()) - _RIM
    return int(np.clip(round(_CENTER - center), 0, IMAGE_SIDE - side))
