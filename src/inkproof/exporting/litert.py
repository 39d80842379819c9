"""Running LiteRT (TFLite) files; needs no TensorFlow."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inkproof.errors import UserError
from inkproof.quiet import quiet_stderr


class Latency(NamedTuple):
    """Microseconds of one inference: the median, and what 95 of 100 stay below."""

    median: float
    p95: float


class LiteRTDigits:
    """A 28 x 28 model file, run picture by picture on one thread, as a phone does."""

    def __init__(self, path: Path, side_by_side: int = 1) -> None:
        """Load `path`, so many times that as many pictures are read side by side.

        Raises UserError where it is missing or no LiteRT model of 28 x 28 digits.
        """
        self._interpreters = [open_interpreter(path) for _ in range(side_by_side)]
        self._interpreter = self._interpreters[0]
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        if tuple(self._input["shape"]) != (1, 28, 28, 1) or tuple(self._output["shape"]) != (1, 10):
            raise UserError(f"{path}: expected a model from (1, 28, 28, 1) to (1, 10)")

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (N, 10) for digits uint8 (N, 28, 28), white on black."""
        pixels = images[:, np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        parts = np.array_split(pixels, len(self._interpreters))
        with ThreadPoolExecutor(len(parts)) as pool:
            result = np.concatenate(list(pool.map(self._read, self._interpreters, parts)))
        scale, zero = self._output["quantization"]
        return (result - zero) * scale if scale else result

    def latency(self, image: np.ndarray, runs: int = 500) -> Latency:
        """Return how long one inference of `image` uint8 (28, 28) takes on one thread."""
        picture = image[np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        self._interpreter.set_tensor(self._input["index"], picture)
        return measure(self._interpreter, runs)

    def _read(self, interpreter: Any, pixels: np.ndarray) -> np.ndarray:
        result = np.empty((len(pixels), 10), np.float32)
        for number, picture in enumerate(pixels):
            interpreter.set_tensor(self._input["index"], picture)
            interpreter.invoke()
            result[number] = interpreter.get_tensor(self._output["index"])[0]
        return result


def open_interpreter(path: Path) -> Any:
    """Return the interpreter of a LiteRT file, on one thread; raises UserError where it is missing or no such file."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        # Its content and not its name, which LiteRT would want in UTF-8.
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; src/export.py makes it") from None
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
    """Return how long an inference of what the input holds takes; the first tenth of `runs` only warms up."""
    times = []
    for _ in range(runs):
        started = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - started)
    return Latency(*(float(one) / 1000 for one in np.percentile(times[runs // 10 :], [50, 95])))


def foreign_operators(content: bytes) -> list[str]:
    """Return the names of the operators in a LiteRT file that are not built in (Flex, custom)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    codes = (model.OperatorCodes(index) for index in range(model.OperatorCodesLength()))
    return sorted(code.CustomCode().decode() for code in codes if code.CustomCode())
