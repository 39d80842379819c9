"""Stop as soon as a metric is good enough."""

from typing import Any

import keras


class StopAtAccuracy(keras.callbacks.Callback):
    """End training after the first epoch whose `monitor` passes `threshold` (recipe "numbers_mnist")."""

    def __init__(self, monitor: str = "accuracy", threshold: float = 0.99) -> None:
        super().__init__()
        self.monitor = monitor
        self.threshold = threshold

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (logs or {}).get(self.monitor, 0.0) > self.threshold:
            self.model.stop_training = True
