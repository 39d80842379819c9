"""The names of a model's exported files, their quantizations, and their sizes."""

from pathlib import Path
from typing import Literal

Quantization = Literal["float32", "float16", "dynamic", "int8"]
QUANTIZATIONS: tuple[Quantization, ...] = ("float32", "float16", "dynamic", "int8")
"""float32: as trained. float16: halved weights, computed in float32. dynamic: int8 weights in tensors of 1,024
and more, activations quantized at run time. int8: weights and activations, with ranges found on training digits."""


MODEL_FILES = {
    "float32": "model.tflite",
    "float16": "model_float16.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
}
"""LiteRT files of the network alone, 28 x 28 in; `int8` takes and gives uint8."""


CANVAS_FILES = {
    "float32": "canvas.tflite",
    "float16": "canvas_float16.tflite",
    "dynamic": "canvas_dynamic.tflite",
    "int8": "canvas_int8.tflite",
}
"""LiteRT files of normalizer and network, a canvas in. The quantization is that of the network of digits. The weights
of the ink mask have eight bits in all of them, and everything else is float32."""


COREML_FILE = "model.mlpackage"
SAVED_MODEL = "saved_model"
REGISTERED_MODEL = Path(__file__).with_name("registered_model.py")  # the code of a canvas.tflite in MLflow's registry
LABELS_FILE = "labels.txt"
"""Packed in every LiteRT file: the label of each of the ten probabilities, a line each."""


def kilobytes(path: Path, decimals: int = 1) -> float:
    """Return the size of a file, or of all files in a folder, in kilobytes of 1,024 bytes."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files) / 1024, decimals)
