"""The normalizer in LiteRT, as the methods `classic` and `learned` run it, canvas by canvas.

Canvas by canvas it stays within the processor's cache, and takes less than half of TensorFlow's time on many.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.preprocessing.canvas import MASK_FILE, MASK_SIDE
from inkproof.runtime.paths import ROOT
from inkproof.runtime.startup import quiet_stderr, start_tensorflow

NORMALIZER_FOLDER = ROOT / "exports" / "normalizer"
PARTS = ("classic", "marked", "placed")
"""classic: from a canvas to 28 x 28 by rules. marked: from a canvas to its ink mask. placed: from both to 28 x 28."""
CODE = NORMALIZER_FOLDER / "code.txt"  # what the files in that folder were made by


def normalized(method: str, canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a canvas uint8 (280, 280) as uint8 (28, 28) by `classic` or `learned`."""
    canvas = canvas[np.newaxis]
    image = _run("classic", canvas) if method == "classic" else _run("placed", canvas, _run("marked", canvas))
    return np.asarray(image[0, :, :, 0], np.uint8)  # whole levels, as floats


def current_code() -> str:
    """Return the SHA-256 of all that the parts are made by: the code of this package, and the mask network."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), MASK_FILE):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def converted_part(name: str) -> bytes:
    """Return one of `PARTS` as a LiteRT file. Starts TensorFlow, which nothing else in this module needs."""
    start_tensorflow()
    import tensorflow as tf

    from inkproof.preprocessing.ink_mask import network_input, trained_mask_network
    from inkproof.preprocessing.normalizer import Normalizer

    normalizer = Normalizer()
    canvas = tf.TensorSpec((1, CANVAS_SIDE, CANVAS_SIDE), tf.uint8, name="canvas")
    mask = tf.TensorSpec((1, MASK_SIDE, MASK_SIDE, 1), tf.float32, name="mask")
    if name == "classic":
        return _converted(normalizer, [canvas])
    if name == "placed":
        return _converted(lambda canvas, mask: normalizer(canvas, ink_mask=mask), [canvas, mask])
    network = trained_mask_network()

    def mark(canvas: tf.Tensor) -> tf.Tensor:
        return network(network_input(tf.cast(canvas, tf.float32)), training=False)

    return _converted(mark, [canvas], [weight.value for weight in network.weights])


def _converted(function: Callable[..., Any], entries: Sequence[Any], weights: Sequence[Any] = ()) -> bytes:
    """The LiteRT file of a function of tensors. Its `weights` get eight bits, as in every `canvas.tflite`."""
    import tensorflow as tf

    graph = tf.Module()
    graph.weights = weights  # else they would become uninitialized memory
    traced = tf.function(function, input_signature=[*entries], autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], graph)
    if weights:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with quiet_stderr():
        content: bytes = converter.convert()
    return content


@cache
def _written_here() -> bool:
    """Whether the files in NORMALIZER_FOLDER are there and of the present code."""
    return CODE.is_file() and CODE.read_text(encoding="utf-8").strip() == current_code()


@cache
def _interpreter(name: str) -> tuple[Any, list[int], int]:
    """The interpreter of one of `PARTS`, the indices of its canvas and mask, and that of its output."""
    path = NORMALIZER_FOLDER / f"{name}.tflite"
    content = path.read_bytes() if _written_here() and path.is_file() else converted_part(name)
    with quiet_stderr():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    inputs = sorted(interpreter.get_input_details(), key=lambda one: str(one["name"]))  # canvas, then mask
    return interpreter, [one["index"] for one in inputs], interpreter.get_output_details()[0]["index"]


def _run(name: str, *arguments: NDArray[Any]) -> NDArray[np.float32]:
    interpreter, places, output = _interpreter(name)
    for place, argument in zip(places, arguments, strict=True):
        interpreter.set_tensor(place, argument)
    interpreter.invoke()
    result: NDArray[np.float32] = interpreter.get_tensor(output)
    return result
