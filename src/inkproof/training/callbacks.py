"""The callbacks of a training: keep the best epoch, stop when it is good enough, resume after a kill."""

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inkproof.runtime.files import replacing


class KeepBest(keras.callbacks.Callback):
    """Remember the weights of the epoch with the highest `monitor` and put them back when training ends.

    Of epochs with equal accuracy, which is common among 5,000 validation digits, the one with the lower
    validation loss is kept. The weights stay in memory (at most some 13 MB here) and are part of the backup,
    so that a killed run keeps its best epoch.
    """

    def __init__(self, monitor: str = "val_accuracy") -> None:
        super().__init__()
        self.monitor = monitor
        self.best = -np.inf
        self.best_loss = np.inf
        self.best_epoch = -1
        self.best_weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ValueError(f"callbacks.keep_best.monitor={self.monitor}: this run has no such metric")
        loss = float((logs or {}).get("val_loss", np.inf))
        if value > self.best or (value == self.best and loss < self.best_loss):
            self.best, self.best_loss, self.best_epoch = float(value), loss, epoch
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.best_weights:
            self.model.set_weights(self.best_weights)


class StopAtAccuracy(keras.callbacks.Callback):
    """End training after the first epoch whose `monitor` passes `threshold` (recipe "numbers_mnist")."""

    def __init__(self, monitor: str = "accuracy", threshold: float = 0.99) -> None:
        super().__init__()
        self.monitor = monitor
        self.threshold = threshold

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (logs or {}).get(self.monitor, 0.0) > self.threshold:
            self.model.stop_training = True


FILE_NAME = "backup.npz"
# Where callbacks keep weights of their own: KeepBest and EarlyStopping, EMAWeights.
_WEIGHTS = ("best_weights", "trained_weights")
# What Keras changes when it first compares. A resumed run does that again, from the value in the configuration.
_SETTINGS = ("min_delta",)


class Backup(keras.callbacks.Callback):
    """Save everything the next epoch depends on at the end of each epoch; put it back at the start.

    Keras's own BackupAndRestore keeps weights and optimizer alone. The counters of the other callbacks (patience,
    best epoch), their weights, the history and the dropout generators would start anew, and the resumed run would
    differ from the uninterrupted one.

    Call `bind` before training; without it nothing is saved. `seconds` is how long the epochs before took.
    """

    def __init__(self) -> None:
        super().__init__()
        self.file: Path | None = None
        self.others: list[keras.callbacks.Callback] = []
        self.history: list[dict[str, float]] = []
        self.restored: dict[str, Any] | None = None
        self.seconds = 0.0
        self._bound = 0.0

    def bind(self, folder: Path, others: list[keras.callbacks.Callback], history: list[dict[str, float]]) -> int:
        """Tie the backup to a run's folder, callbacks and history; return the epoch to start with.

        `history` is filled with the rows of the epochs already done.
        """
        self.file = folder / FILE_NAME
        self.others = others
        self.history = history
        self._bound = time.perf_counter()
        if not self.file.exists():
            return 0
        with np.load(self.file) as arrays:
            self.restored = {name: arrays[name] for name in arrays.files}
        self.restored["meta"] = json.loads(str(self.restored["meta"]))
        history.extend(self.restored["meta"]["history"])
        self.seconds = self.restored["meta"]["seconds"]
        return self.restored["meta"]["epoch"] + 1

    @property
    def complete(self) -> bool:
        """Whether the restored run had already ended (by early stopping, say)."""
        return bool(self.restored and self.restored["meta"]["stop_training"])

    def restore(self) -> None:
        """Put the saved state into the model, its optimizer and the other callbacks."""
        if self.restored is None:
            return
        for name, variables in self._variables().items():
            for index, variable in enumerate(variables):
                variable.assign(self.restored[f"{name}-{index}"])
        for number, (callback, saved) in enumerate(zip(self.others, self.restored["meta"]["callbacks"], strict=True)):
            vars(callback).update(saved)
            for attribute in _WEIGHTS:
                prefix = f"callback-{number}-{attribute}-"
                count = sum(name.startswith(prefix) for name in self.restored)
                if count:
                    setattr(callback, attribute, [self.restored[f"{prefix}{index}"] for index in range(count)])

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # This is the last callback of the list: EarlyStopping has just reset its counters, and they are restored here.
        self.restore()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.file is None:
            return
        meta = {
            "epoch": epoch,
            "stop_training": self.model.stop_training,
            "history": self.history,
            "seconds": self.seconds + time.perf_counter() - self._bound,
            "callbacks": [_plain_values(callback) for callback in self.others],
        }
        arrays = {
            f"{name}-{index}": np.asarray(variable)
            for name, variables in self._variables().items()
            for index, variable in enumerate(variables)
        }
        for number, callback in enumerate(self.others):
            for attribute in _WEIGHTS:
                for index, weight in enumerate(getattr(callback, attribute, None) or []):
                    arrays[f"callback-{number}-{attribute}-{index}"] = weight
        with replacing(self.file) as temporary:
            np.savez(temporary, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays)

    def _variables(self) -> dict[str, list[Any]]:
        generators = [v for layer in self.model.layers for v in layer.variables if "seed_generator" in v.path]
        return {
            "weights": self.model.weights,
            "optimizer": self.model.optimizer.variables,
            "generators": generators,
        }


def _plain_values(callback: keras.callbacks.Callback) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None), np.number)
    return {
        name: value.item() if isinstance(value, np.number) else value
        for name, value in vars(callback).items()
        if isinstance(value, plain) and not name.startswith("_") and name not in _SETTINGS
    }
