"""Convolutions with batch normalization, and global average pooling in place of dense layers: few weights."""

from collections.abc import Sequence
from typing import Any

import keras

from inkproof.config.schema import Positive, Share
from inkproof.data.digits import IMAGE_SIDE
from inkproof.models.builders import builder
from inkproof.models.layers import FusedBatchNormalization, softmax_head


@builder
def build(
    filters: Sequence[Positive],
    kernels: Sequence[Positive],
    pools: Sequence[Positive],
    separable: bool,
    dropout: Share,
) -> keras.Model:
    """Return one convolution for each of `filters`, each with batch normalization and ReLU, and the mean of each map.

    `kernels` are the side lengths in pixels, without padding. `pools` are the max-pooling after each convolution (1 for
    none). With `separable`, all convolutions but the first are depthwise, followed by a 1 x 1 convolution. `dropout`
    comes before the logits. In an exported file the normalizations are part of the convolutions.

    Source: Lin, Chen and Yan, "Network in network" (2014), for global average pooling; Howard et al., "MobileNets:
    efficient convolutional neural networks for mobile vision applications" (2017), for the separable convolutions.
    """
    if not len(filters) == len(kernels) == len(pools):
        raise ValueError("filters, kernels and pools need one value for each convolution")
    inputs = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    weights: dict[str, Any] = {"kernel_initializer": "he_normal", "use_bias": False}
    for number, (count, kernel, pool) in enumerate(zip(filters, kernels, pools, strict=True)):
        if separable and number:
            x = _relu(keras.layers.DepthwiseConv2D(kernel, depthwise_initializer="he_normal", use_bias=False)(x))
            x = _relu(keras.layers.Conv2D(count, 1, **weights)(x))
        else:
            x = _relu(keras.layers.Conv2D(count, kernel, **weights)(x))
        if pool > 1:
            x = keras.layers.MaxPooling2D(pool)(x)
    x = keras.layers.Dropout(dropout)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, softmax_head(x))


def _relu(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.ReLU()(FusedBatchNormalization(momentum=0.9)(x))
