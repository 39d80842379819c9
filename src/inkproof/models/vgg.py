"""Deep plain convolutional network: groups of small convolutions, each ended by one that halves the picture."""

from collections.abc import Sequence

import keras

from inkproof.models.deslant import Deslant
from inkproof.models.head import softmax_head


def build(
    widths: Sequence[int],
    depth: int,
    halving_kernel: int,
    dense: int,
    dropout: float,
    deslant: bool = False,
) -> keras.Model:
    """Return `depth` ReLU convolutions and one of stride two for each of `widths` (filters), dense, softmax.

    The convolutions are 3 x 3 without padding; those of stride two have `halving_kernel` pixels a side and learn what
    pooling would throw away. `dropout` comes behind each group and behind the dense layer. `deslant` sets slanted
    digits upright first.

    Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2015), for
    stacks of small convolutions; Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for simplicity: the all
    convolutional net" (2015), for strides instead of pooling.
    """
    inputs = keras.Input((28, 28, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deslant:
        x = Deslant()(x)
    for width in widths:
        for _ in range(depth):
            x = _convolution(x, width, 3)
        x = _convolution(x, width, halving_kernel, strides=2, padding="same")
        x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(dense, activation="relu", kernel_initializer="he_normal")(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax_head(x))


def _convolution(
    x: keras.KerasTensor, width: int, kernel: int, strides: int = 1, padding: str = "valid"
) -> keras.KerasTensor:
    # Glorot's weights shrink the signal by half at each ReLU: over seven layers little of it is left.
    return keras.layers.Conv2D(
        width, kernel, strides=strides, padding=padding, activation="relu", kernel_initializer="he_normal"
    )(x)
