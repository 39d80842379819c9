"""LiteRT files with smaller weights than float32."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from inkproof.exporting.convert import converted, to_litert


def convert(saved_model: Path, kind: str, calibration: np.ndarray) -> bytes:
    """Return the LiteRT file of a SavedModel in one of `studies.metrics.FORMATS`.

    calibration: uint8 (N, 28, 28), from which int8 takes its ranges. dynamic quantises the weights of layers with
    1,024 of them or more, and leaves the rest. Raises UserError where the model needs operators that phones lack.
    """
    if kind in ("float32", "int8"):
        return to_litert(saved_model, kind, calibration)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converted(converter, str(saved_model))
