"""Names of runs that say what differs, and the commands that make them again."""

import shlex
from collections.abc import Iterator

import pytest

from inkproof.config.compose import Compose, composing
from inkproof.config.schema import TrainConfig
from inkproof.tracking.naming import command, described, overrides_of, run_name

NAMES = {
    "": "dense aug=off s0",
    "data=optdigits model=cnn aug=on optimizer.learning_rate=0.01 seed=3": "cnn aug=on lr=0.01 s3",
    "optimizer=sgd optimizer.learning_rate=0.1": "dense aug=off lr=0.1 optimizer=sgd s0",
    "model.epochs=3 training.train_size=100": "dense aug=off digits=100 epochs=3 s0",
    "callbacks=last training.label_smoothing=0.1": "dense aug=off smoothing=0.1 callbacks=last s0",
    "precision=bfloat16": "dense aug=off precision=bfloat16 s0",
    "model.build.hidden=[4,8]": "dense aug=off hidden=4,8 s0",
    "~callbacks.keep_best": "dense aug=off keep_best=none s0",
    "experiment=digitre": "tflearn_cnn aug=off experiment=digitre s0",
    "experiment=digitre training.epochs=2 seed=4": "tflearn_cnn aug=off experiment=digitre epochs=2 s4",
    "training.init=models/pretrained": "dense aug=off init=pretrained s0",
    "training.teacher.runs=[runs/a,runs/b]": "dense aug=off teachers=2 s0",
    "+callbacks.stop={_target_:keras.callbacks.EarlyStopping,monitor:loss,patience:3}": (
        "dense aug=off stop=EarlyStopping monitor=loss patience=3 s0"
    ),
}


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    with composing() as function:
        yield function


@pytest.mark.parametrize("words", NAMES)
def test_a_name_says_what_differs_and_the_command_makes_the_same_run(compose: Compose, words: str):
    config = compose(TrainConfig, tuple(words.split()))
    overrides = overrides_of(config)
    assert run_name(config, overrides) == NAMES[words]
    python, script, *again = shlex.split(command(config, overrides))
    assert (python, script) == ("python", "src/train.py")
    assert compose(TrainConfig, tuple(again)).identity() == config.identity()


def test_jobs_of_a_sweep_have_names_of_their_own(compose: Compose):
    jobs = [
        (f"model={model}", f"optimizer.learning_rate={rate}")
        for model in ("dense", "cnn")
        for rate in ("0.01", "0.001")
    ]
    configs = [compose(TrainConfig, job) for job in jobs]
    assert len({run_name(config, overrides_of(config)) for config in configs}) == 4


def test_keys_with_the_same_last_word_are_told_apart():
    assert described(["callbacks.a.patience=3", "callbacks.b.patience=4"]) == "a.patience=3 b.patience=4"
