"""Composition of many configurations: files are read once, and the outcome is Hydra's."""

import hydra
import pytest

from inkproof.config.compose import composing, resolve
from inkproof.config.one_line import explain
from inkproof.runtime.errors import UserError


@pytest.mark.parametrize(
    "overrides",
    [
        ("epochs=3", "model=cnn"),  # values win over files that are named after them
        ("epochs=3", "experiment=digitre", "optimizer.learning_rate=0.5"),
        ("experiment=digitre", "model=vgg"),
        ("model=vgg", "model.build.widths=[8,16]", "data.val=0"),
        ("seed=1", "seed=2", "seed=1"),
        ("fold=${seed}", "folds=4", "seed=7"),
        ("teacher={runs:[a,b],weight:0.5}",),
        ("teacher.runs=['@wide, bent']", "init='1'", "train_size=null", "aug='off'"),
        ("+model.build.extra=1", "~label_smoothing"),
    ],
    ids=" ".join,
)
def test_what_is_composed_is_what_hydra_composes(overrides: tuple[str, ...]):
    with composing() as compose:
        for asked in (overrides, ()):  # what was composed before is left as it was
            assert compose("config", asked) == resolve(hydra.compose("config", list(asked)))


@pytest.mark.parametrize("override", ["model.build.hiden=[4]", "epoch=3", "epochs.many=3", "model=densee"])
def test_what_there_is_not_is_told_in_hydra_s_words(override: str):
    said = set()
    with composing() as compose:
        for make in (hydra.compose, compose):
            try:
                make("config", (override,))
            except Exception as error:
                said.add(explain(error))
            else:
                pytest.fail(f"{override} was composed")
    (line,) = said
    assert line is not None and override.partition("=")[0] in line


def test_an_interpolation_that_leads_nowhere_is_one_line():
    with composing() as compose, pytest.raises(UserError, match="cannot be resolved"):
        compose("config", ("epochs=${nothing.here}",))
