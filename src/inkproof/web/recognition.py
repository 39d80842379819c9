"""A canvas and a model to the answer that a program gets."""

import base64
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkproof.ink.strokes import render
from inkproof.web.catalogue import Model
from inkproof.web.payload import Strokes


def recognise(model: Model, canvas: NDArray[np.uint8]) -> dict[str, Any]:
    """Return what `model` reads on a canvas uint8 (280, 280), ready for JSON.

    `digit` is the best guess whether accepted or not; `seen` is base64 of the 28 x 28 grey levels that the network saw,
    row by row, white on black; `milliseconds` is the time of the reading alone.
    """
    started = time.perf_counter()
    read = model.read(canvas)
    milliseconds = (time.perf_counter() - started) * 1000
    probabilities = read.probabilities[0]
    return {
        "digit": int(probabilities.argmax()),
        "probabilities": probabilities.tolist(),
        "accepted": bool(read.accepted[0]),
        "score": float(read.score[0]),
        "seen": base64.b64encode(read.seen[0].tobytes()).decode(),
        "model": model.name,
        "version": model.version,
        "milliseconds": round(milliseconds, 3),
    }


def draw(strokes: Strokes, size: tuple[int, int], brush: float) -> NDArray[np.uint8]:
    """Return the canvas uint8 (280, 280) of strokes on a canvas of `size`, black on white; the pressure is ignored."""
    return render([[point[:2] for point in stroke] for stroke in strokes], size, brush)
