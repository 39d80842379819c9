"""The result of a search, written as an experiment: composed from it, training is the best trial's."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

from inkproof.config.compose import resolve
from inkproof.config.schema import Component, TrainConfig
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.tuning.recipe import GROUPS, command_of, recipe_path, recipe_to_write, write_recipe

CHOICES = {
    **{
        "data": "optdigits",
        "model": "cnn",
        "aug": "on",
        "optimizer": "sgd",
        "callbacks": "default",
        "precision": "auto",
    },
    "tuner": "random",
}


def composed(folder: Path, *overrides: str) -> TrainConfig:
    with initialize_config_dir(str(folder), version_base="1.3"):
        return validated(TrainConfig, resolve(compose("config", list(overrides))))


def with_arguments(component: Component, **arguments: Any) -> Component:
    return Component.model_validate(component.node() | arguments)


def test_the_recipe_composes_to_what_was_found(tmp_path: Path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    plain = composed(conf, *(f"{group}={CHOICES[group]}" for group in GROUPS))
    build = with_arguments(plain.model.build, filters=[4, 8, 8], dropout=0.25)
    parts = {
        "training": plain.training.model_copy(update={"batch_size": 32, "train_size": 300}),
        "model": plain.model.model_copy(update={"build": build}),
        "optimizer": with_arguments(plain.optimizer, learning_rate=0.0123),
    }
    found = plain.model_copy(update={**parts, "seed": 5}).with_run(force=True, digits="elsewhere.npz")
    head = ("Found.", "", "Reached: 1.00%")
    write_recipe(conf / "experiment" / "found.yaml", CHOICES, found, plain, ["training.epochs"], head)
    assert composed(conf, "experiment=found") == plain.model_copy(update=parts)
    text = (conf / "experiment" / "found.yaml").read_text()
    assert text.startswith(
        "# @package _global_\n# Found.\n#\n# Reached: 1.00%\ndefaults:\n  - override /data: optdigits\n"
    )
    assert yaml.safe_load(text)["defaults"][2] == {"override /aug": "on"}
    assert yaml.safe_load(text)["training"]["epochs"] == found.training.epochs  # searched, though it is as in conf/
    assert set(yaml.safe_load(text)) == {"defaults", "training", "model", "optimizer"}


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("mine", "expected a file of conf/experiment"),
        ("elsewhere/mine.yaml", "expected a file of conf/experiment"),
        ("conf/experiment/digitre.yaml", "not written by a search"),
    ],
)
def test_only_recipes_of_searches_are_written_over(recipe: str, said: str):
    with pytest.raises(UserError, match=said):
        recipe_path(recipe)


def test_the_command_names_the_recipe_that_was_written():
    assert command_of(recipe_path("conf/experiment/my/own.yaml")) == "python src/train.py experiment=my/own"


def test_where_nothing_differs_a_recipe_has_groups_alone(tmp_path: Path):
    plain = composed(ROOT / "conf")
    write_recipe(tmp_path / "plain.yaml", CHOICES, plain.model_copy(update={"seed": 1}), plain, [], ())
    assert set(yaml.safe_load((tmp_path / "plain.yaml").read_text())) == {"defaults"}


RECIPE = "# Found by a search ({key}) over 3 trials:\n# Reached:   {reached}%\ndefaults:\n  - override /data: {data}\n"


@pytest.mark.parametrize(
    ("there", "number"),
    [
        ({"reached": "97.00"}, ""),  # a worse one is replaced
        ({"reached": "98.00"}, "_2"),  # as good: the earlier one stays
        ({"reached": "98.50"}, "_2"),
        ({"reached": "98.50", "key": "mine"}, ""),  # the same search, given again
        ({"reached": "97.00", "data": "mnist"}, "_2"),  # of other digits
        ({"reached": "good"}, "_2"),
    ],
)
def test_a_better_recipe_of_an_earlier_search_stays(tmp_path: Path, there: dict[str, str], number: str):
    path = tmp_path / "tuned.yaml"
    assert recipe_to_write(path, "search (mine)", "optdigits", 0.98) == path
    text = RECIPE.format(**{"key": "other", "data": "optdigits"} | there)
    path.write_text(text)
    assert recipe_to_write(path, "search (mine)", "optdigits", 0.98) == path.with_stem(f"tuned{number}")
    assert path.read_text() == text


def test_a_worse_search_given_again_keeps_its_number(tmp_path: Path):
    for name, key in (("tuned", "a"), ("tuned_2", "b"), ("tuned_3", "mine")):
        (tmp_path / f"{name}.yaml").write_text(RECIPE.format(key=key, data="optdigits", reached="99.00"))
    path = tmp_path / "tuned.yaml"
    assert recipe_to_write(path, "search (mine)", "optdigits", 0.9).stem == "tuned_3"
    assert recipe_to_write(path, "search (new)", "optdigits", 0.9).stem == "tuned_4"
