"""Layers that Keras lacks or computes more slowly, and the head that all families share."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from inkproof.data.digits import IMAGE_SIDE


@keras.saving.register_keras_serializable(package="inkproof")
class UnitNormalization(keras.layers.Layer):
    """Scale an image to unit L2 length along one axis, as `keras.utils.normalize` does outside a model.

    The epsilon is added to the squared length before the reciprocal root, so an empty column stays empty. Keras has
    none. Quantized to int8, the layer needs one: 1e-12 lost many points of accuracy, 1e-2 none. The squared length of
    most columns with ink is 1 to 5. Faint columns come out shorter than with Keras: of the columns with ink in MNIST's
    training digits, 1.9% are shorter than 0.9. Their squared length is below 0.043.
    """

    def __init__(self, axis: int = 1, epsilon: float = 1e-2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def call(self, inputs: Any) -> Any:
        squared = keras.ops.sum(keras.ops.square(inputs), axis=self.axis, keepdims=True)
        return inputs * keras.ops.rsqrt(squared + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="inkproof")
class LocalResponseNormalization(keras.layers.Layer):
    """Normalize each value by its neighbors in the channel direction (Krizhevsky et al., 2012, section 3.3).

    What `tf.nn.local_response_normalization` computes, with the sums over neighbors as a product with a banded
    matrix: that operation's gradient has no fast kernel on a CPU, and none for bfloat16. Always in float32.
    """

    def __init__(
        self, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs: Any) -> Any:
        channels = keras.ops.arange(inputs.shape[-1])
        neighbors = keras.ops.abs(channels[:, None] - channels[None, :]) <= self.depth_radius
        sums = keras.ops.matmul(keras.ops.square(inputs), keras.ops.cast(neighbors, "float32"))
        # A power by way of the logarithm: that alone is vectorized.
        return inputs * keras.ops.exp(-self.beta * keras.ops.log(self.bias + self.alpha * sums))

    def get_config(self) -> dict[str, Any]:
        own = {"depth_radius": self.depth_radius, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="inkproof")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization (Ioffe and Szegedy, 2015), of feature maps trained by TensorFlow's one operation for it.

    Keras computes it of a dozen operations in float32: with bfloat16 on two AMX cores a step of `vgg` then takes 2.7
    times as long as without, with the fused one 1.4 times. Outside training it is Keras's own.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or not self.trainable or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs


# Rows move by at most this many pixels for each that they are away from the middle: 39 degrees.
_STEEPEST = 0.8
# Ink in full pixels, and its second moment down the rows, that are counted at least: a digit has ten times as much, and
# quantized to int8 smaller numbers become a division by zero.
_LEAST_INK, _LEAST_SPREAD = 8.0, 256.0


@keras.saving.register_keras_serializable(package="inkproof")
class Deskew(keras.layers.Layer):
    """Shear each image (28, 28) about its center of mass until its ink has no slant.

    The slant is the regression of columns on rows, weighted by ink: the ratio of the second moments m11 / m02, as in
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), section
    III.A. A row is moved as a whole, by linear interpolation. Pixels of a blank stay where they are.

    Always computed in float32: bfloat16 cannot tell neighboring columns apart. Input and output float (B, 28, 28, 1),
    white ink on black, 0 to 1.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        ink = inputs[..., 0]
        index = ops.arange(IMAGE_SIDE, dtype="float32")
        rows, columns = ops.sum(ink, axis=2), ops.sum(ink, axis=1)
        weight = ops.maximum(ops.sum(rows, axis=1, keepdims=True), _LEAST_INK)
        down = index - ops.sum(rows * index, axis=1, keepdims=True) / weight
        right = index - ops.sum(columns * index, axis=1, keepdims=True) / weight
        spread = ops.sum(rows * ops.square(down), axis=1, keepdims=True)
        mixed = ops.sum(ops.sum(ink * right[:, None, :], axis=2) * down, axis=1, keepdims=True)
        slant = ops.clip(mixed / ops.maximum(spread, _LEAST_SPREAD), -_STEEPEST, _STEEPEST)
        # Where each pixel (row, column) of the upright image lies in the slanted one, and the two pixels around it.
        source = index + (slant * down)[:, :, None]
        weights = ops.relu(1 - ops.abs(source[..., None] - index))
        return ops.matmul(weights, ink[..., None])


def softmax_head(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return probabilities float32 (B, 10) from features (B, F).

    The softmax stays in float32 under every precision policy: bfloat16 has eight bits of
    mantissa, too few for a loss computed from probabilities near one.
    """
    logits = keras.layers.Dense(10, name="logits")(x)
    return keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
