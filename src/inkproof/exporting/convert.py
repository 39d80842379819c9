"""Keras model to SavedModel to LiteRT (TFLite) files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inkproof.errors import UserError
from inkproof.exporting.litert import foreign_operators
from inkproof.quiet import quiet_stderr

CALIBRATION_DIGITS = 500  # int8 ranges settle after some hundred digits; more only cost time


def write_saved_model(model: keras.Model, folder: Path) -> None:
    """Write `model` as a SavedModel with one signature, `image` float32 (1, 28, 28, 1) to probabilities.

    The batch is fixed to 1: with a free batch the LiteRT file gets shape operators that the browser's
    runtime refuses.
    """
    signature = [keras.InputSpec(shape=(1, 28, 28, 1), dtype="float32", name="image")]
    with quiet_stderr():
        model.export(folder, format="tf_saved_model", input_signature=signature, verbose=False)


def to_litert(saved_model: Path, calibration: np.ndarray | None = None) -> bytes:
    """Return the LiteRT file of a SavedModel: float32, or int8 when `calibration` digits are given.

    calibration: uint8 (N, 28, 28), from the training or validation split. The int8 file takes uint8
    pixels and gives uint8 probabilities. Raises UserError when the model needs operators that phones lack.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    if calibration is not None:

        def representative() -> Iterator[list[np.ndarray]]:
            for image in calibration[:CALIBRATION_DIGITS]:
                yield [image[np.newaxis, :, :, np.newaxis].astype(np.float32)]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
    return converted(converter, str(saved_model))


def converted(converter: Any, name: str) -> bytes:
    """Return what a TFLiteConverter makes; raises UserError, naming `name`, where phones lack an operator it needs."""
    with quiet_stderr():
        try:
            content, foreign = converter.convert(), []
        except Exception as error:  # the converter's own class is not part of TensorFlow's public interface
            foreign = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", str(error))))
            if not foreign:
                raise
    if foreign := foreign or foreign_operators(content):
        raise UserError(f"{name}: needs operators outside LiteRT's built-in ones: {', '.join(foreign)}")
    return content
