"""What the exported files of a model are called, the quantizations in which its weights are kept, and how much that is."""

from pathlib import Path

from inkproof.runtime.paths import ROOT

QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")
"""float32: as trained. float16: halved weights, computed in float32. dynamic: int8 weights in tensors of 1,024
and more, activations quantised as they come. int8: weights and activations, with ranges found on training digits."""


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
"""LiteRT files of layer and network, a canvas in; the quantization is that of the network, the layer is always float32."""


NORMALIZER_FILE = ROOT / "exports" / "normalizer.tflite"
"""The normalization alone, a canvas in, 28 x 28 out: what every canvas*.tflite begins with."""


COREML_FILE = "model.mlpackage"
SAVED_MODEL = "saved_model"
LABELS_FILE = "labels.txt"
"""Packed in every LiteRT file: what each of the ten probabilities stands for, a line each."""


def kilobytes(path: Path, decimals: int = 1) -> float:
    """Return the size of a file, or of all files in a folder, in kilobytes of 1,024 bytes."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files) / 1024, decimals)
