"""The normalizer in LiteRT, as the methods `learned` and `classic` run it, canvas by canvas.

Canvas by canvas it stays within the processor's cache, and takes less than half of TensorFlow's time on many.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from inkproof.preprocessing.canvas import MASK_FILE
from inkproof.runtime.paths import ROOT
from inkproof.runtime.startup import quiet_stderr, start_tensorflow

NORMALIZER_FOLDER = ROOT / "exports" / "normalizer"
FILES = {"learned": "normalizer.tflite", "classic": "classic.tflite"}
"""By method: the normalizer with its ink mask, as every canvas.tflite begins, and by rules alone."""
CODE = NORMALIZER_FOLDER / "code.txt"  # what the files in that folder were made by


def normalized(method: str, canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a canvas uint8 (280, 280) as uint8 (28, 28) by `learned` or `classic`."""
    interpreter, entry, seen = _interpreter(method)
    interpreter.set_tensor(entry, canvas[np.newaxis])
    interpreter.invoke()
    image: NDArray[np.uint8] = interpreter.get_tensor(seen)[0]
    return image


def normalizer_file(method: str = "learned") -> bytes:
    """Return the LiteRT file of a method: as the stage `normalizer` wrote it by the present code, or converted anew."""
    path = NORMALIZER_FOLDER / FILES[method]
    return path.read_bytes() if _written_here() and path.is_file() else converted_file(method)


def converted_file(method: str) -> bytes:
    """Return the LiteRT file of a method. Starts TensorFlow, which nothing else in this module needs."""
    start_tensorflow()
    from inkproof.preprocessing.normalizer_part import classic_part, normalizer_part

    return classic_part() if method == "classic" else normalizer_part()


def current_code() -> str:
    """Return the SHA-256 of all that the files are made by: the code of this package, and the mask network."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), MASK_FILE):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


@cache
def _written_here() -> bool:
    """Whether the files in NORMALIZER_FOLDER are there and of the present code."""
    return CODE.is_file() and CODE.read_text(encoding="utf-8").strip() == current_code()


@cache
def _interpreter(method: str) -> tuple[Any, int, int]:
    """The interpreter of a method's file, and the indices of its input and of its output `seen`."""
    with quiet_stderr():
        interpreter = Interpreter(model_content=normalizer_file(method), num_threads=1)
        interpreter.allocate_tensors()
    (entry,) = (one["index"] for one in interpreter.get_input_details())
    (seen,) = (one["index"] for one in interpreter.get_output_details() if tuple(one["shape"]) == (1, 28, 28))
    return interpreter, entry, seen
