"""Keras model to SavedModel to LiteRT (TFLite) files."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from inkproof.data.digits import IMAGE_SIDE
from inkproof.preprocessing.convert import convert, quantize
from inkproof.runtime.startup import quiet_stderr


def write_saved_model(model: keras.Model, folder: Path) -> None:
    """Write `model` as a SavedModel with one signature, from `image` float32 (1, 28, 28, 1) to probabilities.

    The batch is fixed to 1. With a free batch the LiteRT file gets shape operators that the browser's runtime does not
    support.
    """
    signature = [keras.InputSpec(shape=(1, IMAGE_SIDE, IMAGE_SIDE, 1), dtype="float32", name="image")]
    with quiet_stderr():
        model.export(folder, format="tf_saved_model", input_signature=signature, verbose=False)


def to_litert(saved_model: Path, quantization: str = "float32", calibration: np.ndarray | None = None) -> bytes:
    """Return the LiteRT file of a SavedModel in one of `files.QUANTIZATIONS`.

    `calibration` is uint8 (N, 28, 28) from the training or validation split. int8 needs it, takes uint8 pixels and
    gives uint8 probabilities. Raises UserError when the model needs operators that phones lack.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    quantize(converter, quantization, None if calibration is None else calibration[..., np.newaxis])
    if quantization == "int8":
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
    return convert(converter, str(saved_model))
