"""Small residual network without batch normalization."""

from collections.abc import Sequence

import keras

from inkproof.config.schema import Natural, Positive, Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import Deskew, FirstConv2D, softmax_head


@builder
def build(
    widths: Sequence[Positive],
    blocks: Sequence[Natural],
    stem_kernel: Positive,
    stem_pool: Positive,
    dense: Positive,
    dropout: Share,
    deskew: bool = False,
) -> keras.Model:
    """Return a convolution with max-pooling, one stage for each of `widths` (filters), dense, dropout, softmax.

    A stage is a convolution, of stride two but in the first, and `blocks` residual blocks of two convolutions each.
    The second convolution of a block begins at zero, so that at first every block passes on what it is given: that is
    what lets the network learn without batch normalization, which costs more than the convolutions on a CPU.
    `dropout` comes before and after the dense layer. `deskew` sets slanted digits upright first.

    Source: He, Zhang, Ren and Sun, "Identity mappings in deep residual networks" (2016), for the blocks; Zhang,
    Dauphin and Ma, "Fixup initialization: residual learning without normalization" (2019), for how they begin.

    Raises ValueError if `widths` and `blocks` differ in number.
    """
    if len(widths) != len(blocks) or not widths:
        raise ValueError("widths and blocks need one value for each stage, and at least one")
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deskew:
        x = Deskew()(x)
    x = FirstConv2D(widths[0], stem_kernel, stem_pool)(x)
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        if stage:
            x = keras.layers.Conv2D(width, 3, strides=2, padding="same")(keras.layers.ReLU()(x))
        for _ in range(count):
            x = _block(x, width)
    x = keras.layers.ReLU()(x)
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(dense, activation="relu")(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax_head(x))


def _block(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    y = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(keras.layers.ReLU()(x))
    y = keras.layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(y)
    return keras.layers.Add()([x, y])
