"""The normalizer as a LiteRT file, with which every canvas.tflite begins."""

import tensorflow as tf

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.exporting.convert import function_to_litert, merge
from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.preprocessing.ink_mask import NETWORK_SIDE, network_input, trained_mask_network
from inkproof.preprocessing.normalizer import Normalizer

_LEVELS, _PAGE, _MARKS = "levels", "page", "marks"


def normalizer_part() -> bytes:
    """Return the normalizer as a LiteRT file, from `canvas` uint8 (1, 280, 280) to `image`, `seen` and `mask`.

    `image` float32 (1, 28, 28, 1) and `seen` uint8 (1, 28, 28) hold the same whole numbers. `mask` uint8 (1, 70, 70) is
    where the ink is, 0 to 255. It is the same for every network of digits, and takes longer to convert than they do.
    The weights of the mask network have eight bits: its convolutions then take a third of the time. Of 5,000 drawings
    one came out otherwise to the network of digits. Everything else is float32.
    """
    normalizer, network = Normalizer(), trained_mask_network()

    def shrink(canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        levels = tf.cast(canvas, tf.float32)
        return {_LEVELS: tf.identity(levels, name=_LEVELS), _PAGE: tf.identity(network_input(levels), name=_PAGE)}

    def mark(page: tf.Tensor) -> dict[str, tf.Tensor]:
        return {_MARKS: tf.identity(network(page, training=False), name=_MARKS)}

    def normalize(levels: tf.Tensor, marks: tf.Tensor) -> dict[str, tf.Tensor]:
        image = normalizer(levels, ink_mask=marks)
        return {
            "image": tf.identity(image, name="image"),
            "seen": tf.cast(image[..., 0], tf.uint8, name="seen"),
            "mask": tf.cast(tf.round(marks[..., 0] * 255.0), tf.uint8, name="mask"),
        }

    page = tf.TensorSpec((1, NETWORK_SIDE, NETWORK_SIDE, 1), tf.float32, name=_PAGE)
    marks = tf.TensorSpec((1, MASK_SIDE, MASK_SIDE, 1), tf.float32, name=_MARKS)
    levels = tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.float32, name=_LEVELS)
    canvas = tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.uint8, name="canvas")
    parts = [
        function_to_litert(shrink, [canvas], "the normalizer"),
        function_to_litert(mark, [page], "the ink mask", network, "dynamic"),
        function_to_litert(normalize, [levels, marks], "the normalizer"),
    ]
    return merge(parts, ["image", "seen", "mask"])
