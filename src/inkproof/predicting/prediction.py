"""One picture and what a model reads on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkproof.errors import UserError
from inkproof.exporting.canvas_reader import Reader
from inkproof.ink.canvas import to_canvas


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model reads on a picture.

    Attributes:
        path: the picture, as it was found.
        digit, probability: the best guess, whether accepted or not.
        second, second_probability: the runner-up.
        accepted: whether the model takes the picture for a digit at all.
        canvas, seen: uint8 (280, 280) and (28, 28), the picture and what the network saw of it; None unless kept.
    """

    path: str
    digit: int
    probability: float
    second: int
    second_probability: float
    accepted: bool
    canvas: NDArray[np.uint8] | None = None
    seen: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that gives no prediction, and why, in a few words."""

    path: str
    reason: str


def predict_picture(path: str, reader: Reader, keep: bool = False) -> Prediction | Unreadable:
    """Read the picture at `path`; `keep` keeps its canvas and what the network saw."""
    try:
        canvas = to_canvas(path, "it")
    except UserError as error:
        return Unreadable(path, str(error).removeprefix("it cannot be read: "))
    readings = reader.read(canvas[np.newaxis])
    probabilities = readings.probabilities[0]
    second, first = np.argsort(probabilities, kind="stable")[-2:].tolist()
    return Prediction(
        path,
        first,
        float(probabilities[first]),
        second,
        float(probabilities[second]),
        bool(readings.accepted[0]),
        canvas if keep else None,
        readings.seen[0] if keep else None,
    )


def printable(path: str) -> str:
    """Return `path` fit for one line of any terminal: line ends, control signs and bytes that are no text escaped."""
    if path.isprintable():
        return path
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)
