"""Normalizer, the Keras layer from a canvas to 28 x 28, and the resampling that it is made of."""

from typing import Any

import keras
from keras import ops

from inkproof.data.digits import IMAGE_SIDE
from inkproof.preprocessing.ground import (
    bent_ground,
    flat_ground,
    ink_is_dark,
    noise_floor,
    without_noise,
    without_shadows,
    without_specks,
)
from inkproof.preprocessing.ink_mask import ink_by_mask
from inkproof.preprocessing.outline import sharpened, stairs, stroke_width, strongest, with_outline_moved


def overlaps(low: Any, step: Any, count: int, size: int) -> Any:
    """How much of each source pixel lies in each of `count` equal intervals, as a share of the interval.

    Multiplied from the left with columns of pixels it gives exact area means; beyond the image all is zero.

    Args:
        low: float32 (B, 1), where the first interval begins, in pixels; pixel i reaches from i to i + 1.
        step: float32 (B, 1), the length of an interval in pixels, above 0.
        count: number of intervals N.
        size: number of source pixels H.

    Returns:
        float32 (B, N, H).
    """
    begins = (low + step * _indices(count))[:, :, None]
    step = step[:, :, None]
    pixels = _indices(size)[None, None, :]
    reach = ops.minimum(begins + step, pixels + 1.0) - ops.maximum(begins, pixels)
    return ops.relu(reach) / step


def triangles(width: Any, size: int) -> Any:
    """A smoothing of `size` pixels by a triangle that falls to zero at `width` pixels to either side.

    Grown pixels lose their steps when `width` is the size to which they grew: that is linear interpolation. A
    width of one or less changes nothing. Near the ends the triangle is cut off, as beyond all is zero.

    Args:
        width: float32 (B, 1).

    Returns:
        float32 (B, size, size).
    """
    width = ops.maximum(width, 1.0)[:, :, None]
    apart = ops.abs(_indices(size)[:, None] - _indices(size)[None, :])[None]
    return ops.relu(width - apart) / ops.square(width)


def shifts(by: Any, count: int, size: int) -> Any:
    """A move by whole pixels: from index i to i + `by`.

    Args:
        by: float32 (B, 1), whole numbers.

    Returns:
        float32 (B, count, size): ones where they belong and zeros elsewhere.
    """
    apart = _indices(count)[:, None] - _indices(size)[None, :]
    return ops.relu(1.0 - ops.abs(apart[None] - by[:, :, None]))


def extent(strongest: Any, least: Any) -> tuple[Any, Any]:
    """First of the pixels that reach `least`, and how many there are from it to the last of them.

    Args:
        strongest: float32 (B, H), the strongest ink in each row.
        least: float32 (B, 1).

    Returns:
        float32 (B, 1) twice; 0 and H where none reaches it.
    """
    size = strongest.shape[1]
    index = _indices(size)[None, :]
    inside = ops.cast(strongest >= least, "float32")
    none = 1.0 - ops.max(inside, axis=1, keepdims=True)
    last = ops.max(inside * (index + 1.0), axis=1, keepdims=True) + size * none
    first = size - ops.max(inside * (size - index), axis=1, keepdims=True) - size * none
    return first, last - first


def both_ways(rows: Any, images: Any, columns: Any) -> Any:
    """Resample (B, H, W) by `rows` (B, N, H) and `columns` (B, M, W) to (B, N, M)."""
    return ops.matmul(ops.matmul(rows, images), ops.transpose(columns, (0, 2, 1)))


def _indices(count: int) -> Any:
    return ops.cast(ops.arange(count), "float32")


_BOX = 20
# The center of mass comes to the pixel with this index, as in MNIST.
_CENTER = 14
# What reaches this share of the strongest ink is in the box, and what is fainter is still seen so many output pixels
# around it. The reasons are in `methods.py`, at the method `mnist_style`.
_INK_SHARE = 0.25
_RIM = 2
# Ink that stands out from the ground by fewer levels is none; with the noise known, fainter ink can be found ...
_CONTRAST, _FAINTEST = 24.0, 12.0
# ... if it is so many times as strong as what is taken for noise.
_ABOVE_NOISE = 2.0
# Ink at full strength is so many times the mean level of ink (weighted by its square). In MNIST's own images
# that is no less than their strongest pixel, in 99 of a hundred.
_FULL = 1.25
# Mean stroke width, in output pixels, that is left as it is. In MNIST's training digits the median is 2.2,
# and nine of ten lie between 1.5 and 3.3; a network trained on those lost least with this range.
THINNEST, WIDEST = 2.0, 3.0
# The grid on which strokes are changed has so many pixels to one of the output, so many output pixels around the box,
# and outlines move by so many of its pixels at most.
_FINE = 3
_MARGIN = 3
_STEPS = 6
# A step of a staircase is as wide as the stroke, up to so many output pixels.
_LARGEST_STEP = 2.0
# Strokes this wide, in shares of the box, fill it; their path has no length to be fitted by.
_FILLED = 0.6


@keras.saving.register_keras_serializable(package="inkproof")
class Normalizer(keras.layers.Layer):
    """Bring images to 28 x 28, and to the size, place and stroke width that MNIST's digits have.

    Input: (B, H, W) or (B, H, W, 1), uint8 or float, 0 to 255, ink dark or light; H and W are any, but known
    when the layer is built. Output: float32 (B, 28, 28, 1), whole levels 0 to 255, white ink on black, blank for an
    image without ink. MNIST's own images come back nearly as they are.

    Every step can be left out:

    - `polarity`: the border, which is ground, decides what is ink, the darker or the lighter. Without it
      ink is light.
    - `contrast`: an uneven ground, wide shadows and weak noise are taken away, faint ink is made strong. Strong noise
      (a standard deviation above a quarter of white) hides the ink, and the image comes out blank. Without it the
      ground has one level and ink keeps its own.
    - `specks`: small lone marks are dropped, and noise that looks like nothing else.
    - `box`: the ink's bounding box is fitted into 20 x 20 pixels, with its aspect ratio. Without it the whole
      image becomes the output.
    - `stroke_width`: strokes thinner than MNIST's are grown, and wider ones thinned; the box is that of the result.
    - `center`: the center of mass comes to the center of the output. Without it the box is in the middle.

    Polarity, box and center alone do what the method `mnist_style` does (LeCun, Cortes and Burges, "The MNIST
    database of handwritten digits"). Only operators built into LiteRT are used; always computed in float32.
    """

    def __init__(
        self,
        polarity: bool = True,
        contrast: bool = True,
        specks: bool = True,
        box: bool = True,
        stroke_width: bool = True,
        center: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.steps = {
            "polarity": polarity,
            "contrast": contrast,
            "specks": specks,
            "box": box,
            "stroke_width": stroke_width,
            "center": center,
        }

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Raise ValueError for a shape other than (B, H, W) or (B, H, W, 1) with H and W known."""
        shape = tuple(input_shape)
        if len(shape) not in (3, 4) or shape[3:] not in ((), (1,)) or not all(shape[1:3]):
            raise ValueError(f"images are (B, H, W) or (B, H, W, 1), H and W known, not {shape}")
        super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], IMAGE_SIDE, IMAGE_SIDE, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.steps}

    def call(self, inputs: Any, ink_mask: Any = None) -> Any:
        images = ops.cast(inputs if len(inputs.shape) == 3 else inputs[:, :, :, 0], "float32")
        ink = self._ink(images) if ink_mask is None else ink_by_mask(images, ink_mask)
        return ops.round(self._placed(ink))[:, :, :, None]

    def _ink(self, images: Any) -> Any:
        """White ink on a black ground, (B, H, W)."""
        ground = flat_ground(images)
        if self.steps["contrast"]:
            ground = bent_ground(images, ground)
        away = images - ground
        ink = ops.relu(away * (1.0 - 2.0 * ink_is_dark(away)) if self.steps["polarity"] else away)
        peak = strongest(ink)
        least: Any = _CONTRAST
        floor: Any = 0.0
        if self.steps["contrast"]:
            ink = without_shadows(ink, peak)
            floor = noise_floor(away)
            ink = without_noise(ink, floor)
            peak = strongest(ink)
            least = ops.maximum(_FAINTEST, _ABOVE_NOISE * floor)
        gain = ops.cast(peak >= least, "float32")
        if self.steps["specks"]:
            ink = without_specks(ink, ops.maximum(peak, 1.0))
        if self.steps["contrast"]:
            square = ops.square(ink)
            mean = _total(square * ink) / ops.maximum(_total(square), 1.0)
            # The strongest pixel has the noise on top.
            full = ops.minimum(_FULL * mean, ops.maximum(mean, peak - floor))
            gain = gain * 255.0 / ops.maximum(full, 1.0)
        return ops.minimum(ink * gain, 255.0)

    def _placed(self, ink: Any) -> Any:
        """The output (B, 28, 28) for `ink` (B, H, W)."""
        height, width = ink.shape[1:]
        if self.steps["box"]:
            least = ops.maximum(_INK_SHARE * strongest(ink)[:, :, 0], 1e-3)
            top, tall = extent(ops.max(ink, axis=2), least)
            left, wide = extent(ops.max(ink, axis=1), least)
            span = _BOX
        else:
            top = left = ops.zeros_like(ink[:, :1, 0])
            tall, wide = top + height, left + width
            span = IMAGE_SIDE
        pixel = ops.maximum(tall, wide) / span
        tall, wide = tall / pixel, wide / pixel
        if self.steps["stroke_width"]:
            ink, amount, zoom = self._with_mnists_strokes(ink, top, left, pixel, span)
            tall, wide = (tall + 2 * amount) * zoom, (wide + 2 * amount) * zoom
            top = left = _FINE * (_MARGIN - amount)
            pixel = _FINE / zoom
        # A side that is a hair over a whole pixel has no further one.
        tall, wide = ops.ceil(tall - 1e-3), ops.ceil(wide - 1e-3)
        count = span + 2 * _RIM
        index = ops.cast(ops.arange(count), "float32")[None, :]
        rows = _first(overlaps(top - _RIM * pixel, pixel, count, ink.shape[1]), index, tall)
        columns = _first(overlaps(left - _RIM * pixel, pixel, count, ink.shape[2]), index, wide)
        field = both_ways(rows, ink, columns)
        down = self._place(ops.sum(field, axis=2), index, tall)
        across = self._place(ops.sum(field, axis=1), index, wide)
        return both_ways(shifts(down - _RIM, IMAGE_SIDE, count), field, shifts(across - _RIM, IMAGE_SIDE, count))

    def _with_mnists_strokes(self, ink: Any, top: Any, left: Any, pixel: Any, span: int) -> tuple[Any, Any, Any]:
        """Grid (B, S, S) of the box, with strokes changed, and how: by `amount` on each side, then by `zoom`.

        The box begins `_MARGIN` output pixels inside the grid, before the change; `amount` (B, 1) is in
        output pixels at that scale. Zoomed afterwards, the box fits again and strokes have the width wanted.
        """
        side = _FINE * (span + 2 * _MARGIN)
        step = pixel / _FINE
        rows = overlaps(top - _MARGIN * pixel, step, side, ink.shape[1])
        columns = overlaps(left - _MARGIN * pixel, step, side, ink.shape[2])
        grid = both_ways(rows, ink, columns) / 255.0
        # A small image enlarged has steps; smoothed as wide as they are, they become the line they come from.
        stepped, hard = stairs(grid, _FINE)
        step_width = ops.minimum(stroke_width(grid), _LARGEST_STEP * _FINE)
        smooth = triangles(ops.maximum(hard * step_width, _FINE * stepped), side)
        shape = sharpened(both_ways(smooth, grid, smooth))
        width = stroke_width(shape) / _FINE
        wanted = ops.clip(width, THINNEST, WIDEST)
        zoom = ops.ones_like(width)
        if self.steps["box"]:
            zoom = (span - wanted) / (span - ops.minimum(width, _FILLED * span))
        limit = _STEPS / _FINE
        amount = ops.clip((wanted / zoom - width) / 2, -limit, limit) * ops.cast(width > 0, "float32")
        return 255.0 * with_outline_moved(grid, shape, _FINE * amount, hard, _STEPS), amount, zoom

    def _place(self, profile: Any, index: Any, side: Any) -> Any:
        """Where in the output a box of `side` pixels (B, 1) begins; `profile` (B, n) is the ink of it and its rim."""
        if not self.steps["center"]:
            return ops.floor((IMAGE_SIDE - side) / 2)
        mass = ops.maximum(ops.sum(profile, axis=1, keepdims=True), 1e-3)
        place = ops.round(_CENTER + _RIM - ops.sum(profile * index, axis=1, keepdims=True) / mass)
        return ops.clip(place, 0.0, IMAGE_SIDE - side) if self.steps["box"] else place


def _total(ink: Any) -> Any:
    return ops.sum(ink, axis=(1, 2), keepdims=True)


def _first(rows: Any, index: Any, side: Any) -> Any:
    """The rows (B, n, H) of a box of `side` pixels (B, 1) and its rim, and zeros for the others."""
    return rows * ops.cast(index < side + 2 * _RIM, "float32")[:, :, None]
