"""Which epoch is kept and when training ends."""

from typing import Any

import keras
import numpy as np
import pytest
from omegaconf import OmegaConf

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.training.callbacks import KeepBest, StopAtAccuracy

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))


def run(model: keras.Model, callback: Any, name: str, values: list[float]) -> int:
    """Live through epochs with these values of the metric `name`, weights 0, 1, 2, ...; return how many were run."""
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    done = 0
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), epoch, np.float32)])
        callback.on_epoch_end(epoch, {name: value, "loss": 1.0})
        done += 1
        if model.stop_training:
            break
    callback.on_train_end()
    return done


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.5, 0.9, 0.7], 1),
        ([0.5, 0.9, 0.9, 0.9], 1),  # the first of equal ones
        ([0.1, 0.2, 0.3], 2),
        ([0.0, 0.0], 0),  # a network that learns nothing has a best epoch all the same
    ],
)
def test_the_best_epoch_s_weights_come_back(model: keras.Model, values: list[float], best: int) -> None:
    callback = KeepBest(monitor="val_accuracy")
    run(model, callback, "val_accuracy", values)
    assert (callback.best_epoch, callback.best) == (best, values[best])
    assert float(model.get_weights()[0].squeeze()) == best


def test_of_equal_epochs_the_one_with_the_lower_validation_loss_is_kept(model: keras.Model) -> None:
    callback = KeepBest(monitor="val_accuracy")
    callback.set_model(model)
    for epoch, (accuracy, loss) in enumerate([(0.9, 0.5), (0.9, 0.3), (0.9, 0.4), (0.8, 0.1)]):
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert callback.best_epoch == 1


def test_a_metric_that_is_not_there_is_named(model: keras.Model) -> None:
    with pytest.raises(UserError, match=r"callbacks.keep_best.monitor=nope: this run does not measure it"):
        run(model, KeepBest(monitor="nope"), "val_accuracy", [0.5])


def test_stops_only_when_the_threshold_is_passed(model: keras.Model) -> None:
    assert run(model, StopAtAccuracy(threshold=0.99), "accuracy", [0.5, 0.98, 0.99, 0.991, 1.0]) == 4
    assert run(model, StopAtAccuracy(threshold=0.99), "val_accuracy", [1.0, 1.0]) == 2
    assert run(model, StopAtAccuracy("val_accuracy", 0.5), "val_accuracy", [0.4, 0.6, 0.7]) == 2


def test_stop_at_99_is_the_recipe_s() -> None:
    config = OmegaConf.load(ROOT / "conf" / "callbacks" / "stop_at_99.yaml")
    assert (config.stop_at_accuracy.monitor, config.stop_at_accuracy.threshold) == ("accuracy", 0.99)
