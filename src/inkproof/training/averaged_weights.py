"""A running average of the weights, validated and kept in place of the weights themselves."""

from typing import Any

import keras
import numpy as np


class AveragedWeights(keras.callbacks.Callback):
    """Put the optimizer's running average of the weights into the model while it is validated, kept and saved.

    The average of the last steps reads as well as weights do whose rate has been lowered, at any time of the schedule
    (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992). Training goes on from the
    weights it had. Stands before all callbacks that look at weights. Keras's own SwapEMAWeights is not resumed
    rightly, and leaves the weights without average where training was stopped early.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trained_weights: list[np.ndarray] = []  # while the averages are in the model

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._put_averages()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._put_averages()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.trained_weights:
            for variable, value in zip(self.model.trainable_variables, self.trained_weights, strict=True):
                variable.assign(value)
            self.trained_weights = []

    def _put_averages(self) -> None:
        if not self.trained_weights:
            variables = self.model.trainable_variables
            self.trained_weights = [np.array(variable) for variable in variables]
            self.model.optimizer.finalize_variable_values(variables)
