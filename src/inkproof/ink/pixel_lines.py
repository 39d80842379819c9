"""Strokes straight into 28 x 28 pixels, as a drawing program's pencil leaves them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_SIDE = 28


def render_in_pixels(
    strokes: Sequence[Sequence[Sequence[float]]], canvas: tuple[int, int] = (280, 280), pencil: int = 1
) -> NDArray[np.uint8]:
    """Draw `strokes` with hard lines, black on white, on a picture of 28 x 28 pixels.

    Lines are Bresenham's, without antialiasing: what Paint's pencil makes of a drawing so small.

    Args:
        strokes: lists of points [x, y, ...] in pixels of `canvas`, y downward; what lies outside is cut off.
            A stroke of one point makes a pixel, no strokes make a blank.
        canvas: (width, height) the strokes were drawn on. The longer side becomes 28 pixels, the aspect ratio
            is kept and the shorter side is centred.
        pencil: side in pixels of the square that is drawn with, to the right of the path and below it.

    Returns:
        uint8 (28, 28), 0 and 255.
    """
    width, height = canvas
    scale = _SIDE / max(width, height)
    left, top = (_SIDE - width * scale) / 2, (_SIDE - height * scale) / 2
    picture = Image.new("L", (_SIDE, _SIDE), 255)
    draw = ImageDraw.Draw(picture)
    for stroke in strokes:
        # A pencil knows whole pixels alone: the one that a point falls into.
        points = [(int(np.floor(p[0] * scale + left)), int(np.floor(p[1] * scale + top))) for p in stroke]
        if len(points) > 1:
            draw.line(points, fill=0, width=1)
        draw.point(points, fill=0)
    line = np.asarray(picture)
    thick = line.copy()
    for down, right in np.ndindex(pencil, pencil):
        np.minimum(thick[down:, right:], line[: _SIDE - down, : _SIDE - right], out=thick[down:, right:])
    return thick
