"""Running LiteRT (TFLite) files; needs no TensorFlow."""

import time
from pathlib import Path

import numpy as np

from inkproof.errors import UserError
from inkproof.quiet import quiet_stderr


class LiteRTDigits:
    """A 28 x 28 model file, run picture by picture on one thread, as a phone does."""

    def __init__(self, path: Path) -> None:
        """Load `path`; raises UserError where it is missing or no LiteRT model of 28 x 28 digits."""
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet_stderr():
                self._interpreter = Interpreter(model_path=str(path), num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path}: not a readable LiteRT model; export it again ({error})") from error
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        if tuple(self._input["shape"]) != (1, 28, 28, 1) or tuple(self._output["shape"]) != (1, 10):
            raise UserError(f"{path}: expected a model from (1, 28, 28, 1) to (1, 10)")

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (N, 10) for digits uint8 (N, 28, 28), white on black."""
        pixels = images[:, np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        result = np.empty((len(images), 10), np.float32)
        for number, picture in enumerate(pixels):
            self._run(picture)
            result[number] = self._interpreter.get_tensor(self._output["index"])[0]
        scale, zero = self._output["quantization"]
        return (result - zero) * scale if scale else result

    def median_microseconds(self, image: np.ndarray, runs: int = 500) -> float:
        """Return the median time of one inference of `image` uint8 (28, 28), in microseconds on one thread."""
        picture = image[np.newaxis, :, :, np.newaxis].astype(self._input["dtype"])
        times = []
        for _ in range(runs):
            started = time.perf_counter_ns()
            self._run(picture)
            times.append(time.perf_counter_ns() - started)
        return float(np.median(times[runs // 10 :])) / 1000

    def _run(self, picture: np.ndarray) -> None:
        self._interpreter.set_tensor(self._input["index"], picture)
        self._interpreter.invoke()


def foreign_operators(content: bytes) -> list[str]:
    """Return the names of the operators in a LiteRT file that are not built in (Flex, custom)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    codes = (model.OperatorCodes(index) for index in range(model.OperatorCodesLength()))
    return sorted(code.CustomCode().decode() for code in codes if code.CustomCode())
