"""Drawings as people might have drawn them: another brush, another place and size on the canvas, another lean."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from inkproof.config.schema import Config, Number, Positive, Size
from inkproof.config.stages import Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE, Drawing, must
from inkproof.preprocessing.canvas import block_canvases
from inkproof.preprocessing.strokes import render, render_in_pixels
from inkproof.synthetic import deform

# The least width (but that of a 1) and height there: below that the digit is not legible.
_LEAST_PIXELS = np.array([3.0, 6.0])
# Digits with a loop, or nearly one: no brush is wider than this share of the shorter side of such a drawing, or the
# loop closes and a narrow 0 becomes a 1.
_LOOPED = (0, 4, 6, 8, 9)
_LOOP_SHARE = 0.5
# A drawing at the size it was written in is up to so many times larger or smaller.
_ABOUT = 1.2


_ascending = must(lambda pair: pair[0] <= pair[1], "expected the least first, then the greatest")
_Greater = Annotated[Number, Field(gt=0)]
_Range = Annotated[tuple[_Greater, _Greater], _ascending]


class Variation(Config):
    """Within what limits renderings of one drawing differ; each rendering draws values of its own.

    Attributes:
        brush: least and greatest diameter in canvas pixels, log-uniform.
        size: least and greatest longer side of the drawing, as a share of the canvas, log-uniform.
        own_size: share drawn at the size it was written in, give or take a fifth, where that is known.
        boldest: the brush is no wider than a share of the longer side that lies between these two, uniform.
        pixels: share drawn in black pixels on an image of 28 x 28, without antialiasing, as in Paint.
        pencil: least and greatest width of those lines in pixels; one pixel is as frequent as all others.
        at_edge: share whose ink is free to be cut off at the edge of the canvas by half a brush.
        slant, rotation: degrees to either side, uniform.
        stretch: least and greatest factor of the width, log-uniform.
        bend: standard deviation of a smooth displacement, as a share of the longer side.
    """

    brush: _Range
    size: _Range
    own_size: Share
    boldest: _Range
    pixels: Share
    pencil: Annotated[tuple[Positive, Positive], _ascending]
    at_edge: Share
    slant: Size
    rotation: Size
    stretch: _Range
    bend: Size


Strokes = Sequence[Sequence[Sequence[float]] | NDArray[np.floating[Any]]]


def deformed(strokes: Strokes, limits: Variation, rng: np.random.Generator) -> deform.Strokes:
    """Return `strokes` (points [x, y, ...]) bent, stretched, slanted and turned a little, as paths (N, 2)."""
    bent = deform.bend(deform.paths_of(strokes), limits.bend, rng)
    return deform.affine(
        bent,
        rng.uniform(-limits.slant, limits.slant),
        rng.uniform(-limits.rotation, limits.rotation),
        (deform.log_uniform(*limits.stretch, rng), 1.0),
    )


def rerendered_drawing(drawing: Drawing, limits: Variation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Re-render a labeled drawing of strokes, as uint8 (280, 280), black on white."""
    strokes = deform.paths_of(drawing.strokes or [])
    _, extent = deform.box(strokes)
    written = float(extent.max()) / max(drawing.canvas)
    return rerendered_canvas(deformed(strokes, limits, rng), drawing.label or 0, limits, rng, written)


def rerendered_canvas(
    strokes: Strokes, label: int, limits: Variation, rng: np.random.Generator, written: float | None = None
) -> NDArray[np.uint8]:
    """Draw the digit `label` from `strokes`, in whatever units, at some place and size with some brush.

    `written` is the longer side of the drawing as a share of what it was written on, where that is known.
    Returns uint8 (280, 280), black on white.
    """
    paths = deform.paths_of(strokes)
    size = limits.size
    if written is not None and rng.random() < limits.own_size:
        size = (written / _ABOUT, min(1.0, written * _ABOUT))
    if rng.random() < limits.pixels:
        return _in_pixels(paths, label, limits, size, rng)
    boldest = rng.uniform(*limits.boldest)
    if label in _LOOPED:
        boldest = min(boldest, _LOOP_SHARE * float(_shares(paths).min()))
    # The greatest brush with which a drawing that fills the canvas is not bolder than that.
    widest = (CANVAS_SIDE - 2) / (1 + 1 / boldest)
    brush = min(widest, deform.log_uniform(*limits.brush, rng))
    margin = 0.0 if rng.random() < limits.at_edge else brush / 2 + 1
    room = CANVAS_SIDE - 2 * margin
    least = max(size[0] * CANVAS_SIDE, brush / boldest)
    side = min(room, deform.log_uniform(least, max(least, size[1] * CANVAS_SIDE), rng))
    return render([path.tolist() for path in _placed(paths, side, room, margin, rng)], brush=brush)


def _in_pixels(
    paths: deform.Strokes, label: int, limits: Variation, size: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.uint8]:
    least_pencil, greatest_pencil = limits.pencil
    wide = least_pencil < greatest_pencil and rng.random() < 0.5
    pencil = int(rng.integers(least_pencil + 1, greatest_pencil + 1)) if wide else least_pencil
    room = IMAGE_SIDE - pencil + 1 - 0.01  # the last pixel reaches to 28, which is outside
    # A hole is to stay as wide as with one pixel.
    width, height = (_LEAST_PIXELS + np.array([1.5, 2.0]) * (pencil - 1)) / _shares(paths)
    least = max(height, size[0] * IMAGE_SIDE, 0 if label == 1 else width)
    side = min(room, deform.log_uniform(least, max(least, size[1] * IMAGE_SIDE), rng))
    strokes = [path.tolist() for path in _placed(paths, side, room, 0.0, rng)]
    return block_canvases(render_in_pixels(strokes, (IMAGE_SIDE, IMAGE_SIDE), pencil))


def _placed(paths: deform.Strokes, side: float, room: float, margin: float, rng: np.random.Generator) -> deform.Strokes:
    """`paths` with a longer side of `side`, anywhere within the square of `room` that begins at `margin`."""
    fitted = deform.fit(paths, side)
    _, extent = deform.box(fitted)
    corner = margin + rng.uniform(0, 1, 2) * np.maximum(room - extent, 0)
    return [path + corner for path in fitted]


def _shares(paths: deform.Strokes) -> NDArray[np.float64]:
    """Width and height (2,) as shares of the longer of the two; a line has a little width, too, and a dot is square."""
    _, extent = deform.box(paths)
    return np.maximum(extent / extent.max(), 1e-3) if extent.max() > 0 else np.ones(2)
