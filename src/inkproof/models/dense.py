"""Fully connected networks on the flattened image."""

from collections.abc import Sequence
from typing import Literal

import keras

from inkproof.config.schema import Positive
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import Deskew, UnitNormalization, softmax_head


@builder
def build(hidden: Sequence[Positive], normalize_axis: Literal[1, 2] | None = None, deskew: bool = False) -> keras.Model:
    """Return Flatten, one ReLU layer for each of `hidden` (units), softmax over ten digits.

    `normalize_axis` puts the L2 normalization of recipe "custom digits" after the rescaling:
    axis 1 of (B, 28, 28, 1) scales every column of the image to unit length. `deskew` sets slanted digits upright
    first.
    """
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deskew:
        x = Deskew()(x)
    if normalize_axis is not None:
        x = UnitNormalization(axis=normalize_axis)(x)
    x = keras.layers.Flatten()(x)
    for units in hidden:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, softmax_head(x))
