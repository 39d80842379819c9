"""Search spaces: the files of conf/tuner/space, and a trial's values in the training configuration."""

import json
import re
from typing import Any

import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import Space, TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.tuning.search import hyperparameters
from inkproof.tuning.space import Parameter, configured, read_space, value_at

SPACE = (
    Parameter(key="training.batch_size", choices=(32, 64)),
    Parameter(key="optimizer.learning_rate", low=0.001, high=0.1, log=True),
    Parameter(key="model.build.filters", choices=([4, 8], [8, 16])),
)


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    with composing() as compose:
        return compose(TrainConfig, ("data=optdigits", "model=cnn"))


def space(listed: Any) -> Space:
    return Space.model_construct(parameters=tuple(listed))


def test_a_file_is_read_as_it_is(config: TrainConfig):
    listed = [
        {"key": "training.batch_size", "choices": [32, 64]},
        {"key": "optimizer.learning_rate", "low": 0.001, "high": 0.1, "log": True},
        {"key": "model.build.filters", "choices": [[4, 8], [8, 16]]},
    ]
    assert read_space(space(listed), config.identity()) == SPACE


def test_whole_bounds_make_whole_values():
    assert Parameter(key="seed", low=1, high=5).whole
    assert not Parameter(key="seed", low=1, high=5.5).whole


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([{"low": 1}], "[0].key: expected a value"),
        (
            [{"key": "batch_size", "choices": [1]}],
            "batch_size: no key of the training configuration, such as training.b",
        ),
        ([{"key": "run.force", "choices": [True]}], "run.force: no key of the training configuration"),
        ([{"key": "data.source.test", "low": 1, "high": 9}], "data.source.test: no key of the training configuration"),
        ([{"key": "optimizer.rate", "low": 1, "high": 2}], "optimizer.rate: no key"),
        ([{"key": "training.batch_size"}], "give either choices, or low and high"),
        ([{"key": "training.batch_size", "choices": [1], "low": 1, "high": 2}], "give either choices"),
        ([{"key": "training.batch_size", "choices": []}], "[0].choices: expected at least 1 of them"),
        ([{"key": "training.batch_size", "low": 2, "high": 1}], "expected low below high"),
        ([{"key": "training.batch_size", "low": True, "high": 9}], "[0].low=True: expected a number"),
        ([{"key": "training.batch_size", "low": 0, "high": 1, "log": True}], "above 0 for log"),
        ([{"key": "training.batch_size", "choices": [1], "log": True}], "give either choices"),
        ([{"key": "training.batch_size", "low": 1, "high": 9, "step": 0}], "step=0: expected a number above 0"),
        ([{"key": "training.batch_size", "low": 1, "high": 9, "step": 0.5}], "step: expected a whole number"),
        ([{"key": "training.batch_size", "low": 0.1, "high": 9, "step": "x"}], "step=x: expected a number"),
        ([{"key": "training.batch_size", "low": 1, "high": 9, "step": 2, "log": True}], "true allows no step"),
        ([{"key": "training.batch_size", "low": 1, "high": 9, "log": "yes"}], "log=yes: expected true or false"),
        (
            [{"key": "training.batch_size", "min": 0}],
            "[0].min: unknown key; the keys are key, choices, low, high",
        ),
    ],
)
def test_a_mistake_is_one_line_with_the_key(listed: Any, message: str, config: TrainConfig):
    with pytest.raises(UserError, match=re.escape(message)):
        read_space(space(listed), config.identity())


def test_a_trial_s_values_take_their_places_and_nothing_else_changes(config: TrainConfig):
    values = {"training.batch_size": "32", "optimizer.learning_rate": 0.0123456789, "model.build.filters": "[8, 16]"}
    made = configured(config, SPACE, values)
    chosen = {one.key: value_at(made.identity(), one.key) for one in SPACE}
    assert chosen == {
        "training.batch_size": 32,
        "optimizer.learning_rate": 0.01235,
        "model.build.filters": [8, 16],
    }
    back = {"training.batch_size": "128", "optimizer.learning_rate": 0.003, "model.build.filters": "[32, 64, 128]"}
    assert configured(made, SPACE, back) == config


def test_a_value_that_does_not_fit_is_one_line(config: TrainConfig):
    with pytest.raises(UserError, match=r"^training\.batch_size=0: expected at least 1$"):
        configured(config, SPACE[:1], {"training.batch_size": "0"})


@pytest.mark.xdist_group("tensorflow")
def test_keras_tuner_draws_from_the_space_what_the_configuration_can_take():
    drawn = hyperparameters(
        [
            *SPACE,
            Parameter(key="training.epochs", low=1, high=5),
            Parameter(key="model.build.dropout", low=0.1, high=0.5, step=0.2),
        ]
    )
    for parameter in drawn.space:
        values = {parameter.random_sample(seed) for seed in range(40)}
        assert len(values) > 1
        if parameter.name == "training.epochs":
            assert values <= {1, 2, 3, 4, 5}
        elif parameter.name == "model.build.dropout":
            assert {round(value, 6) for value in values} == {0.1, 0.3, 0.5}
        elif parameter.name == "optimizer.learning_rate":
            assert 0.001 <= min(values) < 0.01 < max(values) <= 0.1
        else:
            assert {json.dumps(json.loads(value)) for value in values} == values
