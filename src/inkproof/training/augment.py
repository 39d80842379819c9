"""Random distortion of a whole batch: its geometry in one resampling, and the width of its strokes."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

# So many random displacements a side; between them the paper stretches smoothly.
_ELASTIC_NODES = 4


@dataclass(frozen=True)
class Distortion:
    """Limits of the distortion; each image draws its own values, uniform within them.

    rotation: degrees to either side. zoom: fraction by which each axis shrinks or grows.
    shift: fraction of the side by which the image moves along each axis.
    slant: degrees to either side by which uprights lean.
    elastic: standard deviation in pixels of a smooth random displacement (Simard, Steinkraus and Platt, "Best
    practices for convolutional neural networks applied to visual document analysis", 2003).
    width: pixels that each edge of a stroke moves outward at most, and half as many inward.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    slant: float = 0.0
    elastic: float = 0.0
    width: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether nothing is distorted, so that the resampling can be left out."""
        return self == Distortion()


def distort(images: tf.Tensor, limits: Distortion, seed: tf.Tensor) -> tf.Tensor:
    """Return `images` float32 (B, H, W, 1), each distorted about its center; black outside.

    `seed` int (2,) decides every number drawn (a stateless generator), so a resumed run sees the same
    images. One resampling of the whole batch: a tenth of the cost of a pipeline of Keras random layers.
    """
    if limits.rotation or limits.zoom or limits.shift or limits.slant or limits.elastic:
        rows = _affine_rows(images, limits, seed)
        images = _elastic(images, rows, limits.elastic, seed) if limits.elastic else _resample(images, rows)
    return _change_width(images, limits.width, seed) if limits.width else tf.convert_to_tensor(images)


def _affine_rows(images: tf.Tensor, limits: Distortion, seed: tf.Tensor) -> tf.Tensor:
    """Two rows (B, 6) of the matrix that maps an output pixel to the input pixel it is sampled from."""
    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    low = [-limits.rotation * np.pi / 180, 1 - limits.zoom, 1 - limits.zoom, -limits.shift, -limits.shift]
    high = [limits.rotation * np.pi / 180, 1 + limits.zoom, 1 + limits.zoom, limits.shift, limits.shift]
    uniform = tf.random.stateless_uniform([shape[0], 5], seed)
    drawn = tf.constant(low, tf.float32) + uniform * (tf.constant(high, tf.float32) - tf.constant(low, tf.float32))
    angle, zoom_x, zoom_y, shift_x, shift_y = tf.unstack(drawn, axis=1)
    a, b = tf.cos(angle) / zoom_x, tf.sin(angle) / zoom_x
    d, e = -tf.sin(angle) / zoom_y, tf.cos(angle) / zoom_y
    if limits.slant:
        lean = tf.tan(_uniform(seed, 1, [shape[0]]) * (limits.slant * np.pi / 180))
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


def _change_width(images: tf.Tensor, limit: float, seed: tf.Tensor) -> tf.Tensor:
    """Move the edges of strokes by up to `limit` pixels outward, half of it inward.

    One pixel is a step of gray dilation or erosion by a cross; a part of a pixel is a blend with the step.
    """
    amount = _uniform(seed, 3, [tf.shape(images)[0], 1, 1, 1])
    amount = tf.where(amount > 0, amount, amount / 2) * limit
    steps = int(np.ceil(limit))
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


def _fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    """A seed of its own for each kind of number drawn, so that one more kind leaves the others as they were."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def _uniform(seed: tf.Tensor, number: int, shape: list[tf.Tensor | int]) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, _fold(seed, number), -1.0, 1.0)
