"""Setting slanted digits upright, within the model, so that no caller and no export can forget it."""

from typing import Any

import keras
from keras import ops

_SIDE = 28
# Rows move by at most this many pixels for each that they are away from the middle: 39 degrees.
_STEEPEST = 0.8
# Ink in full pixels, and its second moment down the rows, that are counted at least: a digit has ten times as much, and
# quantised to int8 smaller numbers become a division by zero.
_LEAST_INK, _LEAST_SPREAD = 8.0, 256.0


@keras.saving.register_keras_serializable(package="inkproof")
class Deslant(keras.layers.Layer):
    """Shear each picture (28, 28) about its centre of mass until its ink has no slant.

    The slant is the regression of columns on rows, weighted by ink: the ratio of the second moments m11 / m02, as in
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), section
    III.A. A row is moved as a whole and read by linear interpolation. Pixels of a blank stay where they are.

    Always computed in float32: bfloat16 cannot tell neighbouring columns apart. Input and output float (B, 28, 28, 1),
    white ink on black, 0 to 1.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        ink = inputs[..., 0]
        index = ops.arange(_SIDE, dtype="float32")
        rows, columns = ops.sum(ink, axis=2), ops.sum(ink, axis=1)
        weight = ops.maximum(ops.sum(rows, axis=1, keepdims=True), _LEAST_INK)
        down = index - ops.sum(rows * index, axis=1, keepdims=True) / weight
        right = index - ops.sum(columns * index, axis=1, keepdims=True) / weight
        spread = ops.sum(rows * ops.square(down), axis=1, keepdims=True)
        mixed = ops.sum(ops.sum(ink * right[:, None, :], axis=2) * down, axis=1, keepdims=True)
        slant = ops.clip(mixed / ops.maximum(spread, _LEAST_SPREAD), -_STEEPEST, _STEEPEST)
        # Where each pixel (row, column) of the upright picture lies in the slanted one, and the two pixels around it.
        source = index + (slant * down)[:, :, None]
        weights = ops.relu(1 - ops.abs(source[..., None] - index))
        return ops.matmul(weights, ink[..., None])
