"""Convolutions with batch normalization, and global average pooling in place of dense layers: few weights."""

from collections.abc import Sequence
from typing import Any

import keras

from inkproof.config.schema import Positive, Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import Deskew, FirstConv2D, FusedBatchNormalization, softmax_head


@builder
def build(
    filters: Sequence[Positive],
    kernels: Sequence[Positive],
    pools: Sequence[Positive],
    separable: bool,
    dropout: Share,
    shrink: Positive = 1,
    deskew: bool = False,
) -> keras.Model:
    """Return one convolution for each of `filters`, each with batch normalization and ReLU, and the mean of each map.

    `kernels` are the side lengths in pixels, without padding. `pools` are the max-pooling after each convolution (1 for
    none). With `separable`, all convolutions but the first are depthwise, followed by a 1 x 1 convolution. `dropout`
    comes before the logits. `deskew` first sets slanted digits upright, and `shrink` then averages squares of so many
    pixels a side. In an exported file the normalizations are part of the convolutions.

    Source: Lin, Chen and Yan, "Network in network" (2014), for global average pooling; Howard et al., "MobileNets:
    efficient convolutional neural networks for mobile vision applications" (2017), for the separable convolutions.
    """
    if not len(filters) == len(kernels) == len(pools) > 0:
        raise ValueError("filters, kernels and pools need one value for each convolution, and at least one")
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    if deskew:
        x = Deskew()(x)
    if shrink > 1:
        x = keras.layers.AveragePooling2D(shrink)(x)
    weights: dict[str, Any] = {"kernel_initializer": "he_normal", "use_bias": False}
    x = FirstConv2D(filters[0], kernels[0], pools[0], batch_norm=True, activation="relu", **weights)(x)
    for count, kernel, pool in zip(filters[1:], kernels[1:], pools[1:], strict=True):
        if separable:
            x = keras.layers.DepthwiseConv2D(kernel, depthwise_initializer="he_normal", use_bias=False)(x)
        x = keras.layers.Conv2D(count, 1 if separable else kernel, **weights)(x)
        x = keras.layers.ReLU()(FusedBatchNormalization(momentum=0.9)(x))
        x = keras.layers.MaxPooling2D(pool)(x) if pool > 1 else x
    x = keras.layers.Dropout(dropout)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, softmax_head(x))
