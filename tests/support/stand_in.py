"""Small models that classify the digits of segments.py: python tests/support/stand_in.py FOLDER writes both kinds.

`canvas.tflite` and `model.tflite` compare with the ten templates, so they need no training. A process of its own
makes them: it imports TensorFlow, and what runs the files must not need it.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

SHARPNESS = 20.0
METADATA = {
    "threshold": 0.5,
    "rule": "max_probability",
    "temperature": 1.0,
    "labels": list(range(10)),
    "model": "stand-in",
}


def build(folder: Path) -> None:
    """Write canvas.tflite, bare.tflite (the same without metadata) and model.tflite to `folder`."""
    import tensorflow as tf

    from inkproof.exporting.metadata import write_metadata
    from support.segments import templates

    patterns = templates().reshape(10, -1) / 255
    weights = tf.constant(SHARPNESS * patterns.T / 28)
    bias = tf.constant(-SHARPNESS * (patterns**2).sum(axis=1) / 2 / 28)

    def probabilities(images: Any) -> Any:
        return tf.nn.softmax(tf.reshape(images / 255.0, (1, 784)) @ weights + bias)

    class OnCanvases(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 280, 280), tf.uint8, name="canvas")])
        def __call__(self, canvas: Any) -> dict[str, Any]:
            levels = tf.cast(canvas, tf.float32)[..., tf.newaxis]
            ground = tf.reduce_mean(levels[:, :5])
            ink = tf.where(ground > 127, 255 - levels, levels)
            image = tf.nn.avg_pool2d(ink, 10, 10, "VALID")[..., 0]
            predicted = probabilities(image)
            drawn = tf.cast(tf.reduce_max(image, axis=(1, 2)) > 24, tf.float32)
            seen = tf.cast(tf.round(image), tf.uint8)
            mask = tf.cast(tf.round(tf.nn.max_pool2d(ink, 4, 4, "VALID")[..., 0]), tf.uint8)
            score = drawn * tf.reduce_max(predicted, axis=1)
            return {"probabilities": predicted, "seen": seen, "score": score, "mask": mask}

    class OnImages(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 28, 28, 1), tf.float32, name="image")])
        def __call__(self, image: Any) -> Any:
            return probabilities(image)

    def converted(module: Any) -> bytes:
        concrete = [module.__call__.get_concrete_function()]
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions(concrete, module).convert())

    bare = converted(OnCanvases())
    (folder / "bare.tflite").write_bytes(bare)
    (folder / "canvas.tflite").write_bytes(write_metadata(bare, METADATA))
    (folder / "model.tflite").write_bytes(converted(OnImages()))


def expected(canvases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What canvas.tflite gives for canvases uint8 (N, 280, 280): seen (N, 28, 28) and probabilities (N, 10)."""
    from support.segments import templates

    patterns = templates().reshape(10, -1).astype(np.float64) / 255
    levels = canvases.astype(np.float64)
    ground = levels[:, :5].mean(axis=(1, 2), keepdims=True)
    ink = np.where(ground > 127, 255 - levels, levels)
    images = ink.reshape(-1, 28, 10, 28, 10).mean(axis=(2, 4))
    flat = images.reshape(-1, 784) / 255
    logits = SHARPNESS * (flat @ patterns.T - (patterns**2).sum(axis=1) / 2) / 28
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.rint(images).astype(np.uint8), powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    build(Path(sys.argv[1]))
