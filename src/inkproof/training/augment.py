"""Augmentation: random distortions of a whole batch, each registered with its keys of conf/aug."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from inkproof.runtime.errors import UserError

# So many random displacements a side; between them the paper stretches smoothly.
_ELASTIC_NODES = 4

Function = TypeVar("Function", bound=Callable[..., tf.Tensor])
OPERATIONS: dict[Callable[..., tf.Tensor], dict[str, float]] = {}  # in the order in which they are applied


def operation(*bare: Any, **highest: float) -> Callable[[Function], Function]:
    """Register `function(images, seed, **limits)`: the keys of conf/aug that it takes, each with its highest value.

    The function returns `images` float32 (B, H, W, 1), 0 to 255, each distorted by its own values within the limits.
    `seed` int (2,) decides every number drawn, by `_uniform` or `_fold` with a number that no other operation has.
    It is called if one of its limits is not 0. Raises UserError without keys, or if the function does not take them.
    """

    def register(function: Function) -> Function:
        where = f"augmentation {function.__name__}"
        if not highest:
            raise UserError(f"{where}: name its keys of conf/aug and their highest values, as in @operation(noise=100)")
        try:
            inspect.signature(function).bind(None, None, **highest)
        except TypeError as error:
            taken = ", ".join(("images", "seed", *highest))
            raise UserError(f"{where}: it is called with ({taken}), but does not fit ({error})") from error
        OPERATIONS[function] = highest
        return function

    return register(*bare) if bare else register


def distort(images: tf.Tensor, limits: Mapping[str, float], seed: tf.Tensor) -> tf.Tensor:
    """Return `images` float32 (B, H, W, 1), distorted by each operation that `limits` has a key of.

    `seed` int (2,) decides every number drawn (a stateless generator), so a resumed run sees the same images.
    """
    for function, own in _chosen(limits):
        images = function(images, seed, **own)
    return tf.convert_to_tensor(images)


def check_operations(limits: Mapping[str, float], side: int) -> None:
    """Raise UserError if one of the operations `limits` has a key of fails, or returns no images as it gets them."""
    expected, seed = tf.TensorSpec((None, side, side, 1), tf.float32), tf.TensorSpec((2,), tf.int64)
    for function, own in _chosen(limits):
        where = f"augmentation {function.__name__}"
        try:
            made = tf.function(function).get_concrete_function(expected, seed, **own).structured_outputs
        except Exception as error:  # of a user's own function
            raise UserError(f"{where}: it fails ({str(error).strip().splitlines()[-1].strip()})") from error
        if not tf.is_tensor(made) or made.dtype != tf.float32 or not expected.shape.is_compatible_with(made.shape):
            found = f"{made.dtype.name} {made.shape}" if tf.is_tensor(made) else type(made).__name__
            raise UserError(f"{where}: it returns {found}; expected float32 {expected.shape}")


def _chosen(limits: Mapping[str, float]) -> Iterator[tuple[Callable[..., tf.Tensor], dict[str, float]]]:
    for function, highest in OPERATIONS.items():
        own = {key: limits.get(key, 0.0) for key in highest}
        if any(own.values()):
            yield function, own


def _fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    """A seed of its own for each kind of number drawn, so that one more kind leaves the others as they were."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def _uniform(seed: tf.Tensor, number: int, shape: list[tf.Tensor | int]) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, _fold(seed, number), -1.0, 1.0)


@operation(rotation=180, zoom=0.9, shift=1, slant=80, elastic=10)
def change_geometry(
    images: tf.Tensor, seed: tf.Tensor, rotation: float, zoom: float, shift: float, slant: float, elastic: float
) -> tf.Tensor:
    """Distort each image about its center; black outside.

    rotation: degrees to either side. zoom: fraction by which each axis shrinks or grows.
    shift: fraction of the side by which the image moves along each axis.
    slant: degrees to either side by which uprights lean.
    elastic: standard deviation in pixels of a smooth random displacement (Simard, Steinkraus and Platt, "Best
    practices for convolutional neural networks applied to visual document analysis", 2003).

    One resampling of the whole batch: a tenth of the cost of a pipeline of Keras random layers.
    """
    rows = _affine_rows(images, seed, rotation, zoom, shift, slant)
    return _elastic(images, rows, elastic, seed) if elastic else _resample(images, rows)


def _affine_rows(
    images: tf.Tensor, seed: tf.Tensor, rotation: float, zoom: float, shift: float, slant: float
) -> tf.Tensor:
    """Two rows (B, 6) of the matrix that maps an output pixel to the input pixel it is sampled from."""
    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    low = [-rotation * np.pi / 180, 1 - zoom, 1 - zoom, -shift, -shift]
    high = [rotation * np.pi / 180, 1 + zoom, 1 + zoom, shift, shift]
    uniform = tf.random.stateless_uniform([shape[0], 5], seed)
    drawn = tf.constant(low, tf.float32) + uniform * (tf.constant(high, tf.float32) - tf.constant(low, tf.float32))
    angle, zoom_x, zoom_y, shift_x, shift_y = tf.unstack(drawn, axis=1)
    a, b = tf.cos(angle) / zoom_x, tf.sin(angle) / zoom_x
    d, e = -tf.sin(angle) / zoom_y, tf.cos(angle) / zoom_y
    if slant:
        lean = tf.tan(_uniform(seed, 1, [shape[0]]) * (slant * np.pi / 180))
        # Rows lean about the middle one before they are turned.
        a, b = a + lean * d, b + lean * e
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    x, y = center_x + shift_x * width, center_y + shift_y * height
    c = center_x - a * x - b * y
    f = center_y - d * x - e * y
    return tf.stack([a, b, c, d, e, f], axis=1)


def _resample(images: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.pad(rows, [[0, 0], [0, 2]]),
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )


def _elastic(images: tf.Tensor, rows: tf.Tensor, deviation: float, seed: tf.Tensor) -> tf.Tensor:
    """Sample `images` bilinearly where `rows` and a smooth random displacement of `deviation` pixels lead."""
    shape = tf.shape(images)
    count, height, width = shape[0], shape[1], shape[2]
    nodes = tf.random.stateless_normal([count, _ELASTIC_NODES, _ELASTIC_NODES, 2], _fold(seed, 2))
    displaced = tf.image.resize(nodes, shape[1:3], method="bicubic")
    # Between nodes an interpolated value varies less than at them.
    displaced *= deviation / tf.math.reduce_std(displaced)
    column = tf.range(tf.cast(width, tf.float32))[tf.newaxis, tf.newaxis, :]
    row = tf.range(tf.cast(height, tf.float32))[tf.newaxis, :, tf.newaxis]
    a, b, c, d, e, f = (part[:, tf.newaxis, tf.newaxis] for part in tf.unstack(rows, axis=1))
    # One dark pixel around the image, so that everything outside is dark.
    x = tf.clip_by_value(a * column + b * row + c + displaced[..., 0] + 1, 0, tf.cast(width, tf.float32) + 1)
    y = tf.clip_by_value(d * column + e * row + f + displaced[..., 1] + 1, 0, tf.cast(height, tf.float32) + 1)
    left, top = (
        tf.minimum(tf.floor(x), tf.cast(width, tf.float32)),
        tf.minimum(tf.floor(y), tf.cast(height, tf.float32)),
    )
    to_right, down = x - left, y - top
    flat = tf.reshape(tf.pad(images[..., 0], [[0, 0], [1, 1], [1, 1]]), [-1])
    stride = width + 2
    first = (
        tf.range(count)[:, tf.newaxis, tf.newaxis] * (stride * (height + 2))
        + tf.cast(top, tf.int32) * stride
        + tf.cast(left, tf.int32)
    )
    upper = tf.gather(flat, first) * (1 - to_right) + tf.gather(flat, first + 1) * to_right
    lower = tf.gather(flat, first + stride) * (1 - to_right) + tf.gather(flat, first + stride + 1) * to_right
    return (upper * (1 - down) + lower * down)[..., tf.newaxis]


@operation(width=10)
def change_width(images: tf.Tensor, seed: tf.Tensor, width: float) -> tf.Tensor:
    """Move the edges of strokes by up to `width` pixels outward, half of it inward.

    One pixel is a step of gray dilation or erosion by a cross; a part of a pixel is a blend with the step.
    """
    amount = _uniform(seed, 3, [tf.shape(images)[0], 1, 1, 1])
    amount = tf.where(amount > 0, amount, amount / 2) * width
    steps = int(np.ceil(width))
    wider, thinner = images, images
    for step in range(steps):
        share = tf.clip_by_value(amount - step, 0, 1)
        wider += share * (_cross_max(wider) - wider)
        share = tf.clip_by_value(-amount - step, 0, 1)
        thinner += share * (-_cross_max(-thinner) - thinner)
    return tf.where(amount > 0, wider, thinner)


def _cross_max(images: tf.Tensor) -> tf.Tensor:
    upright = tf.nn.max_pool2d(images, (3, 1), 1, "SAME")
    return tf.maximum(upright, tf.nn.max_pool2d(images, (1, 3), 1, "SAME"))
