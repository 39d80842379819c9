"""Every file of conf/: it composes, it resolves, what it describes can be built, and it is named where it is chosen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra.utils import instantiate

from inkproof.config import schema, stages
from inkproof.config.schema import Component, Primary, TrainConfig
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

CONF = ROOT / "conf"
PRIMARIES = sorted(path.stem for path in CONF.glob("*.yaml"))
KINDS = {  # the type of each primary file
    kind.primary: kind
    for kind in {**vars(schema), **vars(stages)}.values()
    if isinstance(kind, type) and issubclass(kind, Primary) and hasattr(kind, "primary")
}
Compose = Callable[..., dict[str, Any]]


def options(group: str) -> list[str]:
    """The files of a group on disk."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def groups(primary: str) -> dict[str, Any]:
    """The groups that a primary file chooses from, with its choice; those of Hydra and relocated ones are left out."""
    listed = yaml.safe_load((CONF / f"{primary}.yaml").read_text())["defaults"]
    chosen = {group: option for entry in listed if isinstance(entry, dict) for group, option in entry.items()}
    return {group: option for group, option in chosen.items() if "@" not in group and "override " not in group}


# Where a script takes several primary files, its command is named as they are.
COMMANDS = {
    "config": "src/train.py",
    "mask": "src/preprocess.py mask",
    "pretrained": "src/report.py pretrained",
    "formats": "src/export.py formats",
    "site": "src/app.py site",
    **{name: f"src/evaluate.py {name}" for name in ("drawn", "ensemble", "finetuned", "numbers", "out_of_fold")},
}
CASES = [(primary, group, option) for primary in PRIMARIES for group in groups(primary) for option in options(group)]


def test_every_group_is_chosen_from_by_some_primary_file():
    folders = {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")} - {"."}
    assert folders == {group for primary in PRIMARIES for group in groups(primary)}
    assert len(CASES) > 40


def test_every_primary_file_has_a_type():
    assert sorted(KINDS) == PRIMARIES


def test_hydra_s_own_settings_are_in_one_file():
    for path in CONF.rglob("*.yaml"):
        assert "hydra" not in yaml.safe_load(path.read_text()), path
    for primary in PRIMARIES:
        chosen = yaml.safe_load((CONF / f"{primary}.yaml").read_text())["defaults"]
        assert {"hydra": "quiet"} in chosen or "config" in chosen, (
            primary
        )  # conf/tune.yaml has them from conf/config.yaml
    assert options("hydra") == ["quiet"]


@pytest.mark.parametrize("primary", PRIMARIES)
def test_every_primary_file_composes_as_it_stands_and_opens_with_its_command(primary: str, composed: Compose):
    validated(KINDS[primary], composed(primary))
    command = COMMANDS.get(primary, f"src/{primary}.py")
    assert f"python {command} " in (CONF / f"{primary}.yaml").read_text().splitlines()[0] + " "
    assert (ROOT / command.split()[0]).is_file()


@pytest.mark.parametrize(("primary", "group", "option"), CASES)
def test_every_file_of_every_group_composes_and_resolves(primary: str, group: str, option: str, composed: Compose):
    config = composed(primary, f"{group}={option}")
    if "name" in config.get(group, {}) and group not in ("optimizer", "hydra"):
        assert config[group]["name"] == option  # run names, folders and MLflow tags are made from it
    drawings = ("pens", "unipen", "paper", "usps", "semeion")
    if primary in ("config", "tune") and group == "data" and option in drawings:
        with pytest.raises(UserError, match=f"data={option}: drawings, not digits to train on; choose mnist or"):
            validated(KINDS[primary], config)
    else:
        validated(KINDS[primary], config)


def test_on_and_off_are_texts_for_every_reader_of_yaml():
    for option in ("on", "off"):
        assert yaml.safe_load((CONF / "aug" / f"{option}.yaml").read_text())["name"] == option
    assert groups("config")["aug"] == "off"


@pytest.mark.parametrize("group", ["model", "aug", "optimizer", "callbacks", "precision", "debug"])
def test_the_line_that_chooses_names_choices(group: str):
    line = re.search(rf"^  - {group}: (.*)$", (CONF / "config.yaml").read_text(), re.MULTILINE)
    assert line is not None
    choice, comment = line[1].split("#")
    named = re.findall(r"\w+", comment.replace(f"{group}=", ""))
    assert {*named, choice.strip(' "')} - {"null"} <= set(options(group))  # added files need not be named
    assert len(named) >= min(2, len(options(group)) - 1)


@pytest.mark.parametrize("overrides", [(), *[(f"experiment={name}",) for name in options("experiment")]])
def test_one_step_is_one_step_whatever_else_is_chosen(overrides: tuple[str, ...], composed: Compose):
    config = validated(TrainConfig, composed("config", *overrides, "debug=one_step"))
    assert config.training.epochs == 1
    assert config.training.train_size == config.training.batch_size
    assert config.run.registered is False


def test_the_pipeline_trains_the_slowest_model_for_eight_epochs_at_most(composed: Compose):
    assert composed("config", "model=tflearn_cnn")["training"]["epochs"] <= 8


@pytest.mark.parametrize("model", options("tuner/space"))
def test_every_space_can_be_searched_with_its_model(model: str, composed: Compose):
    from inkproof.tuning.space import read_space

    config = validated(KINDS["tune"], composed("tune", f"model={model}"))
    assert read_space(config.tuner.space, config.training_config().identity())


# What a file describes can be built. TensorFlow starts here, once.


@pytest.mark.xdist_group("tensorflow")
@pytest.mark.parametrize("option", options("model"))
def test_every_model_file_builds_a_model_that_gives_probabilities(option: str, composed: Compose):

    chosen = composed("config", f"model={option}")["model"]
    model = instantiate(chosen["build"], _convert_="all")
    assert model.input_shape == (None, 28, 28, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.float32)
    probabilities = np.asarray(model(pixels))
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert any("Conv" in type(layer).__name__ for layer in model.layers) == chosen["convolutional"]


@pytest.mark.xdist_group("tensorflow")
@pytest.mark.parametrize("option", options("optimizer"))
def test_every_optimizer_file_builds_an_optimizer_that_reaches_its_rate(option: str, composed: Compose):
    import keras

    from inkproof.training.build import optimizer_maker

    chosen = composed("config", f"optimizer={option}")["optimizer"]
    optimizer = optimizer_maker(Component.model_validate(chosen))(total_steps=100, steps_per_epoch=10)
    assert isinstance(optimizer, keras.optimizers.Optimizer)
    if chosen["_target_"] != "inkproof.training.optimizer.build":
        return
    assert type(optimizer).__name__.lower() == chosen["name"]
    rates = []
    for step in range(100):
        optimizer.iterations.assign(step)
        rates.append(float(np.asarray(optimizer.learning_rate)))
    assert max(rates) == pytest.approx(chosen["learning_rate"])
    assert (min(rates) < 0.01 * max(rates)) == (chosen["schedule"] == "cosine")


@pytest.mark.xdist_group("tensorflow")
@pytest.mark.parametrize("option", options("callbacks"))
def test_every_callbacks_file_builds_callbacks(option: str, composed: Compose):
    import keras

    chosen = composed("config", f"callbacks={option}")["callbacks"]
    assert all(isinstance(instantiate(callback), keras.callbacks.Callback) for callback in chosen.values())
    assert bool(chosen) == (option != "none")


@pytest.mark.xdist_group("tensorflow")
@pytest.mark.parametrize("option", options("precision"))
def test_every_precision_file_names_a_number_format_keras_has(option: str, composed: Compose):
    import keras

    from inkproof.training.precision import resolve_policy

    policy = composed("config", f"precision={option}")["precision"]["policy"]
    for bfloat16 in (False, True):
        assert keras.DTypePolicy(resolve_policy(policy, True, bfloat16)).variable_dtype == "float32"


@pytest.mark.parametrize("option", options("aug"))
def test_every_augmentation_file_has_its_name_and_limits(option: str, composed: Compose):
    aug = validated(TrainConfig, composed("config", f"aug={option}")).aug
    assert aug.name == option
    assert any(aug.limits.values()) == (option != "off")


# The recipes.


def test_the_four_recipes_are_there():
    assert {"numbers_mnist", "digitre", "custom_digits", "coreml_cnn"} <= set(options("experiment"))


@pytest.mark.parametrize("option", options("experiment"))
def test_every_experiment_opens_with_its_command_and_what_it_reached(option: str):
    text = (CONF / "experiment" / f"{option}.yaml").read_text().splitlines()
    head = text[: next(index for index, line in enumerate(text) if not line.startswith("#"))]
    assert any(line.strip("# ") == f"python src/train.py experiment={option}" for line in head)
    reached = next(line for line in head if line.startswith("# Reached:"))
    assert re.search(r"\d+\.\d+ ?%", reached), reached


@pytest.mark.xdist_group("one_process")
def test_every_experiment_trains_a_step(one_process: dict[str, Any]):
    workspace = one_process["workspace"]
    runs = workspace.runs("optdigits")
    recipes = [run for run in runs if run.info.status != "FAILED"]  # one fails on purpose
    assert [run.info.status for run in recipes] == ["FINISHED"] * len(options("experiment"))
    assert {run.data.tags["model"] for run in recipes} == {"dense", "dense_2x128", "tflearn_cnn", "cnn", "vgg_bn"}
    assert {run.data.params["training.epochs"] for run in recipes} == {"1"}
    assert all(run.data.metrics["epochs"] == 1 and run.data.metrics["loss"] > 0 for run in recipes)
    folders = [path for path in Path(workspace.root / "runs").iterdir() if (path / "model.keras").is_file()]
    assert len(folders) == len(recipes) + 3  # and the runs of the three digits files
