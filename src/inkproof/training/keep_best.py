"""Keep the weights of the best epoch."""

from typing import Any

import keras
import numpy as np


class KeepBest(keras.callbacks.Callback):
    """Remember the weights of the epoch with the highest `monitor` and put them back when training ends.

    Of epochs with equal accuracy, which is common among 5,000 validation digits, the one with the lower
    validation loss is kept. The weights stay in memory (at most some 13 MB here) and travel in the backup,
    so that a killed run does not forget its best epoch.
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
