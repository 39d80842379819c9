"""The TFLearn-style network of recipe "Digitre" (2017): two convolutions, each pooled and normalized."""

from collections.abc import Sequence
from typing import Any

import keras

from inkproof.config.schema import Positive, Share, Size
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import FirstConv2D, LocalResponseNormalization, softmax_head


@builder
def build(
    filters: Sequence[Positive],
    kernel: Positive,
    l2: Size,
    dense: Positive,
    dropout: Share,
    conv_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Return (convolution, max-pooling, local response normalization) for each of `filters`, dense, dropout, softmax.

    `l2` is the weight of half the squared weights, TFLearn's convention; Keras counts the whole
    square, hence the division by two. `conv_initializer` draws the convolutions' first weights:
    Keras's own way, or "lecun_uniform" for TFLearn's, of four times the spread in the first.
    """
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for number, count in enumerate(filters):
        convolution: dict[str, Any] = {
            "padding": "same",
            "activation": "relu",
            "kernel_initializer": conv_initializer,
            "kernel_regularizer": keras.regularizers.L2(l2 / 2),
        }
        if number:
            x = keras.layers.Conv2D(count, kernel, **convolution)(x)
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        else:
            x = FirstConv2D(count, kernel, 2, **convolution)(x)
        x = LocalResponseNormalization()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(dense, activation="relu")(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax_head(x))
