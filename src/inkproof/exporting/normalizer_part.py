"""The normalizer as a LiteRT file, with which every canvas.tflite begins."""

import tensorflow as tf

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.exporting.convert import function_to_litert
from inkproof.preprocessing.normalizer import Normalizer


def normalizer_part() -> bytes:
    """Return the normalizer as a LiteRT file, from `canvas` uint8 (1, 280, 280) to `image` and `seen`.

    `image` float32 (1, 28, 28, 1) and `seen` uint8 (1, 28, 28) hold the same whole numbers. It is the same for every
    network and quantization, and takes longer to convert than they do.
    """
    normalizer = Normalizer()

    def normalize(canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        image = normalizer(canvas)
        return {
            "image": tf.identity(image, name="image"),
            "seen": tf.cast(image[..., 0], tf.uint8, name="seen"),
        }

    return function_to_litert(
        normalize, tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.uint8, name="canvas"), "the normalizer"
    )
