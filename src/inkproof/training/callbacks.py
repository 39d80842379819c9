"""The callbacks of a training: keep the best epoch, stop when it is good enough, resume after a kill."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing


class KeepBest(keras.callbacks.Callback):
    """Remember the weights of the epoch with the highest `monitor` and put them back when training ends.

    Of epochs with equal accuracy, which is common with 5,000 validation digits, the one with the lower validation loss
    is kept. The weights stay in memory (at most 13 MB here). They are part of the backup, so a killed run keeps its
    best epoch. Raises UserError if the run does not measure `monitor`.
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
            raise UserError(f"callbacks.keep_best.monitor={self.monitor}: this run does not measure it")
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

Plain = bool | int | float | str | None


class Progress(BaseModel):
    """What a backup holds besides arrays: the run's folder, its last epoch, and the plain values of each callback."""

    run: str
    epoch: int
    stop_training: bool
    history: list[dict[str, int | float]]
    seconds: float
    callbacks: list[dict[str, Plain]]


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
        self.restored: Progress | None = None
        self.seconds = 0.0
        self._arrays: dict[str, np.ndarray] = {}
        self._bound = 0.0

    def bind(
        self,
        folder: Path,
        model: keras.Model,
        others: list[keras.callbacks.Callback],
        history: list[dict[str, float]],
        say: Callable[[str], None],
    ) -> int:
        """Tie the backup to a run's folder, built network, callbacks and history; return the epoch to start with.

        `history` is filled with the rows of the epochs already done. A backup that is damaged, or that another network
        or run has made, is renamed. One line says so, and training starts with the first epoch.
        """
        self.file, self.others, self.history = folder / FILE_NAME, others, history
        self.set_model(model)
        self._bound = time.perf_counter()
        if not os.path.lexists(self.file):
            return 0
        try:
            progress, self._arrays = self._read(self.file)
        except PermissionError:
            raise
        except Exception as error:  # a zip file with a wrong byte raises almost anything
            aside = next(name for name in _names_aside(self.file) if not os.path.lexists(name))
            self.file.rename(aside)
            reason = " ".join(str(error).split()) or type(error).__name__
            say(f"{self.file}: no backup of this run ({reason}); kept as {aside.name}, training starts anew")
            return 0
        self.restored, self.seconds = progress, progress.seconds
        history.extend(progress.history)
        return progress.epoch + 1

    def _read(self, file: Path) -> tuple[Progress, dict[str, np.ndarray]]:
        """Return the content of a backup; raises ValueError, among others, if it does not fit run and network."""
        with np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        progress = Progress.model_validate(json.loads(str(arrays.pop("meta"))))
        if progress.run != file.parent.name or len(progress.callbacks) != len(self.others):
            raise ValueError(f"it was made by {progress.run}")
        weights = {f"{name}-{index}": variable for name, index, variable in self._variables()}
        kept = {name: array for name, array in arrays.items() if name not in weights}
        for number in range(len(self.others)):
            for attribute in _WEIGHTS:
                # The best weights are copies of all the network's, the trained ones of those that are trained.
                prefix = f"callback-{number}-{attribute}-"
                whole = self.model.weights if attribute == "best_weights" else self.model.trainable_variables
                if any(name.startswith(prefix) for name in kept):
                    weights |= {f"{prefix}{index}": variable for index, variable in enumerate(whole)}
        found = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
        if found != {name: (tuple(variable.shape), variable.dtype) for name, variable in weights.items()}:
            raise ValueError("its arrays are not those of this network")
        return progress, arrays

    @property
    def complete(self) -> bool:
        """Whether the restored run had already ended (by early stopping, say)."""
        return self.restored is not None and self.restored.stop_training

    def restore(self) -> None:
        """Put the saved state into the model, its optimizer and the other callbacks."""
        if self.restored is None:
            return
        for name, index, variable in self._variables():
            variable.assign(self._arrays[f"{name}-{index}"])
        for number, (callback, saved) in enumerate(zip(self.others, self.restored.callbacks, strict=True)):
            vars(callback).update(saved)
            for attribute in _WEIGHTS:
                names = (f"callback-{number}-{attribute}-{index}" for index in itertools.count())
                arrays = [self._arrays[name] for name in itertools.takewhile(self._arrays.__contains__, names)]
                if arrays:
                    setattr(callback, attribute, arrays)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # This is the last callback of the list: EarlyStopping has just reset its counters, and they are restored here.
        self.restore()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.file is None:
            return
        progress = Progress(
            run=self.file.parent.name,
            epoch=epoch,
            stop_training=self.model.stop_training,
            history=self.history,
            seconds=self.seconds + time.perf_counter() - self._bound,
            callbacks=[_plain_values(callback) for callback in self.others],
        )
        arrays = {f"{name}-{index}": np.asarray(variable) for name, index, variable in self._variables()}
        for number, callback in enumerate(self.others):
            for attribute in _WEIGHTS:
                for index, weight in enumerate(getattr(callback, attribute, None) or []):
                    arrays[f"callback-{number}-{attribute}-{index}"] = weight
        with replacing(self.file) as temporary:
            meta = np.array(json.dumps(progress.model_dump()))
            np.savez(temporary, allow_pickle=False, meta=meta, **arrays)

    def _variables(self) -> Iterator[tuple[str, int, Any]]:
        """Yield the variables of network, optimizer and generators, each with its kind and its number."""
        generators = [v for layer in self.model.layers for v in layer.variables if "seed_generator" in v.path]
        kinds = {"weights": self.model.weights, "optimizer": self.model.optimizer.variables, "generators": generators}
        for name, variables in kinds.items():
            for index, variable in enumerate(variables):
                yield name, index, variable


def _names_aside(file: Path) -> Iterator[Path]:
    return (file.with_name(f"{file.name}.damaged{number or ''}") for number in itertools.count())


def _plain_values(callback: keras.callbacks.Callback) -> dict[str, Plain]:
    plain = (bool, int, float, str, type(None), np.number)
    return {
        name: value.item() if isinstance(value, np.number) else value
        for name, value in vars(callback).items()
        if isinstance(value, plain) and not name.startswith("_") and name not in _SETTINGS
    }
