"""The state of a search on disk."""

from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import RandomSearch, TrainConfig, TuneConfig
from inkproof.runtime.errors import UserError
from inkproof.tuning.search import Search, Train, make_oracle
from inkproof.tuning.space import read_space

OVERRIDES = (
    *("data=optdigits", "model=dense", "tuner=random", "tuner.trials=2", "tuner.retries=0", "training.epochs=1"),
    "tuner.space.parameters=[{key: training.batch_size, choices: [32, 64]}]",
)
with composing() as compose:
    CHOSEN = compose(TuneConfig, OVERRIDES)
CONFIG, TUNER = CHOSEN.training_config(), CHOSEN.tuner
assert isinstance(TUNER, RandomSearch)
SPACE = read_space(TUNER.space, CONFIG.identity())


def search(folder: Path, train: Train = lambda config, trial: {"val_acc": 0.5, "epochs": 1}) -> Search:
    return Search(make_oracle(TUNER, SPACE, 1, folder), CONFIG, SPACE, train, folder)


class Killed(BaseException):
    """Stands for a kill: nothing that is run by it gets to its end."""


def killed_in_the_second_trial(folder: Path) -> Search:
    """Run a search until its second trial has begun."""

    def train(config: TrainConfig, trial: str) -> dict[str, float]:
        if trial == "1":
            raise Killed
        return {"val_acc": 0.9, "epochs": 1}

    begun = search(folder, train)
    with pytest.raises(Killed):
        begun.run()
    return begun


@pytest.mark.parametrize("name", ["tuner0.json", "trial_0/trial.json", "trial_1/trial.json"])
def test_a_file_of_keras_tuner_that_was_cut_short_ends_no_search(tmp_path: Path, name: str):
    begun = killed_in_the_second_trial(tmp_path / "a-search")
    path = tmp_path / "a-search" / name
    path.write_text(path.read_text()[:1])
    ran: list[str] = []

    def train(config: TrainConfig, trial: str) -> dict[str, float]:
        ran.append(trial)
        return {"val_acc": 0.8, "epochs": 1}

    resumed = search(tmp_path / "a-search", train)
    resumed.run()
    assert ran == ["1"], "the first was finished, the second is run again"
    assert {one.hyperparameters.values["training.batch_size"] for one in resumed.oracle.trials.values()} == {"32", "64"}
    best = resumed.best()
    assert (best.number, best.accuracy, best.trials) == ("0", 0.9, 2)
    assert best.config == begun.config_of(begun.oracle.trials["0"])


def test_a_trial_whose_worker_is_gone_is_dealt_to_whoever_asks(tmp_path: Path):
    folder = tmp_path / "a-search"
    dealt = search(folder).oracle.create_trial("w1")
    resumed = make_oracle(TUNER, SPACE, 1, folder)
    resumed.reload()
    again = resumed.create_trial("w2")
    assert again.trial_id == dealt.trial_id
    assert again.hyperparameters.values == dealt.hyperparameters.values


def test_state_appears_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = search(tmp_path / "a-search")
    made.oracle.save()
    path = tmp_path / "a-search" / "search.json"
    before = path.read_bytes()
    monkeypatch.setattr(made.oracle, "get_state", lambda: {"begins": 1, "cannot be written": object()})
    with pytest.raises(TypeError):
        made.oracle.save()
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ['{"begins', "{}", None])
def test_state_that_cannot_be_read_is_one_line(tmp_path: Path, text: str | None):
    search(tmp_path / "a-search").save()
    path = tmp_path / "a-search" / "search.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError, match="state cannot be read") as raised:
        search(tmp_path / "a-search")
    assert len(str(raised.value).splitlines()) == 1
