"""Normalisation layers that the networks need and Keras has not, or not as fast."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="inkproof")
class UnitNormalization(keras.layers.Layer):
    """Scale a picture to unit L2 length along one axis, as `keras.utils.normalize` does outside a model.

    The epsilon is added to the squared length before the reciprocal root. It is large enough that
    an empty column does not blow up when the layer is quantised to int8 (1e-2 costs no accuracy;
    1e-12 lost many points), and small beside the squared length of a column with ink, about 1 to 5.
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
    """Normalise each value by its neighbours in the channel direction (Krizhevsky et al., 2012, section 3.3).

    What `tf.nn.local_response_normalization` computes, with the sums over neighbours as a product with a banded
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
        neighbours = keras.ops.abs(channels[:, None] - channels[None, :]) <= self.depth_radius
        sums = keras.ops.matmul(keras.ops.square(inputs), keras.ops.cast(neighbours, "float32"))
        # A power by way of the logarithm: that alone is vectorised.
        return inputs * keras.ops.exp(-self.beta * keras.ops.log(self.bias + self.alpha * sums))

    def get_config(self) -> dict[str, Any]:
        own = {"depth_radius": self.depth_radius, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="inkproof")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation (Ioffe and Szegedy, 2015), of feature maps trained by TensorFlow's one operation for it.

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
