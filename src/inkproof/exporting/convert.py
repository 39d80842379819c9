"""Keras model to SavedModel to LiteRT (TFLite) files."""

import re
from collections.abc import Callable, Iterator, Mapping
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


def to_litert(saved_model: Path, form: str = "float32", calibration: np.ndarray | None = None) -> bytes:
    """Return the LiteRT file of a SavedModel in one of `files.FORMS`.

    calibration: uint8 (N, 28, 28), from the training or validation split, which int8 needs. The int8 file takes
    uint8 pixels and gives uint8 probabilities. Raises UserError when the model needs operators that phones lack.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    _choose(converter, form, None if calibration is None else calibration[..., np.newaxis])
    if form == "int8":
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
    return converted(converter, str(saved_model))


def function_to_litert(
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    entry: tf.TensorSpec,
    name: str,
    network: keras.Model | None = None,
    form: str = "float32",
    calibration: np.ndarray | None = None,
) -> bytes:
    """Return a function of one tensor, which gives tensors by name, as a LiteRT file with that signature.

    `network` is the model whose weights it uses; `calibration`, (N, ...), is what goes in, and int8 needs it; `name`
    stands in an error's line; inputs and outputs keep their types in every form. Not by way of a SavedModel, which
    would trace the function twice more.
    """
    # The converter finds the weights as TensorFlow's own variables; those it does not find become memory that
    # nobody filled.
    graph = tf.Module()
    graph.weights = [weight.value for weight in network.weights] if network is not None else []
    traced = tf.function(function, input_signature=[entry], autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], graph)
    _choose(converter, form, calibration)
    return converted(converter, name)


def _choose(converter: Any, form: str, calibration: np.ndarray | None) -> None:
    if form == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif form == "int8":
        if calibration is None:
            raise ValueError("int8 needs digits to find its ranges on")

        def representative() -> Iterator[list[np.ndarray]]:
            for row in calibration[:CALIBRATION_DIGITS]:
                yield [row[np.newaxis].astype(np.float32)]

        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    elif form != "dynamic":
        raise ValueError(f"there is no form {form}")


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
