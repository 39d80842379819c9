"""Deep plain convolutional network: groups of small convolutions, each ended by one that halves the image."""

from collections.abc import Sequence
from typing import Any

import keras

from inkproof.config.schema import Natural, Positive, Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import Deskew, FusedBatchNormalization, softmax_head


@builder
def build(
    widths: Sequence[Positive],
    depth: Natural,
    halving_kernel: Positive,
    dense: Positive,
    dropout: Share,
    batch_norm: bool = False,
    deskew: bool = False,
) -> keras.Model:
    """Return `depth` ReLU convolutions and one of stride two for each of `widths` (filters), dense, softmax.

    The convolutions are 3 x 3 without padding; those of stride two have `halving_kernel` pixels a side and learn what
    pooling would throw away. `dropout` comes behind each group and behind the dense layer. `batch_norm` puts
    batch normalization before each ReLU. `deskew` sets slanted digits upright first.

    Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2015), for
    stacks of small convolutions; Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for simplicity: the all
    convolutional net" (2015), for strides instead of pooling.
    """
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deskew:
        x = Deskew()(x)
    # Glorot's weights shrink the signal by half at each ReLU: over seven layers little of it is left.
    weights: dict[str, Any] = {"kernel_initializer": "he_normal", "use_bias": not batch_norm}
    for width in widths:
        for _ in range(depth):
            x = _relu(keras.layers.Conv2D(width, 3, **weights)(x), batch_norm)
        x = keras.layers.Conv2D(width, halving_kernel, strides=2, padding="same", **weights)(x)
        x = keras.layers.Dropout(dropout)(_relu(x, batch_norm))
    x = _relu(keras.layers.Dense(dense, **weights)(keras.layers.Flatten()(x)), batch_norm)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax_head(x))


def _relu(x: keras.KerasTensor, batch_norm: bool) -> keras.KerasTensor:
    # Keras's momentum of 0.99 would take hundreds of steps to forget the first ones.
    return keras.layers.ReLU()(FusedBatchNormalization(momentum=0.9)(x) if batch_norm else x)
