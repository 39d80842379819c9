"""Keys of what is built are compared with the arguments of what `_target_` names, before any data is read."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import Component, TrainConfig
from inkproof.data.digits import Digits, write_digits
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.training.build import assemble, check_components, optimizer_maker

pytestmark = pytest.mark.xdist_group("tensorflow")

ADAM = {"_target_": "keras.optimizers.Adam", "learning_rate": 0.01}
DECAY = {"_target_": "keras.optimizers.schedules.CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 30}


def composed(*overrides: str) -> TrainConfig:
    with composing() as compose:
        return compose(TrainConfig, overrides)


@pytest.mark.parametrize("group", ["model", "aug", "optimizer", "callbacks"])
def test_every_file_of_conf_has_only_arguments_that_are_taken(group: str) -> None:
    for file in (ROOT / "conf" / group).glob("*.yaml"):
        check_components(composed(f"{group}={file.stem}"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+callbacks.early_stopping.patiense=3", ["unknown argument of keras.callbacks.EarlyStopping", "patience?"]),
        ("+model.build.depth=3", ["model.build.depth: unknown argument", "choose one of: deskew, hidden"]),
        ("~model.build.hidden", ["model.build.hidden: expected a value"]),
        ("+optimizer.momentum=0.9", ["optimizer.momentum: unknown argument", "choose one of: clip_norm, ema"]),
        ("+optimizer.total_steps=9", ["optimizer.total_steps: unknown argument"]),  # the training loop gives it
        ("callbacks.backup._target_=keras.callbacks.Bakup", ["callbacks.backup._target_=keras.callbacks.Bakup: no f"]),
        ("+aug.rotaton=3", ["aug.rotaton: unknown key of an augmentation; did you mean rotation? choose one of: rot"]),
        ("aug.rotation=181", ["aug.rotation=181: expected at most 180"]),
        ("callbacks.backup._target_=keraas.Backup", ["no function or class of this name", "keraas"]),
    ],
)
def test_an_argument_that_is_not_taken_is_one_line(override: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check_components(composed(override))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (ADAM, None),
        ({**ADAM, "clipnorm": 1.0, "use_ema": True}, None),  # arguments of the class that Adam is derived from
        ({**ADAM, "learning_rate": DECAY}, None),
        ({**ADAM, "rate": 1}, "optimizer.rate: unknown argument of keras.optimizers.Adam; choose one of: amsgrad, "),
        ({**ADAM, "learning_rate": {**DECAY, "steps": 1}}, "optimizer.learning_rate.steps: unknown argument of keras."),
        (
            {**ADAM, "learning_rate": {**DECAY, "_target_": "keras.optimizers.schedules.Cosine"}},
            "optimizer.learning_ra",
        ),
    ],
)
def test_the_arguments_of_keras_s_own_optimizers_are_checked(node: dict[str, Any], line: str | None) -> None:
    config = composed().model_copy(update={"optimizer": Component.model_validate(node)})
    if line is None:
        check_components(config)
        built = optimizer_maker(config.optimizer)(total_steps=30, steps_per_epoch=10)
        assert isinstance(built, keras.optimizers.Adam)
    else:
        with pytest.raises(UserError) as caught:
            check_components(config)
        assert str(caught.value).startswith(line)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A digits file with four of each digit in each split."""
    split = Digits(np.zeros((40, 28, 28), np.uint8), np.arange(40, dtype=np.uint8) % 10)
    write_digits(tmp_path, dict.fromkeys(("train", "val", "test"), split))
    return tmp_path


REDUCE = "+callbacks.reduce={_target_: keras.callbacks.ReduceLROnPlateau, patience: 1}"


def test_a_callback_that_sets_the_rate_needs_an_optimizer_without_a_schedule(digits: Path) -> None:
    with pytest.raises(
        UserError, match=r"^callbacks\.reduce: sets the learning rate, which has a schedule; choose opt"
    ):
        assemble(composed("data.val=40", REDUCE), digits, "float32")
    parts = assemble(composed("data.val=40", "optimizer=adam", REDUCE), digits, "float32")
    assert isinstance(parts.callbacks[-1], keras.callbacks.ReduceLROnPlateau)


def test_the_command_line_replaces_the_optimizer(digits: Path) -> None:
    rate = "{_target_: keras.optimizers.schedules.PiecewiseConstantDecay, boundaries: [5], values: [0.1, 0.01]}"
    words = ("~optimizer", f"+optimizer={{_target_: keras.optimizers.Lion, learning_rate: {rate}}}")
    config = composed("data.val=40", *words)
    check_components(config)
    optimizer = assemble(config, digits, "float32").make_optimizer(total_steps=9, steps_per_epoch=3)
    assert isinstance(optimizer, keras.optimizers.Lion)
    assert optimizer.get_config()["learning_rate"]["config"]["boundaries"] == [5]
