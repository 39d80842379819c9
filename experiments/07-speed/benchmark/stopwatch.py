"""A callback for any training that notes when its parts begin and end."""

import time
from pathlib import Path
from typing import Any

import keras

from inkproof.runtime.files import write_json


class Stopwatch(keras.callbacks.Callback):
    """Write the times of a training, as `benchmark.times.Times`, to `file` when it ends."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = Path(file)
        self._first: float | None = None
        self._begin: list[float] = []
        self._trained: list[float] = []
        self._end: list[float] = []
        self._reached: list[float | None] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begin.append(time.time())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._first is None:
            self._first = time.time()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._trained.append(time.time())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._end.append(time.time())
        if len(self._trained) < len(self._end):  # nothing to validate on
            self._trained.append(self._end[-1])
        self._reached.append((logs or {}).get("val_accuracy"))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        epochs = {"begin": self._begin, "trained": self._trained, "end": self._end}
        write_json(self.file, {"first_batch": self._first, **epochs, "val_accuracy": self._reached})
