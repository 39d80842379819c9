"""Plain convolutional network: convolutions, dropout, dense (the shape of recipe "Keras to Core ML", 2017)."""

from collections.abc import Sequence

import keras

from inkproof.config.schema import Positive, Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import Deskew, FirstConv2D, softmax_head


@builder
def build(
    filters: Sequence[Positive],
    kernels: Sequence[Positive],
    pools: Sequence[Positive],
    dense: Positive,
    dropout: Share,
    deskew: bool = False,
) -> keras.Model:
    """Return one ReLU convolution for each of `filters`, then dropout, flatten, dense, dropout, softmax.

    `kernels` are the side lengths in pixels; `pools` the max-pooling after each convolution
    (1 for none). `deskew` sets slanted digits upright first. Without batch normalization: on a CPU it costs
    three times the training time.
    """
    if not len(filters) == len(kernels) == len(pools):
        raise ValueError("filters, kernels and pools need one value for each convolution")
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deskew:
        x = Deskew()(x)
    for number, (count, kernel, pool) in enumerate(zip(filters, kernels, pools, strict=True)):
        if number:
            x = keras.layers.Conv2D(count, kernel, activation="relu")(x)
            x = keras.layers.MaxPooling2D(pool)(x) if pool > 1 else x
        else:
            x = FirstConv2D(count, kernel, pool, activation="relu")(x)
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(dense, activation="relu")(x)
    return keras.Model(inputs, softmax_head(x))
