"""Learning rates over a run of known length."""

from typing import Any

import keras
import numpy as np
import pytest
from omegaconf import OmegaConf

from inkproof.config.schema import Component
from inkproof.runtime.paths import ROOT
from inkproof.training.build import optimizer_maker
from inkproof.training.optimizer import build

pytestmark = pytest.mark.xdist_group("tensorflow")


def rates(schedule: Any, steps: int, epoch: int) -> np.ndarray:
    """The rate of each step of a run, the last one past its end."""
    optimizer = build("sgd", 0.01, schedule, total_steps=steps, steps_per_epoch=epoch)
    out = []
    for step in range(steps + 1):
        optimizer.iterations.assign(step)
        out.append(float(optimizer.learning_rate))
    return np.array(out)


def test_cosine_warms_up_for_a_quarter_of_an_epoch_and_falls_to_nothing() -> None:
    seen = rates("cosine", steps=100, epoch=40)
    assert seen[0] == pytest.approx(0.001)
    assert int(seen.argmax()) == 10
    assert seen[10] == pytest.approx(0.01)
    assert (np.diff(seen[:11]) > 0).all()
    assert (np.diff(seen[10:]) < 0).all()
    assert seen[55] == pytest.approx(0.005, rel=1e-3)  # half way down half way through
    assert seen[99] < 1e-5
    assert seen[100] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("steps", "epoch"), [(1, 1), (2, 2), (3, 3), (10, 10)])
def test_runs_of_a_single_epoch_still_rise_and_fall(steps: int, epoch: int) -> None:
    seen = rates("cosine", steps, epoch)
    assert np.isfinite(seen).all()
    assert 0 < seen[:-1].max() <= 0.0101
    assert seen[-1] == pytest.approx(0, abs=1e-9)


def test_constant_stays() -> None:
    assert rates("constant", steps=50, epoch=10) == pytest.approx(0.01)


def test_names() -> None:
    assert isinstance(build("adam", 0.1, "constant", 10, 1), keras.optimizers.Adam)
    sgd: Any = build("sgd", 0.1, "cosine", 10, 1)
    assert (type(sgd), sgd.momentum, sgd.nesterov) == (keras.optimizers.SGD, 0.9, True)


def test_an_average_reaches_over_a_share_of_an_epoch_and_at_least_over_one_step() -> None:
    momenta = [build("adam", 0.1, "constant", 10, steps, ema=0.5).ema_momentum for steps in (400, 10, 1)]
    assert momenta == pytest.approx([0.995, 0.8, 0.0])
    assert not build("adam", 0.1, "constant", 10, 10).use_ema


@pytest.mark.parametrize("file", sorted((ROOT / "conf" / "optimizer").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_optimizer_of_conf_lowers_a_loss(file: Any) -> None:
    component = Component.model_validate(OmegaConf.to_container(OmegaConf.load(file)))
    optimizer = optimizer_maker(component)(total_steps=200, steps_per_epoch=10)
    weight = keras.Variable(np.array([0.5, -0.5], np.float32))
    for _ in range(200):
        optimizer.apply([2 * weight.value], [weight])
    assert np.abs(np.asarray(weight)).max() < 0.45


def test_a_gradient_longer_than_the_limit_is_shortened_as_a_whole() -> None:
    def step(clip_norm: float | None) -> np.ndarray:
        optimizer = build("sgd", 0.1, "constant", 10, 1, clip_norm=clip_norm)
        weights = [keras.Variable(np.zeros(1, np.float32)) for _ in range(2)]
        optimizer.apply([keras.ops.array([30.0]), keras.ops.array([40.0])], weights)
        return np.concatenate([np.asarray(weight) for weight in weights])

    np.testing.assert_allclose(step(5.0), step(None) / 10, rtol=1e-5)
    np.testing.assert_allclose(step(60.0), step(None), rtol=1e-6)
