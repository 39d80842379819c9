"""Images, digits and strokes become canvases, resampled by exact area averages."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.data.images import open_image, plain, to_8_bit
from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT

MASK_SIDE = 70  # pixels a side of the mask that tells the ink of a canvas from its ground
MASK_FILE = ROOT / "models" / "pretrained" / "ink_mask.keras"  # the network that makes it


def area_means(
    image: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean level between consecutive row and column edges.

    A pixel counts by the part of its square that lies inside; beyond the image everything is zero. Taken
    from differences of running sums: matrix products would start the threads of the linear algebra library,
    which take fifty times as long where another process holds the processor.

    Args:
        image: uint8 (H, W).
        rows, columns: rising edges (n + 1,) and (m + 1,) in pixels; pixel i reaches from i to i + 1.

    Returns:
        float64 (n, m).
    """
    return _means(_means(image, rows).T, columns).T


def _means(lines: NDArray[np.generic], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means (n, W) of the rows of `lines` (H, W) between edges (n + 1,)."""
    height, width = lines.shape
    sums = np.zeros((height + 1, width))
    np.cumsum(lines, axis=0, out=sums[1:])
    inside = np.clip(edges, 0, height)
    whole = np.minimum(inside.astype(np.int64), height - 1)
    part = (inside - whole)[:, None]
    reached = sums[whole] * (1 - part) + sums[whole + 1] * part
    return np.diff(reached, axis=0) / np.diff(edges)[:, None]


def ink_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of the ink; a blank has none and gives a point in the middle of a canvas."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return CANVAS_SIDE // 2, CANVAS_SIDE // 2, CANVAS_SIDE // 2, CANVAS_SIDE // 2
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


# The longer side of the ink takes this share of the canvas, and its middle lies off the canvas's by up to this
# many pixels: people leave some room, and never the same.
_SHARES = (0.60, 0.70)
_OFF = 8.0
# What counts as ink for the box, and how much of the soft edge around it comes along, in pixels of the digit.
_FAINTEST = 64
_RIM = 2
# Enlarged, the soft edge of a digit is nine pixels wide; a pen leaves one of two or three. The level where the ink
# ends is chosen so that the digit, brought back by the method `mnist_style`, has the ink that it had.
_EDGE = 130
_SHARPNESS = 8.0


def block_canvases(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return digits uint8 (..., 28, 28) enlarged to canvases uint8 (..., 280, 280), each pixel a block of 10 x 10."""
    block = CANVAS_SIDE // digits.shape[-1]
    return digits.repeat(block, axis=-2).repeat(block, axis=-1)


def digit_canvas(
    digit: NDArray[np.uint8], rng: np.random.Generator, ink: int = 0, paper: int = 255
) -> NDArray[np.uint8]:
    """Draw `digit` large onto a canvas, smooth, nearly centered, 60 to 70% of its side.

    Args:
        digit: uint8 (28, 28), white ink on black.
        rng: decides how large and where.
        ink, paper: gray levels of the canvas, 0 to 255.

    Returns:
        uint8 (280, 280); a blank digit gives a blank canvas.

    Raises:
        ValueError: the digit has another shape or type.
    """
    if digit.dtype != np.uint8 or digit.shape != (IMAGE_SIDE, IMAGE_SIDE):
        raise ValueError(f"a digit is uint8 (28, 28), not {digit.dtype} {digit.shape}")
    share, *off = rng.uniform((_SHARES[0], -_OFF, -_OFF), (_SHARES[1], _OFF, _OFF)).tolist()
    canvas = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE), paper)
    top, bottom, left, right = ink_box(digit >= min(_FAINTEST, max(1, int(digit.max()))))
    if top == bottom:
        return np.array(canvas)
    pixel = share * CANVAS_SIDE / max(bottom - top, right - left)
    height, width = (round((end - begin + 2 * _RIM) * pixel) for begin, end in ((top, bottom), (left, right)))
    source = Image.fromarray(np.pad(digit, _RIM))
    # Padded by the rim, the box with its rim begins where the box alone began.
    box = (left, top, right + 2 * _RIM, bottom + 2 * _RIM)
    large = source.resize((width, height), Image.Resampling.BICUBIC, box)
    # Enlarging leaves steps along slanted strokes, a pixel of the digit long.
    large = large.filter(ImageFilter.GaussianBlur(0.45 * pixel))
    coverage = np.clip((np.asarray(large, np.float32) - _EDGE) * (_SHARPNESS / 255) + 0.5, 0, 1)
    drawn = np.rint(paper + (ink - paper) * coverage).astype(np.uint8)
    y, x = round((CANVAS_SIDE - height) / 2 + off[0]), round((CANVAS_SIDE - width) / 2 + off[1])
    # The rim, always blank paper at its far side, may stick out of the canvas; the ink cannot.
    canvas.paste(Image.fromarray(drawn), (x, y))
    return np.array(canvas)


Source = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.generic]


def to_canvas(source: Source, name: str = "") -> NDArray[np.uint8]:
    """Bring an image to the canvas: gray, padded to a square in the color of its border, 280 x 280.

    Polarity, size and place of the digit stay as they are. Levels are averaged over areas, growing or
    shrinking, so an image of 28 x 28 becomes blocks of 10 x 10 and shrinks back to exactly itself.

    Args:
        source: path, bytes of an image file, Pillow image, or array (H, W) or (H, W, C) of booleans,
            integers or floats; 1 to 4 channels are gray, gray and alpha, RGB, and RGBA.
        name: what an error calls the image; the path if not given.

    Returns:
        uint8 (280, 280).

    Raises:
        UserError: the file is missing, no image, broken or too large; names the image and the reason.
        ValueError: an array has another shape, no pixels, or no numbers.
    """
    if isinstance(source, np.ndarray):
        image = plain(_from_array(source))
    elif isinstance(source, Image.Image):
        image = plain(source)
    else:
        # Twice the canvas leaves the averaging below something to average.
        image = open_image(source, name, draft=2 * CANVAS_SIDE)
    return _square(image.convert("L"))


def load_canvases(folder: Path, drawings: Sequence[Drawing], brush: float = 20.0) -> NDArray[np.uint8]:
    """Bring drawings of the set in `folder` to canvases: strokes by the brush, images as they are.

    Takes 78 kB a drawing: give it a part of a large set at a time.

    Args:
        folder: where the images of the drawings are.
        drawings: N drawings.
        brush: diameter of the brush in canvas pixels.

    Returns:
        uint8 (N, 280, 280) in the order of `drawings`; strokes are black on white.

    Raises:
        UserError: an image cannot be read.
    """
    canvases = np.empty((len(drawings), CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    for index, drawing in enumerate(drawings):
        if drawing.strokes is not None:
            canvases[index] = render(drawing.strokes, drawing.canvas, brush)
        elif drawing.image is not None:
            canvases[index] = to_canvas(folder / drawing.image)
    return canvases


def _from_array(levels: NDArray[np.generic]) -> Image.Image:
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[:, :, 0]
    if levels.ndim not in (2, 3) or (levels.ndim == 3 and levels.shape[2] not in (2, 3, 4)) or 0 in levels.shape:
        raise ValueError(f"an image has the shape (H, W) or (H, W, 1 to 4) and some pixels, not {levels.shape}")
    return Image.fromarray(np.ascontiguousarray(to_8_bit(levels)))


def _square(image: Image.Image) -> NDArray[np.uint8]:
    """Pad to a square in the border's median gray, the image in the middle, and resample to 280 x 280.

    Resampled before it is padded, because the square of a very long strip could be larger than memory.
    """
    longest = max(image.size)
    width, height = (max(1, round(side * CANVAS_SIDE / longest)) for side in image.size)
    left, top = (CANVAS_SIDE - width) // 2, (CANVAS_SIDE - height) // 2
    canvas = np.full((CANVAS_SIDE, CANVAS_SIDE), _border_level(image), np.uint8)
    # Whole blocks first, which Pillow averages many times faster; what is left to do is at most 2 to 1.
    block = max(1, longest // CANVAS_SIDE)
    rows = np.linspace(0, image.height / block, height + 1)
    columns = np.linspace(0, image.width / block, width + 1)
    levels = np.asarray(image.reduce(block) if block > 1 else image)
    if image.size != (width * block, height * block):  # otherwise each pixel is its own mean
        levels = np.rint(area_means(levels, rows, columns)).astype(np.uint8)
    canvas[top : top + height, left : left + width] = levels
    return canvas


def _border_level(image: Image.Image) -> int:
    """Median of the outermost ring of pixels, the lighter one of two middle values, as paper is light."""
    width, height = image.size
    edges = (
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    )
    ring = np.concatenate([np.asarray(image.crop(edge)).ravel() for edge in edges])
    return int(np.sort(ring)[len(ring) // 2])
