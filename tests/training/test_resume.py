"""A run that is broken off and started again ends as if nothing had happened."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.config.schema import Component
from inkproof.data.digits import Digits
from inkproof.models.dense import build as dense
from inkproof.models.layers import softmax_head
from inkproof.training.build import optimizer_maker
from inkproof.training.callbacks import FILE_NAME, Backup, KeepBest, StopAtAccuracy
from inkproof.training.loop import EMAWeights, Outcome, Plan, Row, fit, prepare_keras
from inkproof.training.optimizer import build as optimizer

pytestmark = pytest.mark.xdist_group("tensorflow")

EPOCHS = 5
RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(10, dtype=np.uint8), 8)
# A bar at ten heights, in noise: learnt within a few epochs, but not within one.
IMAGES = RNG.integers(0, 60, (80, 28, 28)).astype(np.uint8)
IMAGES[np.arange(80), LABELS * 2 + 4, 4:24] += 190
TRAIN, VAL = Digits(IMAGES[::2], LABELS[::2]), Digits(IMAGES[1::2], LABELS[1::2])

AVERAGED = partial(optimizer, "adam", 0.01, "cosine", ema=0.5)


class BrokenOff(Exception):
    """Stands for the kill."""


class BreakOff(keras.callbacks.Callback):
    """Break off in the middle of an epoch. The underscores keep its own fields out of the backup."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch
        self._now = -1

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._now = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._now == self._epoch and batch == 1:
            raise BrokenOff


@dataclass
class Run:
    """One call of `fit` with all that has a state: dropout, Adam, a schedule, averages, distortions, counters."""

    folder: Path
    extra: list[keras.callbacks.Callback] = field(default_factory=list)
    patience: int = EPOCHS
    backup: bool = True
    epochs: int = EPOCHS
    make_optimizer: Callable[..., keras.optimizers.Optimizer] = AVERAGED
    logged: list[Row] = field(default_factory=list)
    resumed: list[Row] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare_keras(3, "float32", deterministic=True)
        inputs = keras.Input((28, 28, 1))
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
        x = keras.layers.Dropout(0.2)(keras.layers.Dense(16, activation="relu")(x))
        self.model = keras.Model(inputs, softmax_head(x))
        self.keeper = KeepBest()
        self.stopper = keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=self.patience)

    def fit(self, on_epoch: Callable[[Row], None] | None = None) -> Outcome:
        return fit(
            self.model,
            TRAIN,
            VAL,
            Plan(self.epochs, batch_size=16, repeat=2, limits={"rotation": 3, "zoom": 0.05, "shift": 0.02}, seed=3),
            self.make_optimizer,
            [self.keeper, self.stopper, *self.extra, *([Backup()] if self.backup else [])],
            self.folder,
            on_epoch or self.logged.append,
            self.resumed.extend,
            verbose=0,
            say=self.said.append,
        )

    @property
    def state(self) -> list[np.ndarray]:
        generators = [v for layer in self.model.layers for v in layer.variables if "seed" in v.path]
        assert generators
        return [np.asarray(v) for v in (*self.model.weights, *self.model.optimizer.variables, *generators)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Outcome]:
    run = Run(tmp_path_factory.mktemp("whole"))
    return run, run.fit()


def break_off(folder: Path, **settings: Any) -> None:
    with pytest.raises(BrokenOff):
        Run(folder, **settings).fit()


def assert_same(run: Run, outcome: Outcome, whole: tuple[Run, Outcome]) -> None:
    assert outcome.history == whole[1].history
    assert outcome.best_epoch == whole[1].best_epoch
    for ours, theirs in zip(run.state, whole[0].state, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_history_has_a_row_for_each_epoch(whole: tuple[Run, Outcome]) -> None:
    run, outcome = whole
    assert [row["epoch"] for row in outcome.history] == list(range(1, EPOCHS + 1))
    assert set(outcome.history[0]) == {"epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert outcome.history[-1]["loss"] < 0.7 * outcome.history[0]["loss"]
    assert run.logged == outcome.history


def test_the_best_epoch_has_the_highest_accuracy_and_among_those_the_lowest_loss(whole: tuple[Run, Outcome]) -> None:
    history = whole[1].history
    expected = max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    assert whole[1].best == expected


def test_the_outcome_is_the_best_epoch_s(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.keeper = KeepBest(monitor="loss")  # the highest loss is the first epoch's: the last one's weights would not do
    outcome = run.fit()
    assert outcome.best_epoch == 1
    assert outcome.best == outcome.history[0]
    for ours, theirs in zip(run.model.get_weights(), run.keeper.best_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    predicted = np.asarray(run.model(VAL.images[..., np.newaxis].astype(np.float32))).argmax(axis=1)
    assert (predicted == VAL.labels).mean() == pytest.approx(outcome.best["val_accuracy"])


def test_broken_off_within_an_epoch_once_and_again(whole: tuple[Run, Outcome], tmp_path: Path) -> None:
    break_off(tmp_path, extra=[BreakOff(1)])
    break_off(tmp_path, extra=[BreakOff(3)])
    run = Run(tmp_path, extra=[BreakOff(-1)])
    assert_same(run, run.fit(), whole)
    assert run.resumed == whole[1].history[:3]
    assert run.logged == whole[1].history[3:]


def test_what_a_training_took_counts_its_epochs_before_the_kill(tmp_path: Path) -> None:
    break_off(tmp_path, extra=[BreakOff(1)])
    with np.load(tmp_path / FILE_NAME) as saved:
        arrays = dict(saved)
    meta = json.loads(str(arrays["meta"]))
    assert 0 < meta["seconds"] < 100
    meta["seconds"] = 1000.0
    np.savez(tmp_path / FILE_NAME, **{**arrays, "meta": np.array(json.dumps(meta))})
    assert Run(tmp_path, extra=[BreakOff(-1)]).fit().seconds > 1000


def test_the_same_seed_gives_the_same_run_even_where_the_first_epoch_was_broken_off(
    whole: tuple[Run, Outcome], tmp_path: Path
) -> None:
    break_off(tmp_path, extra=[BreakOff(0)])
    assert not list(tmp_path.iterdir())
    run = Run(tmp_path, extra=[BreakOff(-1)])
    assert_same(run, run.fit(), whole)
    assert run.resumed == []


def test_an_epoch_is_reported_only_once_it_is_safe(whole: tuple[Run, Outcome], tmp_path: Path) -> None:
    def killed(row: Row) -> None:
        assert (tmp_path / FILE_NAME).exists()
        if row["epoch"] == 2:
            raise BrokenOff  # reported but not logged: the resumed run must report it again

    run = Run(tmp_path)
    with pytest.raises(BrokenOff):
        run.fit(killed)
    again = Run(tmp_path)
    assert_same(again, again.fit(), whole)
    assert [row["epoch"] for row in again.resumed] == [1, 2]
    assert [row["epoch"] for row in again.logged] == [3, 4, 5]


def test_broken_off_after_the_last_epoch_trains_no_more(whole: tuple[Run, Outcome], tmp_path: Path) -> None:
    Run(tmp_path).fit()
    run = Run(tmp_path)
    outcome = run.fit()
    assert_same(run, outcome, whole)
    assert (run.logged, run.resumed) == ([], whole[1].history)


def test_broken_off_after_stopping_early_stays_stopped(tmp_path: Path) -> None:
    first = Run(tmp_path, extra=[StopAtAccuracy(threshold=0.0)])
    stopped = first.fit()
    assert len(stopped.history) == 1
    run = Run(tmp_path, extra=[StopAtAccuracy(threshold=0.0)])
    outcome = run.fit()
    assert_same(run, outcome, (first, stopped))
    assert run.logged == []


def test_a_resumed_run_keeps_counting_its_patience(tmp_path: Path) -> None:
    # Nothing beats the first epoch, since its accuracy is pushed out of reach: patience 3 ends epoch 4.
    class Unbeatable(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            assert logs is not None
            logs["val_accuracy"] = 1 - epoch / 10

    def make(epoch: int) -> Run:
        run = Run(tmp_path, extra=[BreakOff(epoch)], patience=3, epochs=8)
        run.keeper, run.extra = Unbeatable(), [KeepBest(), *run.extra]
        return run

    with pytest.raises(BrokenOff):
        make(2).fit()
    run = make(-1)
    assert len(run.fit().history) == 4
    assert (run.stopper.wait, run.stopper.best, run.stopper.stopped_epoch) == (3, 1.0, 3)


def test_without_a_backup_nothing_is_written(tmp_path: Path) -> None:
    break_off(tmp_path, extra=[BreakOff(1)], backup=False)
    assert not list(tmp_path.iterdir())


def test_the_backup_holds_everything(tmp_path: Path) -> None:
    run = Run(tmp_path, extra=[BreakOff(2)])
    states: list[list[np.ndarray]] = []
    with pytest.raises(BrokenOff):
        run.fit(lambda row: states.append(run.state))
    fresh = Run(tmp_path)
    fresh.model.compile(optimizer("adam", 0.01, "cosine", 30, 6, ema=0.5), "sparse_categorical_crossentropy")
    fresh.model.optimizer.build(fresh.model.trainable_variables)
    history: list[Row] = []
    backup = Backup()
    ema = EMAWeights()
    others = [ema, fresh.keeper, fresh.stopper, BreakOff(-1)]
    assert backup.bind(tmp_path, fresh.model, others, history, print) == 2
    for callback in others:
        callback.set_model(fresh.model)
        callback.on_train_begin()
    backup.restore()
    assert [row["epoch"] for row in history] == [1, 2]
    assert not backup.complete
    assert (fresh.stopper.wait, fresh.stopper.best) == (run.stopper.wait, run.stopper.best)
    assert (fresh.keeper.best, fresh.keeper.best_epoch) == (run.keeper.best, run.keeper.best_epoch)
    for ours, theirs in zip(fresh.keeper.best_weights, run.keeper.best_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(ema.trained_weights) == 4
    with np.load(tmp_path / FILE_NAME) as arrays:
        saved = {name.rsplit("-", 1)[0] for name in arrays.files}
    assert saved == {
        "meta",
        "weights",
        "optimizer",
        "generators",
        "callback-0-trained_weights",
        "callback-1-best_weights",
    }
    # The state is that of the end of epoch 2, before the batches of the epoch that was broken off.
    assert len(states) == 2
    for ours, theirs in zip(fresh.state, states[-1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


# A backup that cannot be used: training starts anew, and the file stays for whoever wants to know why.


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A sound backup after two epochs, made in a folder `run`."""
    folder = tmp_path_factory.mktemp("backup") / "run"
    break_off(folder, extra=[BreakOff(2)])
    return (folder / FILE_NAME).read_bytes()


def repacked(content: bytes, change: Callable[[dict[str, np.ndarray]], object]) -> bytes:
    """The backup `content` with other arrays."""
    with np.load(io.BytesIO(content)) as saved:
        arrays = dict(saved)
    change(arrays)
    made = io.BytesIO()
    np.savez(made, allow_pickle=True, **arrays)
    return made.getvalue()


def with_meta(content: bytes, **changes: Any) -> bytes:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["meta"] = np.array(json.dumps({**json.loads(str(arrays["meta"])), **changes}))

    return repacked(content, change)


def zeroed(content: bytes, start: int, length: int = 4096) -> bytes:
    return content[:start] + bytes(len(content[start : start + length])) + content[start + length :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in the middle": lambda content: content[: len(content) // 2],
    "a zeroed block": lambda content: zeroed(content, len(content) // 2),
    "zeroed": lambda content: bytes(len(content)),
    "without an array": lambda content: repacked(content, lambda arrays: arrays.pop("optimizer-1")),
    "with an array of another network": lambda content: repacked(
        content, lambda arrays: arrays.update({"weights-0": np.zeros((784, 17), np.float32)})
    ),
    "with words for numbers": lambda content: repacked(
        content, lambda arrays: arrays.update({"weights-1": np.full(16, "x")})
    ),
    "with an object": lambda content: repacked(content, lambda arrays: arrays.update({"weights-1": np.array([{}])})),
    "without the last of the best weights": lambda content: repacked(
        content, lambda arrays: arrays.pop("callback-1-best_weights-3")
    ),
    "without its words": lambda content: repacked(content, lambda arrays: arrays.pop("meta")),
    "with other words": lambda content: with_meta(content, epoch="second"),
    "of another run": lambda content: with_meta(content, run="dense-off-s1-0123456789"),
    "with one callback fewer": lambda content: with_meta(content, callbacks=[]),
}


@pytest.mark.parametrize("damage", [*DAMAGES, "a folder"])
def test_a_backup_that_cannot_be_used_is_set_aside(
    damage: str, backup: bytes, whole: tuple[Run, Outcome], tmp_path: Path
) -> None:
    file = tmp_path / "run" / FILE_NAME
    file.parent.mkdir()
    if damage == "a folder":
        file.mkdir()
    else:
        file.write_bytes(DAMAGES[damage](backup))
    run = Run(tmp_path / "run", extra=[BreakOff(-1)])
    assert_same(run, run.fit(), whole)
    (line,) = run.said
    assert line.startswith(f"{file}: no backup of this run (") and "\n" not in line
    assert line.endswith("); kept as backup.npz.damaged, training starts anew")
    kept = file.with_name("backup.npz.damaged")
    assert kept.is_dir() if damage == "a folder" else kept.read_bytes() == DAMAGES[damage](backup)
    assert run.resumed == []


def test_a_backup_with_a_zeroed_block_anywhere_is_used_only_if_nothing_is_lost(backup: bytes, tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.model.compile(optimizer("adam", 0.01, "cosine", 30, 6, ema=0.5), "sparse_categorical_crossentropy")
    run.model.optimizer.build(run.model.trainable_variables)
    others = [EMAWeights(), run.keeper, run.stopper, BreakOff(-1)]
    file = tmp_path / "run" / FILE_NAME
    file.parent.mkdir()
    starts = np.linspace(0, len(backup) - 512, 60).astype(int)
    for start in starts:
        file.write_bytes(zeroed(backup, start, 512))
        assert Backup().bind(file.parent, run.model, others, [], run.said.append) == 0, start
    assert len(run.said) == len(list(file.parent.iterdir())) == len(starts)  # none replaces another
    file.write_bytes(backup)
    assert Backup().bind(file.parent, run.model, others, [], run.said.append) == 2


def test_a_backup_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, bytes]] = []

    def fsync(descriptor: int) -> None:
        assert Path(f"/proc/self/fd/{descriptor}").readlink().name == FILE_NAME
        synced.append(((tmp_path / FILE_NAME).exists(), os.pread(descriptor, 2, 0)))

    monkeypatch.setattr("os.fsync", fsync)
    break_off(tmp_path, extra=[BreakOff(1)])
    assert synced == [(False, b"PK")]


RATE = {"_target_": "keras.optimizers.schedules.CosineDecay", "initial_learning_rate": 0.01, "decay_steps": 25}


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "keras.optimizers.Lion", "learning_rate": RATE},
        {"_target_": "keras.optimizers.SGD", "learning_rate": 0.1, "momentum": 0.9, "use_ema": True},
        {"_target_": "keras.optimizers.Muon", "learning_rate": 0.01},
    ],
)
def test_any_optimizer_of_keras_resumes(node: dict[str, Any], tmp_path: Path) -> None:
    make = optimizer_maker(Component.model_validate(node))
    unbroken = Run(tmp_path / "whole", extra=[BreakOff(EPOCHS)], make_optimizer=make)
    whole = unbroken, unbroken.fit()
    break_off(tmp_path, extra=[BreakOff(3)], make_optimizer=make)
    again = Run(tmp_path, extra=[BreakOff(EPOCHS)], make_optimizer=make)
    assert_same(again, again.fit(), whole)


def test_a_rate_that_a_callback_lowers_resumes(tmp_path: Path) -> None:
    make = optimizer_maker(Component.model_validate({"_target_": "keras.optimizers.Adam", "learning_rate": 0.01}))

    def settings(epoch: int) -> dict[str, Any]:
        reduce = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0, cooldown=1)
        return {"extra": [reduce, BreakOff(epoch)], "make_optimizer": make}

    unbroken = Run(tmp_path / "whole", **settings(EPOCHS))
    whole = unbroken, unbroken.fit()
    rates = [row["learning_rate"] for row in whole[1].history]
    assert rates == sorted(rates, reverse=True) and rates[-1] < rates[0]
    break_off(tmp_path, **settings(3))
    again = Run(tmp_path, **settings(EPOCHS))
    assert_same(again, again.fit(), whole)


def test_no_validation_no_best_epoch(tmp_path: Path) -> None:
    prepare_keras(0, "float32", deterministic=True)
    outcome = fit(
        dense([4]),
        TRAIN,
        None,
        Plan(2, 16, 1, {}, 0),
        partial(optimizer, "adam", 0.01, "constant"),
        [],
        tmp_path,
        lambda row: None,
        lambda rows: None,
        verbose=0,
    )
    assert outcome.best_epoch == 2
    assert set(outcome.history[0]) == {"epoch", "accuracy", "loss", "learning_rate"}
