"""Search spaces: what a file in conf/tuner/space may say, and a trial's values in the training configuration."""

import json
import re
from typing import Any

import pytest

from inkproof.runtime.errors import UserError
from inkproof.tuning.search import hyperparameters
from inkproof.tuning.space import Parameter, configured, read_space

CONFIG = {"batch_size": 64, "optimizer": {"learning_rate": 0.01}, "model": {"build": {"filters": [4, 8]}}}
SPACE = [
    Parameter("batch_size", choices=(32, 64)),
    Parameter("optimizer.learning_rate", low=0.001, high=0.1, log=True),
    Parameter("model.build.filters", choices=([4, 8], [8, 16])),
]


def test_a_file_is_read_as_it_stands():
    listed = [
        {"key": "batch_size", "choices": [32, 64]},
        {"key": "optimizer.learning_rate", "low": 0.001, "high": 0.1, "log": True},
        {"key": "model.build.filters", "choices": [[4, 8], [8, 16]]},
    ]
    assert read_space(listed, CONFIG) == SPACE


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (None, "expected a list of parameters"),
        ([{"low": 1}], "[0].key: expected a value"),
        ({"key": "batch_size"}, "tuner.space.parameters: expected a list"),
        ([5], "[0]=5: expected keys with values"),
        ([{"key": "batch_sise", "choices": [1]}], "batch_sise: no key of the training configuration"),
        ([{"key": "optimizer.rate", "low": 1, "high": 2}], "optimizer.rate: no key"),
        ([{"key": "batch_size"}], "give either choices, or low and high"),
        ([{"key": "batch_size", "choices": [1], "low": 1, "high": 2}], "give either choices"),
        ([{"key": "batch_size", "choices": []}], "[0].choices: expected at least 1 of them"),
        ([{"key": "batch_size", "low": 2, "high": 1}], "expected the lower first"),
        ([{"key": "batch_size", "low": True, "high": 9}], "[0].low=True: expected a number"),
        ([{"key": "batch_size", "low": 0, "high": 1, "log": True}], "above 0 for log"),
        ([{"key": "batch_size", "choices": [1], "log": True}], "give either choices"),
        ([{"key": "batch_size", "low": 1, "high": 9, "step": 0}], "step=0: expected a number above 0"),
        ([{"key": "batch_size", "low": 1, "high": 9, "step": 0.5}], "step: expected a whole number"),
        ([{"key": "batch_size", "low": 0.1, "high": 9, "step": "x"}], "step=x: expected a number"),
        ([{"key": "batch_size", "low": 1, "high": 9, "step": 2, "log": True}], "no step beside true"),
        ([{"key": "batch_size", "low": 1, "high": 9, "log": "yes"}], "log=yes: expected true or false"),
        ([{"key": "batch_size", "min": 0}], "[0].min: a key that does nothing; the keys are key, choices, low, high"),
    ],
)
def test_a_mistake_is_one_line_with_the_key(listed: Any, message: str):
    with pytest.raises(UserError, match=re.escape(message)):
        read_space(listed, CONFIG)


def test_a_trial_s_values_take_their_places_and_nothing_else_changes():
    values = {"batch_size": "32", "optimizer.learning_rate": 0.0123456789, "model.build.filters": "[8, 16]"}
    made = configured(CONFIG, SPACE, values)
    assert made == {"batch_size": 32, "optimizer": {"learning_rate": 0.01235}, "model": {"build": {"filters": [8, 16]}}}
    assert CONFIG["optimizer"]["learning_rate"] == 0.01


@pytest.mark.xdist_group("tensorflow")
def test_keras_tuner_draws_from_the_space_what_the_configuration_can_take():
    drawn = hyperparameters(
        [*SPACE, Parameter("epochs", low=1, high=5), Parameter("dropout", low=0.1, high=0.5, step=0.2)]
    )
    for parameter in drawn.space:
        values = {parameter.random_sample(seed) for seed in range(40)}
        assert len(values) > 1
        if parameter.name == "epochs":
            assert values <= {1, 2, 3, 4, 5}
        elif parameter.name == "dropout":
            assert {round(value, 6) for value in values} == {0.1, 0.3, 0.5}
        elif parameter.name == "optimizer.learning_rate":
            assert 0.001 <= min(values) < 0.01 < max(values) <= 0.1
        else:
            assert {json.dumps(json.loads(value)) for value in values} == values
