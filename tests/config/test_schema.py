"""The types of the configurations: no values in them, an unknown key or a value out of range is one line."""

import ast
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from inkproof.config import schema, stages
from inkproof.config.compose import composing
from inkproof.config.schema import Augmentation, Component, Config, Primary, TrainConfig, TuneConfig
from inkproof.config.stages import (
    AppConfig,
    DownloadConfig,
    EnsembleConfig,
    EvaluateConfig,
    ExportConfig,
    PreprocessConfig,
)
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

MODELS = [
    one for one in {**vars(schema), **vars(stages)}.values() if isinstance(one, type) and issubclass(one, BaseModel)
]
MODELS.remove(BaseModel)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_field_has_a_default(model: type[BaseModel]):
    assert [name for name, field in model.model_fields.items() if not field.is_required()] == []


def test_a_configuration_is_read_only_and_refuses_unknown_keys():
    for model in MODELS:
        assert issubclass(model, Config) and model.model_config["frozen"], model
        assert (model.model_config["extra"] == "allow") == (model in (Augmentation, Component)), model


def test_every_key_is_used_somewhere():
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "src").rglob("*.py")]
    used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert [f"{model.__name__}.{key}" for model in MODELS for key in model.model_fields if key not in used] == []


MISTAKES = [
    # A key is missing,
    (TrainConfig, "~callbacks", "callbacks: expected a value"),
    (TrainConfig, "~training.epochs", "training.epochs: expected a value"),
    (TrainConfig, "~model.build._target_", "model.build._target_: expected a value"),
    (EvaluateConfig, "~corruptions", "corruptions: expected a value"),
    (ExportConfig, "~data.title", "data.title: expected a value"),
    (DownloadConfig, "~data.source", "data.source: expected a value"),
    (TuneConfig, "~tuner.seed", "tuner.seed: expected a value"),
    # unknown,
    (TrainConfig, "+training.epoch=3", "training.epoch: unknown key; the keys are epochs, batch_size, "),
    (TrainConfig, "+run.name=mine", "run.name: unknown key; the keys are experiment, digits, register, "),
    (TuneConfig, "+tuner.factor=2 tuner=random", "tuner.factor: unknown key; the keys are name, trials, "),
    (
        PreprocessConfig,
        "+sets.mine.thick=true",
        "sets.mine.thick: unknown key; the keys are folder, role, ",
    ),
    (AppConfig, "+hots=[]", "hots: unknown key; the keys are body_kb, "),
    # of another type,
    (TrainConfig, "training.epochs=1.5", "training.epochs=1.5: expected a whole number"),
    (TrainConfig, "training.teacher.runs=A", "training.teacher.runs=A: expected a list"),
    (TrainConfig, "callbacks.backup=true", "callbacks.backup=True: expected keys with values"),
    (TrainConfig, "aug.width=wide", "aug.width=wide: expected a number"),
    (EnsembleConfig, "tta=2", "tta=2: expected true or false"),
    (EnsembleConfig, "runs=[1]", "runs[0]=1: expected a text"),
    (DownloadConfig, "out=null", "out=None: expected a text"),
    (TuneConfig, "tuner.space.parameters=[5]", "tuner.space.parameters[0]=5: expected keys with values"),
    (TuneConfig, "tuner.name=grid", "tuner.name=grid: expected one of 'hyperband', 'random', 'bayesian'"),
    # or out of range.
    (TrainConfig, "seed=-1", "seed=-1: expected at least 0"),
    (TrainConfig, "model.batch_size=0", "model.batch_size=0: expected at least 1"),
    (TrainConfig, "training.teacher.temperature=0", "training.teacher.temperature=0: expected a number above 0"),
    (TrainConfig, "run.experiment=''", "run.experiment=: expected a text that is not empty"),
    (TuneConfig, "tuner.factor=1", "tuner.factor=1: expected at least 2"),
    (TuneConfig, "data.val=0 callbacks=none", "data.val=0: a search needs validation digits; choose a number above 0"),
    (PreprocessConfig, "data.evaluation.workers=0", "data.evaluation.workers=0: expected at least 1"),
    (ExportConfig, "sets.mine.brush=0", "sets.mine.brush=0: expected a number above 0"),
    (ExportConfig, "sets.mine.role=all", "sets.mine.role=all: expected 'training', 'validation' or 'test'"),
    (AppConfig, "port=70000", "port=70000: expected at most 65,535"),
]


@pytest.mark.parametrize(("kind", "words", "line"), MISTAKES, ids=lambda value: getattr(value, "__name__", value))
def test_a_mistake_is_one_line_with_the_key_and_what_is_expected(kind: type[Primary], words: str, line: str):
    with composing() as compose, pytest.raises(UserError) as caught:
        compose(kind, tuple(words.split()))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_the_choice_of_a_union_is_no_part_of_a_key():
    class Square(Config):
        kind: Literal["square"]
        side: int

    class Circle(Config):
        kind: Literal["circle"]
        radii: list[int]

    class Drawing(Config):
        shapes: list[Annotated[Square | Circle, Field(discriminator="kind")]]

    with pytest.raises(UserError, match=r"^shapes\[1\]\.radii\[0\]=x: expected a whole number$"):
        validated(Drawing, {"shapes": [{"kind": "square", "side": 1}, {"kind": "circle", "radii": ["x"]}]})
