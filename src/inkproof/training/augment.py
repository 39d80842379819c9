"""Random affine distortion of a whole batch in one resampling."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Affine:
    """Limits of the distortion; each picture draws its own values, uniform within them.

    rotation: degrees to either side. zoom: fraction by which each axis shrinks or grows.
    shift: fraction of the side by which the picture moves along each axis.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether nothing is distorted, so that the resampling can be left out."""
        return not (self.rotation or self.zoom or self.shift)


def distort(images: tf.Tensor, limits: Affine, seed: tf.Tensor) -> tf.Tensor:
    """Return `images` float32 (B, H, W, 1), each rotated, zoomed and shifted about its centre; black outside.

    `seed` int (2,) decides every number drawn (a stateless generator), so a resumed run sees the same
    pictures. One call of ImageProjectiveTransformV3 does the whole batch: a tenth of the cost of a
    pipeline of Keras random layers.
    """
    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    low = [-limits.rotation * np.pi / 180, 1 - limits.zoom, 1 - limits.zoom, -limits.shift, -limits.shift]
    high = [limits.rotation * np.pi / 180, 1 + limits.zoom, 1 + limits.zoom, limits.shift, limits.shift]
    uniform = tf.random.stateless_uniform([shape[0], 5], seed)
    drawn = tf.constant(low, tf.float32) + uniform * (tf.constant(high, tf.float32) - tf.constant(low, tf.float32))
    angle, zoom_x, zoom_y, shift_x, shift_y = tf.unstack(drawn, axis=1)
    # Rows of the matrix that maps an output pixel to the input pixel it is read from.
    a, b = tf.cos(angle) / zoom_x, tf.sin(angle) / zoom_x
    d, e = -tf.sin(angle) / zoom_y, tf.cos(angle) / zoom_y
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    x, y = centre_x + shift_x * width, centre_y + shift_y * height
    c = centre_x - a * x - b * y
    f = centre_y - d * x - e * y
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1),
        output_shape=shape[1:3],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
