"""What a search found, written as an experiment: training composed from it is the training that was found."""

import shutil
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from inkproof.config.compose import resolve
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.tuning.recipe import GROUPS, command_of, recipe_path, write_recipe

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


def composed(folder: Path, *overrides: str):
    with initialize_config_dir(str(folder), version_base="1.3"):
        return resolve(compose("config", list(overrides)))


def test_the_recipe_composes_to_what_was_found(tmp_path: Path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    plain = composed(conf, *(f"{group}={CHOICES[group]}" for group in GROUPS))
    found = {**plain, "batch_size": 32, "train_size": 300, "seed": 5, "force": True, "digits": "elsewhere.npz"}
    found["model"] = {**plain["model"], "build": {**plain["model"]["build"], "filters": [4, 8, 8], "dropout": 0.25}}
    found["optimizer"] = {**plain["optimizer"], "learning_rate": 0.0123}
    write_recipe(
        conf / "experiment" / "found.yaml", CHOICES, found, plain, ["epochs"], ("Found.", "", "Reached: 1.00%")
    )
    again = composed(conf, "experiment=found")
    own = {"seed": 0, "force": False, "digits": plain["digits"]}
    assert again == {**found, **own}
    text = (conf / "experiment" / "found.yaml").read_text()
    assert text.startswith(
        "# @package _global_\n# Found.\n#\n# Reached: 1.00%\ndefaults:\n  - override /data: optdigits\n"
    )
    assert yaml.safe_load(text)["defaults"][2] == {"override /aug": "on"}
    assert yaml.safe_load(text)["epochs"] == found["epochs"]  # searched, though it is what conf/ has


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


def test_where_nothing_differs_the_groups_are_all(tmp_path: Path):
    write_recipe(tmp_path / "plain.yaml", CHOICES, {"batch_size": 3, "seed": 1}, {"batch_size": 3, "seed": 2}, [], ())
    assert set(yaml.safe_load((tmp_path / "plain.yaml").read_text())) == {"defaults"}
