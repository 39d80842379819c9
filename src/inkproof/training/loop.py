"""The training loop, its plan and its outcome, and the callback that keeps a running average of the weights."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inkproof.data.digits import NOT_A_DIGIT, Digits
from inkproof.training.callbacks import Backup, KeepBest
from inkproof.training.input_pipeline import evaluation_batches, steps_per_epoch, training_batches
from inkproof.training.losses import Teacher, loss_and_metrics


class EMAWeights(keras.callbacks.Callback):
    """Put the optimizer's running average of the weights into the model while it is validated, kept and saved.

    At any time of the schedule, the average of the last steps is as accurate as weights whose rate has been lowered.
    Training continues from the weights it had. This callback must come before all that look at weights. Keras's own
    SwapEMAWeights does not resume correctly, and does not leave the average in the model if training was stopped early.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
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


Row = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """The hyperparameters of a training loop; `repeat` passes over the digits make one epoch.

    `limits` are those of the augmentation, by the keys of conf/aug.
    """

    epochs: int
    batch_size: int
    repeat: int
    limits: Mapping[str, float]
    seed: int
    label_smoothing: float = 0.0


@dataclass
class Outcome:
    """The result of a training. `best_epoch` counts from 1 and is the epoch whose weights the model now has.

    `seconds` includes the epochs that were done before a kill, but not the one that the kill cut off.
    """

    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0

    @property
    def best(self) -> Row:
        """The metrics of the kept epoch."""
        return self.history[self.best_epoch - 1]

    @property
    def metrics(self) -> Row:
        """The metrics of a run: losses and accuracies of the kept epoch, its number, and the number of epochs.

        Keras's `val_accuracy` is called `val_acc`, the name that results tables and MLflow have.
        """
        kept = {name: value for name, value in self.best.items() if name not in ("epoch", "learning_rate")}
        if "val_accuracy" in kept:
            kept["val_acc"] = kept.pop("val_accuracy")
        return {**kept, "best_epoch": self.best_epoch, "epochs": len(self.history)}


def prepare_keras(seed: int, policy: str, deterministic: bool) -> None:
    """Set the global state that Keras has: generators, number format, deterministic kernels."""
    keras.utils.set_random_seed(seed)
    keras.mixed_precision.set_global_policy(policy)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    train: Digits,
    val: Digits | None,
    plan: Plan,
    make_optimizer: Callable[..., keras.optimizers.Optimizer],
    callbacks: list[keras.callbacks.Callback],
    folder: Path,
    on_epoch: Callable[[Row], None],
    on_resume: Callable[[list[Row]], None],
    verbose: int,
    teacher: Teacher | None = None,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Train `model` in place; `folder` keeps the backup when `callbacks` holds a `Backup`.

    `on_epoch` is called with each finished epoch's row, after it is safe in the backup. `on_resume` is called once,
    with the rows of the epochs done before. `verbose` is Keras's: 1 a bar, 2 one line an epoch, 0 nothing. With a
    `teacher` the network learns its probabilities, too. `say` is called with one line if the backup cannot be used.
    """
    outcome = Outcome()
    backup = next((callback for callback in callbacks if isinstance(callback, Backup)), None)
    others = [callback for callback in callbacks if callback is not backup]
    steps = steps_per_epoch(len(train.labels), plan.repeat, plan.batch_size)
    optimizer = make_optimizer(total_steps=steps * plan.epochs, steps_per_epoch=steps)
    if optimizer.use_ema:
        others.insert(0, EMAWeights())
    outliers = bool((train.labels == NOT_A_DIGIT).any())
    loss, measured = loss_and_metrics(plan.label_smoothing, teacher, outliers)
    model.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=measured,
        jit_compile=False,  # XLA makes a convolutional net ten times slower on a CPU
    )
    model.optimizer.build(model.trainable_variables)
    first_epoch = backup.bind(folder, model, others, outcome.history, say) if backup else 0
    if first_epoch:
        on_resume(list(outcome.history))

    def add_row(epoch: int, logs: dict[str, Any] | None) -> None:
        rate = float(np.asarray(model.optimizer.learning_rate))
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        outcome.history.append({"epoch": epoch + 1, **metrics, "learning_rate": rate})

    ordered = [
        *others,
        keras.callbacks.LambdaCallback(on_epoch_end=add_row),
        *([backup] if backup else []),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch(outcome.history[-1])),
    ]
    started = time.perf_counter()
    if backup and (first_epoch >= plan.epochs or backup.complete):
        backup.restore()
        for callback in others:
            callback.set_model(model)
            callback.on_train_end()
    else:
        batches = training_batches(
            train.images,
            train.labels,
            batch_size=plan.batch_size,
            first_epoch=first_epoch,
            epochs=plan.epochs,
            repeat=plan.repeat,
            limits=plan.limits,
            seed=plan.seed,
        )
        validation = evaluation_batches(val.images, val.labels) if val is not None else None
        if teacher is not None:
            batches = teacher.with_targets(batches)
            validation = teacher.with_targets(validation).cache() if validation is not None else None
        model.fit(
            batches,
            validation_data=validation,
            steps_per_epoch=steps,
            initial_epoch=first_epoch,
            epochs=plan.epochs,
            callbacks=ordered,
            shuffle=False,  # the input pipeline shuffles
            verbose=verbose,
        )
    outcome.seconds = time.perf_counter() - started + (backup.seconds if backup else 0.0)
    keeper = next((callback for callback in others if isinstance(callback, KeepBest)), None)
    outcome.best_epoch = keeper.best_epoch + 1 if keeper else len(outcome.history)
    return outcome
