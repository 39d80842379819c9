"""The average is what is validated and kept; training continues from the weights themselves."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.data.digits import Digits
from inkproof.models.layers import softmax_head
from inkproof.training.loop import Outcome, Plan, fit, prepare_keras
from inkproof.training.optimizer import build as optimizer

pytestmark = pytest.mark.xdist_group("tensorflow")

EPOCHS, STEPS = 3, 5
LABELS = np.tile(np.arange(10, dtype=np.uint8), 8)
DIGITS = Digits(np.random.default_rng(0).integers(0, 256, (80, 28, 28)).astype(np.uint8), LABELS)


class Weights(keras.callbacks.Callback):
    """Notes the kernel after each step of training, and as each epoch ends."""

    def __init__(self) -> None:
        super().__init__()
        self.after_steps: list[np.ndarray] = []
        self.after_epochs: list[np.ndarray] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.after_steps.append(np.array(self.model.get_weights()[0]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.after_epochs.append(np.array(self.model.get_weights()[0]))


def train(folder: Path, ema: float | None, val: Digits | None, stop: int = EPOCHS) -> tuple[Any, Weights, Outcome]:
    prepare_keras(0, "float32", deterministic=True)
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, softmax_head(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))))
    weights = Weights()
    early = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch + 1 == stop)
    )
    outcome = fit(
        model, DIGITS, val, Plan(EPOCHS, batch_size=16, repeat=1, limits={}, seed=0),
        partial(optimizer, "adam", 0.01, "constant", ema=ema), [weights, early], folder,
        lambda row: None, lambda rows: None, verbose=0,
    )  # fmt: skip
    return model, weights, outcome


def means(steps: list[np.ndarray], momentum: float) -> list[np.ndarray]:
    """The running average after each step."""
    out = [steps[0]]
    for weights in steps[1:]:
        out.append(momentum * out[-1] + (1 - momentum) * weights)
    return out


@pytest.mark.parametrize("val", [DIGITS, None], ids=["validated", "no validation"])
def test_every_epoch_ends_with_the_average_and_training_continues_without_it(
    tmp_path: Path, val: Digits | None
) -> None:
    _, plain, _ = train(tmp_path, None, val)
    model, ema, _ = train(tmp_path, 0.5, val)
    np.testing.assert_allclose(ema.after_steps, plain.after_steps, rtol=1e-5, atol=1e-7)
    expected = means(plain.after_steps, 1 - 1 / (0.5 * STEPS))[STEPS - 1 :: STEPS]
    np.testing.assert_allclose(ema.after_epochs, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(ema.after_epochs[-1] - plain.after_epochs[-1]).max() > 1e-3
    np.testing.assert_array_equal(model.get_weights()[0], ema.after_epochs[-1])


def test_validation_is_of_the_average(tmp_path: Path) -> None:
    model, _, outcome = train(tmp_path, 0.5, DIGITS)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(DIGITS.images[..., np.newaxis].astype(np.float32), DIGITS.labels, verbose=0)
    last = outcome.history[-1]
    assert (last["val_loss"], last["val_accuracy"]) == pytest.approx((loss, accuracy), rel=1e-4)


def test_a_training_that_is_stopped_early_ends_with_the_average(tmp_path: Path) -> None:
    model, ema, outcome = train(tmp_path, 0.5, DIGITS, stop=2)
    assert len(outcome.history) == 2
    np.testing.assert_array_equal(model.get_weights()[0], ema.after_epochs[-1])
