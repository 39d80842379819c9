"""Composition of many configurations: files are read once, and the result is Hydra's."""

import hydra
import pytest

from inkproof.config.compose import composing, resolve
from inkproof.config.one_line import explain
from inkproof.config.schema import TrainConfig, TuneConfig
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.epochs=3", "model=cnn"),  # values win over files that are named after them
        ("training.epochs=3", "experiment=digitre", "optimizer.learning_rate=0.5"),
        ("experiment=digitre", "model=vgg"),
        ("model=vgg", "model.build.widths=[8,16]", "data.val=0", "callbacks=last"),
        ("seed=1", "seed=2", "seed=1"),
        ("training.fold=${seed}", "training.folds=4", "seed=7", "data.val=0", "callbacks=none"),
        ("training.teacher={runs:[a,b],weight:0.5}",),
        ("training.teacher.runs=['@wide, bent']", "training.init='1'", "training.train_size=null", "aug='off'"),
        ("+model.build.extra=1", "~model.build.hidden"),
    ],
    ids=" ".join,
)
def test_what_is_composed_is_what_hydra_composes(overrides: tuple[str, ...]):
    with composing() as compose:
        for asked in (overrides, ()):  # what was composed before is left as it was
            whole = resolve(hydra.compose("config", list(asked)))
            assert compose(TrainConfig, asked) == validated(TrainConfig, whole)


@pytest.mark.parametrize(
    "override", ["model.build.hiden=[4]", "epoch=3", "training.epoch=3", "training.epochs.many=3", "model=densee"]
)
def test_an_unknown_key_or_file_is_one_line_in_hydra_s_words(override: str):
    lines = set()
    with composing() as compose:
        for make in (lambda words: hydra.compose("config", words), lambda words: compose(TrainConfig, words)):
            try:
                make((override,))
            except Exception as error:
                lines.add(explain(error))
            else:
                pytest.fail(f"{override} was composed")
    (line,) = lines
    assert line is not None and override.partition("=")[0] in line


def test_an_interpolation_that_leads_nowhere_is_one_line():
    with composing() as compose, pytest.raises(UserError, match="cannot be resolved"):
        compose(TrainConfig, ("training.epochs=${nothing.here}",))


def test_a_search_begins_with_the_configuration_that_training_has():
    chosen = ("data=optdigits", "model=dense", "aug=off")
    with composing() as compose:
        search, training = compose(TuneConfig, chosen).training_config(), compose(TrainConfig, chosen)
    assert search == training.with_run(registered=False, experiment="tune/optdigits-dense-hyperband")
