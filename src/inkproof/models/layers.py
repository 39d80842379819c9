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
        scale = self.gamma if self.scale else tf.ones_like(self.beta)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable(package="inkproof")
class FirstConv2D(keras.layers.Conv2D):
    """A convolution of images of one channel, max-pooling of `pool` pixels a side, and the activation.

    With `batch_norm`, batch normalization without a scale of its own comes before the activation.

    Convolutions of one channel, and the gradients of pooling, are slow on a CPU. So in training each square of 2 x 2
    pixels becomes four channels, and one convolution computes the four results of each square. The largest of them is
    what pooling gives. Outside training the pooling comes last, as files want it, with the same values: all that lies
    between is monotonic. On two AVX2 cores a training step of `cnn` takes 0.77 times as long as with Keras's layers.

    Input float (B, H, W, 1), H and W even; output (B, H', W', filters).
    """

    def __init__(self, filters: int, kernel_size: int, pool: int = 1, batch_norm: bool = False, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        self.pool = pool
        self.normalization = (
            FusedBatchNormalization(momentum=0.9, scale=False, dtype=self.dtype_policy) if batch_norm else None
        )

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.normalization:
            self.normalization.build(self.compute_output_shape(input_shape))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training:
            outputs = self._normalized(self.convolution_op(inputs, self.kernel), training=False)
            return self._pooled(outputs)
        if self.kernel_size[0] % 2 and self.pool <= 2:
            return self._normalized(self._by_squares(inputs), training=True)
        return self._normalized(self._pooled(self.convolution_op(inputs, self.kernel)), training=True)

    def _by_squares(self, inputs: Any) -> Any:
        size = self.kernel_size[0]
        if self.padding == "same":
            inputs = tf.pad(inputs, [[0, 0], [size // 2, size // 2], [size // 2, size // 2], [0, 0]])
        # Four copies of the kernel, each moved to one pixel of the square: (size + 1) / 2 squares a side.
        kernel = ops.cast(self.kernel, self.compute_dtype)[:, :, 0]
        copies = [tf.pad(kernel, [[a, 1 - a], [b, 1 - b], [0, 0]]) for a in (0, 1) for b in (0, 1)]
        squares = (size + 1) // 2
        kernels = tf.reshape(tf.stack(copies, axis=2), (squares, 2, squares, 2, 4 * self.filters))
        kernels = tf.reshape(tf.transpose(kernels, (0, 2, 1, 3, 4)), (squares, squares, 4, 4 * self.filters))
        outputs = tf.nn.conv2d(tf.nn.space_to_depth(inputs, 2), kernels, 1, "VALID")
        if self.pool == 1:
            return tf.nn.depth_to_space(outputs, 2)
        four = tf.concat([tf.shape(outputs)[:3], [4, self.filters]], axis=0)
        return tf.reduce_max(tf.reshape(outputs, four), axis=3)

    def _pooled(self, x: Any) -> Any:
        return ops.max_pool(x, self.pool, padding=self.padding) if self.pool > 1 else x

    def _normalized(self, x: Any, training: bool) -> Any:
        x = x + ops.cast(self.bias, x.dtype) if self.use_bias else x
        return self.activation(self.normalization(x, training=training) if self.normalization else x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *sides, filters = super().compute_output_shape(input_shape)
        more = self.pool - 1 if self.padding == "same" else 0
        return batch, *((side + more) // self.pool for side in sides), filters

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool": self.pool, "batch_norm": self.normalization is not None}


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
