"""Running exported files without TensorFlow."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.exporting.metadata import read_metadata
from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.startup import quiet_stderr


class Latency(NamedTuple):
    """Microseconds of one inference: the median, and what 95 of 100 stay below."""

    median: float
    p95: float


class LiteRTDigits:
    """A 28 x 28 model file, run image by image, on one thread as a phone does, or on several."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load `path` once a thread; each of `threads` classifies a share of the images.

        Raises UserError if it is missing or not a LiteRT model of 28 x 28 digits.
        """
        self._interpreters = [open_interpreter(path) for _ in range(threads)]
        self._interpreter = self._interpreters[0]
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        if tuple(self._input["shape"]) != (1, IMAGE_SIDE, IMAGE_SIDE, 1) or tuple(self._output["shape"]) != (1, 10):
            raise UserError(f"{path}: expected a model from (1, 28, 28, 1) to (1, 10)")

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (N, 10) for digits uint8 (N, 28, 28), white on black."""
        pixels = images[:, np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        parts = np.array_split(pixels, len(self._interpreters))
        with ThreadPoolExecutor(len(parts)) as pool:
            result = np.concatenate(list(pool.map(self._run, self._interpreters, parts)))
        scale, zero = self._output["quantization"]
        return (result - zero) * scale if scale else result

    def latency(self, image: np.ndarray, runs: int = 500) -> Latency:
        """Return how long one inference of `image` uint8 (28, 28) takes on one thread."""
        image = image[np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        self._interpreter.set_tensor(self._input["index"], image)
        return measure(self._interpreter, runs)

    def _run(self, interpreter: Any, pixels: np.ndarray) -> np.ndarray:
        result = np.empty((len(pixels), 10), np.float32)
        for number, image in enumerate(pixels):
            interpreter.set_tensor(self._input["index"], image)
            interpreter.invoke()
            result[number] = interpreter.get_tensor(self._output["index"])[0]
        return result


def open_interpreter(path: Path) -> Any:
    """Return the interpreter of a LiteRT file, on one thread; raises UserError if it cannot be read."""
    try:
        # Its content and not its name: LiteRT takes only UTF-8 names.
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; src/export.py makes it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name an exported .tflite file") from None
    try:
        with quiet_stderr():
            interpreter = Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable LiteRT model; export it again ({reason})") from error
    return interpreter


def measure(interpreter: Any, runs: int) -> Latency:
    """Return how long an inference of the present input takes; the first tenth of `runs` only warms up."""
    times = []
    for _ in range(runs):
        started = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - started)
    return Latency(*(float(one) / 1000 for one in np.percentile(times[runs // 10 :], [50, 95])))


def stored_weights(content: bytes) -> int:
    """Return how many float32 constants a LiteRT file holds: its weights, batch normalizations folded into them."""
    graph = schema.Model.GetRootAs(content, 0)
    tensors = [graph.Subgraphs(0).Tensors(index) for index in range(graph.Subgraphs(0).TensorsLength())]
    stored = {one.Buffer() for one in tensors if one.Type() == schema.TensorType.FLOAT32}
    return sum(graph.Buffers(buffer).DataLength() // 4 for buffer in stored)


_Kinds = dict[str, tuple[tuple[int, ...], Any]]
# Inputs and outputs of canvas.tflite, by the names in its signature.
_INPUTS: _Kinds = {"canvas": ((1, CANVAS_SIDE, CANVAS_SIDE), np.uint8)}
_OUTPUTS: _Kinds = {
    "probabilities": ((1, 10), np.float32),
    "seen": ((1, IMAGE_SIDE, IMAGE_SIDE), np.uint8),
    "score": ((1,), np.float32),
}
_MASK: _Kinds = {"mask": ((1, MASK_SIDE, MASK_SIDE), np.uint8)}  # files of 0.1 have none
# A file of 28 x 28 digits without a threshold accepts from this probability on, as the published apps do.
IMAGE_THRESHOLD = 0.6


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model predicts for N canvases.

    Attributes:
        probabilities: float32 (N, 10).
        seen: uint8 (N, 28, 28), the image that the network saw, white on black.
        score: float32 (N,), how likely the canvas has a digit. Its scale is the model's own.
        accepted: bool (N,), whether the score is the model's threshold or more.
        mask: uint8 (N, 70, 70), where the model finds ink, 0 to 255; (N, 0, 0) of a model without an ink mask.
    """

    probabilities: NDArray[np.float32]
    seen: NDArray[np.uint8]
    score: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    mask: NDArray[np.uint8]


class Predictor(Protocol):
    """A model that classifies canvases."""

    @property
    def threshold(self) -> float:
        """A canvas is accepted as a digit if its score is this or more."""

    def predict(self, canvases: NDArray[np.uint8]) -> Predictions:
        """Classify canvases uint8 (N, 280, 280) of either polarity."""


def open_predictor(path: Path) -> Predictor:
    """Return a `CanvasPredictor` of a canvas.tflite, an `ImagePredictor` of a model.tflite.

    Raises:
        UserError: the file is missing, not a LiteRT file, or neither of the two kinds.
    """
    shape = tuple(open_interpreter(path).get_input_details()[0]["shape"])
    return ImagePredictor(path) if shape == (1, IMAGE_SIDE, IMAGE_SIDE, 1) else CanvasPredictor(path)


class CanvasPredictor:
    """A `canvas.tflite`, run canvas by canvas on one thread, as a phone does.

    Attributes:
        metadata: the file's own; see `inkproof.exporting.metadata`.
        threshold: a canvas is accepted as a digit if its score is this or more.
    """

    def __init__(self, path: Path) -> None:
        """Load `path`; raises UserError if it is missing, is not a LiteRT file, or has another signature."""
        self._interpreter = open_interpreter(path)
        if tuple(self._interpreter.get_input_details()[0]["shape"]) == (1, IMAGE_SIDE, IMAGE_SIDE, 1):
            raise UserError(f"{path}: takes digits of 28 x 28, not canvases; name the canvas.tflite exported beside it")
        inputs, outputs = _tensors(self._interpreter)
        if inputs is None or outputs is None:
            raise UserError(
                f"{path}: not a canvas.tflite, which takes canvas (1, {CANVAS_SIDE}, {CANVAS_SIDE}) "
                f"and returns {', '.join(_OUTPUTS)}; export it again"
            )
        self._canvas = inputs["canvas"]
        self._outputs = outputs
        self.metadata = read_metadata(path)
        self.threshold = _threshold(path, self.metadata)

    def predict(self, canvases: NDArray[np.uint8]) -> Predictions:
        """Classify canvases uint8 (N, 280, 280) of either polarity; raises ValueError on others."""
        _check(canvases)
        count = len(canvases)
        kinds = {name: kind for name, kind in (_OUTPUTS | _MASK).items() if name in self._outputs}
        found: dict[str, Any] = {name: np.empty((count, *shape[1:]), kind) for name, (shape, kind) in kinds.items()}
        for number in range(count):
            self._interpreter.set_tensor(self._canvas, canvases[number : number + 1])
            self._interpreter.invoke()
            for name, rows in found.items():
                rows[number] = self._interpreter.get_tensor(self._outputs[name])[0]
        found.setdefault("mask", np.empty((count, 0, 0), np.uint8))
        return Predictions(**found, accepted=found["score"] >= np.float32(self.threshold))

    def latency(self, canvas: NDArray[np.uint8], runs: int = 200) -> Latency:
        """Return how long one inference of a canvas uint8 (280, 280) takes on one thread."""
        self._interpreter.set_tensor(self._canvas, canvas[np.newaxis])
        return measure(self._interpreter, runs)


def predict_canvases(path: Path, canvases: NDArray[np.uint8], threads: int = 2) -> Predictions:
    """Return what a `CanvasPredictor` of `path` predicts for canvases uint8 (N, 280, 280), on several threads."""
    predictors = [CanvasPredictor(path) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(CanvasPredictor.predict, predictors, np.array_split(canvases, threads)))
    return Predictions(*(np.concatenate(column) for column in zip(*(astuple(part) for part in parts), strict=True)))


class ImagePredictor:
    """A `model.tflite` of 28 x 28 digits with the preprocessing method `mnist_style` before it, for canvases.

    The score is the largest probability, and 0 for an empty canvas. The threshold is in the file's metadata.
    """

    def __init__(self, path: Path) -> None:
        """Load `path`, in any quantization.

        Raises UserError if it is missing or not a LiteRT model of 28 x 28 digits.
        """
        self._digits = LiteRTDigits(path)
        self.threshold = _threshold(path, {"threshold": IMAGE_THRESHOLD} | read_metadata(path))

    def predict(self, canvases: NDArray[np.uint8]) -> Predictions:
        """Classify canvases uint8 (N, 280, 280) of either polarity; raises ValueError on others."""
        _check(canvases)
        seen = apply_method("mnist_style", canvases)
        probabilities = self._digits.probabilities(seen)
        score = np.where(seen.any(axis=(1, 2)), probabilities.max(axis=1), np.float32(0))
        none = np.empty((len(canvases), 0, 0), np.uint8)
        return Predictions(probabilities, seen, score, score >= np.float32(self.threshold), none)


def _threshold(path: Path, metadata: dict[str, Any]) -> float:
    threshold = metadata.get("threshold")
    if (
        isinstance(threshold, bool)
        or not isinstance(threshold, int | float)
        or not abs(threshold) < float(np.finfo(np.float32).max)  # NaN, too, is not less
    ):
        raise UserError(f"{path}: has no threshold for rejecting drawings that are not digits; export it again")
    return float(threshold)


def _check(canvases: NDArray[np.uint8]) -> None:
    if canvases.dtype != np.uint8 or canvases.shape[1:] != (CANVAS_SIDE, CANVAS_SIDE):
        raise ValueError(f"canvases are uint8 (N, {CANVAS_SIDE}, {CANVAS_SIDE}), not {canvases.dtype} {canvases.shape}")


def _tensors(interpreter: Any) -> tuple[dict[str, int] | None, dict[str, int] | None]:
    """Return the tensor indices of inputs and outputs by name; None if one is missing or of another kind.

    The signature has the names. Some converters write none. Then the shapes identify the tensors, since no two of them
    are equal.
    """
    for key, names in interpreter.get_signature_list().items():
        if set(_INPUTS) == set(names["inputs"]) and set(_OUTPUTS) <= set(names["outputs"]):
            runner = interpreter.get_signature_runner(key)
            entries, results = runner.get_input_details(), runner.get_output_details()
            named = [results[name] for name in _OUTPUTS | _MASK if name in results]
            return _by_shape([entries[name] for name in _INPUTS], _INPUTS), _by_shape(named, _OUTPUTS, _MASK)
    outputs = _by_shape(interpreter.get_output_details(), _OUTPUTS, _MASK)
    return _by_shape(interpreter.get_input_details(), _INPUTS), outputs


def _by_shape(details: list[Any], needed: _Kinds, more: _Kinds | None = None) -> dict[str, int] | None:
    """Return the indices of the tensors that have these kinds; None if one of the `needed` is missing."""
    found = {(tuple(one["shape"].tolist()), one["dtype"]): one["index"] for one in details}
    named = {name: found[kind] for name, kind in (needed | (more or {})).items() if kind in found}
    return named if set(needed) <= set(named) else None
