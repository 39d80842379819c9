"""The normalizer as LiteRT files: with its ink mask, as every canvas.tflite begins, and by rules alone."""

import tensorflow as tf

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.preprocessing.convert import function_to_litert, merge
from inkproof.preprocessing.ink_mask import NETWORK_SIDE, network_input, trained_mask_network
from inkproof.preprocessing.normalizer import Normalizer

_CANVAS = tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.uint8, name="canvas")
_LEVELS, _PAGE, _MARKS = "levels", "page", "marks"


def normalizer_part() -> bytes:
    """Return the normalizer as a LiteRT file, from `canvas` uint8 (1, 280, 280) to `image`, `seen` and `mask`.

    `image` float32 (1, 28, 28, 1) and `seen` uint8 (1, 28, 28) hold the same whole numbers. `mask` uint8 (1, 70, 70) is
    where the ink is, 0 to 255. It is the same for every network of digits, and takes longer to convert than they do.
    The weights of the mask network have eight bits: its convolutions then take a third of the time. Of 5,000 drawings
    one came out otherwise to the network of digits. Everything else is float32.
    """
    return merge([shrinking_part(), marking_part(), placing_part()], ["image", "seen", "mask"])


def shrinking_part() -> bytes:
    """Return the first part: from `canvas` to its gray levels, and to `page`, the input of the mask network."""

    def shrink(canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        levels = tf.cast(canvas, tf.float32)
        return {_LEVELS: tf.identity(levels, name=_LEVELS), _PAGE: tf.identity(network_input(levels), name=_PAGE)}

    return function_to_litert(shrink, [_CANVAS], "the normalizer")


def marking_part() -> bytes:
    """Return the second part, the mask network with weights of eight bits: from `page` to `marks`, 0 to 1."""
    network = trained_mask_network()

    def mark(page: tf.Tensor) -> dict[str, tf.Tensor]:
        return {_MARKS: tf.identity(network(page, training=False), name=_MARKS)}

    page = tf.TensorSpec((1, NETWORK_SIDE, NETWORK_SIDE, 1), tf.float32, name=_PAGE)
    return function_to_litert(mark, [page], "the ink mask", network, "dynamic")


def placing_part() -> bytes:
    """Return the last part: from gray levels and `marks` to the outputs of the whole."""
    normalizer = Normalizer()

    def place(levels: tf.Tensor, marks: tf.Tensor) -> dict[str, tf.Tensor]:
        image = normalizer(levels, ink_mask=marks)
        return {
            "image": tf.identity(image, name="image"),
            "seen": tf.cast(image[..., 0], tf.uint8, name="seen"),
            "mask": tf.cast(tf.round(marks[..., 0] * 255.0), tf.uint8, name="mask"),
        }

    marks = tf.TensorSpec((1, MASK_SIDE, MASK_SIDE, 1), tf.float32, name=_MARKS)
    levels = tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.float32, name=_LEVELS)
    return function_to_litert(place, [levels, marks], "the normalizer")


def classic_part() -> bytes:
    """Return the normalizer without an ink mask as a LiteRT file, from `canvas` uint8 (1, 280, 280) to `seen`."""
    normalizer = Normalizer()

    def normalize(canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"seen": tf.cast(normalizer(canvas)[..., 0], tf.uint8, name="seen")}

    return function_to_litert(normalize, [_CANVAS], "the normalizer by rules")
