"""Picture to canvas: any picture of a digit as a square of 280 x 280 grey pixels."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.ink.area import area_means
from inkproof.ink.strokes import SIDE, render
from inkproof.sources.drawings import Drawing
from inkproof.sources.pictures import open_picture, plain, to_8_bit

Picture = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.generic]


def to_canvas(source: Picture, name: str = "") -> NDArray[np.uint8]:
    """Bring a picture to the canvas: grey, padded to a square in the colour of its border, 280 x 280.

    Polarity, size and place of the digit stay as they are. Levels are averaged over areas, growing or
    shrinking, so a picture of 28 x 28 becomes blocks of 10 x 10 and shrinks back to exactly itself.

    Args:
        source: path, bytes of a picture file, Pillow image, or array (H, W) or (H, W, C) of booleans,
            integers or floats; 1 to 4 channels are grey, grey and alpha, RGB, and RGBA.
        name: what an error calls the picture; the path if not given.

    Returns:
        uint8 (280, 280).

    Raises:
        UserError: the file is missing, no picture, broken or too large; names the picture and the reason.
        ValueError: an array has another shape, no pixels, or no numbers.
    """
    if isinstance(source, np.ndarray):
        picture = plain(_from_array(source))
    elif isinstance(source, Image.Image):
        picture = plain(source)
    else:
        # Twice the canvas leaves the averaging below something to average.
        picture = open_picture(source, name, draft=2 * SIDE)
    return _square(picture.convert("L"))


def load_canvases(folder: Path, drawings: Sequence[Drawing], brush: float = 20.0) -> NDArray[np.uint8]:
    """Bring drawings of the set in `folder` to canvases: strokes by the brush, pictures as they are.

    Takes 78 kB a drawing: hand it a part of a large set at a time.

    Args:
        folder: where the pictures of the drawings are.
        drawings: N drawings.
        brush: diameter of the brush in canvas pixels.

    Returns:
        uint8 (N, 280, 280) in the order of `drawings`; strokes are black on white.

    Raises:
        UserError: a picture cannot be read.
    """
    canvases = np.empty((len(drawings), SIDE, SIDE), np.uint8)
    for index, drawing in enumerate(drawings):
        if drawing.strokes is not None:
            canvases[index] = render(drawing.strokes, drawing.canvas, brush)
        elif drawing.image is not None:
            canvases[index] = to_canvas(folder / drawing.image)
        else:
            raise ValueError(f"drawing {drawing.id!r} has neither strokes nor a picture")
    return canvases


def _from_array(levels: NDArray[np.generic]) -> Image.Image:
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[:, :, 0]
    if levels.ndim not in (2, 3) or (levels.ndim == 3 and levels.shape[2] not in (2, 3, 4)) or 0 in levels.shape:
        raise ValueError(f"a picture has the shape (H, W) or (H, W, 1 to 4) and some pixels, not {levels.shape}")
    return Image.fromarray(np.ascontiguousarray(to_8_bit(levels)))


def _square(picture: Image.Image) -> NDArray[np.uint8]:
    """Pad to a square in the border's median grey, the picture in the middle, and resample to 280 x 280.

    Resampled before it is padded, because the square of a very long strip could be larger than memory.
    """
    longest = max(picture.size)
    width, height = (max(1, round(side * SIDE / longest)) for side in picture.size)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    canvas = np.full((SIDE, SIDE), _border_level(picture), np.uint8)
    # Whole blocks first, which Pillow averages many times faster; what is left to do is at most 2 to 1.
    block = max(1, longest // SIDE)
    rows = np.linspace(0, picture.height / block, height + 1)
    columns = np.linspace(0, picture.width / block, width + 1)
    levels = np.asarray(picture.reduce(block) if block > 1 else picture)
    if picture.size != (width * block, height * block):  # otherwise each pixel is its own mean
        levels = np.rint(area_means(levels, rows, columns)).astype(np.uint8)
    canvas[top : top + height, left : left + width] = levels
    return canvas


def _border_level(picture: Image.Image) -> int:
    """Median of the outermost ring of pixels, the lighter one of two middle values, as paper is light."""
    width, height = picture.size
    edges = (
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    )
    ring = np.concatenate([np.asarray(picture.crop(edge)).ravel() for edge in edges])
    return int(np.sort(ring)[len(ring) // 2])
