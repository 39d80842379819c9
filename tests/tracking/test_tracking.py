"""Runs in MLflow: a store made by several processes at once, long parameters, resumed curves, runs made again."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.runtime.paths import ROOT
from inkproof.tracking.mlflow_tracker import PARAM_LIMIT, PARENT, Tracker, nested
from inkproof.tracking.run import attach, ensure_run
from inkproof.tracking.run_metadata import RunMetadata, write_history

OPENERS = ROOT / "tests" / "support" / "openers.py"
PROCESSES, ROUNDS = 4, 2
ROWS = [{"epoch": epoch, "loss": 1 / epoch, "val_accuracy": epoch / 10} for epoch in (1, 2, 3)]


def finished(folder: Path, run_id: str) -> RunMetadata:
    """The metadata of a finished run whose artifacts are in `folder`."""
    folder.mkdir()
    write_history(folder / "history.csv", ROWS)
    (folder / "model.keras").write_text("weights")
    (folder / "run.json").write_text("{}")
    with composing() as compose:
        config = compose(TrainConfig, ("data=optdigits",)).identity()
    return RunMetadata(
        run_id=run_id,
        experiment="optdigits",
        name="dense aug=off s0",
        key="k",
        data_sha="d",
        code_sha="c",
        git_commit="g",
        machine="m",
        config=config,
        metrics={"val_acc": 0.3, "best_epoch": 3, "epochs": 3, "parameters": 7},
    )


def test_four_processes_open_a_store_that_does_not_exist_twice(tmp_path: Path):
    for current in range(ROUNDS):
        (tmp_path / str(current)).mkdir()
    source = str(ROOT / "src")
    environment = {**os.environ, "PYTHONPATH": source, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, str(OPENERS), str(tmp_path)]
    started = [
        subprocess.Popen([*command, str(number), str(ROUNDS)], env=environment, stderr=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    try:
        for current in range(ROUNDS):
            wait_for(tmp_path, f"ready-{current}-*")
            (tmp_path / f"go-{current}").touch()
            ids = [path.read_text() for path in wait_for(tmp_path, f"said-{current}-*")]
            with sqlite3.connect(tmp_path / str(current) / "mlflow.db") as database:
                runs = database.execute("SELECT run_uuid, experiment_id, status FROM runs").fetchall()
                names = database.execute("SELECT name FROM experiments WHERE name <> 'Default'").fetchall()
            assert sorted(ids) == sorted(run for run, _, _ in runs), "\n".join(ids)
            assert len(runs) == PROCESSES
            assert names == [("digits",)]
            assert {status for _, _, status in runs} == {"FINISHED"}
            assert len({experiment for _, experiment, _ in runs}) == 1
    finally:
        for process in started:
            process.kill()
            process.communicate()


def wait_for(folder: Path, pattern: str, seconds: float = 90) -> list[Path]:
    end = time.monotonic() + seconds
    while len(found := sorted(folder.glob(pattern))) < PROCESSES:
        assert time.monotonic() < end, f"{pattern}: only {found}"
        time.sleep(0.02)
    time.sleep(0.05)  # a file that is there may not be written yet
    return found


def test_params_are_logged_whatever_their_number_and_length(
    opened: Callable[[], Tracker], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "false")  # MLflow refuses rather than cuts
    tracker = opened()
    run = tracker.start("digits", "run", {})
    sizes, send = [], tracker.client.log_batch

    def counted(run_id: str, **batch: list[Any]) -> Any:
        sizes.append(len(batch.get("params", [])))
        return send(run_id, **batch)

    monkeypatch.setattr(tracker.client, "log_batch", counted)
    params = {f"p{number}": number for number in range(250)} | {"long": "x" * (PARAM_LIMIT + 500)}
    tracker.params(run, params)
    assert max(sizes) <= 100, "more than a tracking server takes at once"
    tracker.params(run, {**params, "p0": "changed", "late": True})  # a resumed run logs all of it again
    kept = tracker.client.get_run(run).data.params
    assert len(kept) == 252
    assert kept["p0"] == "0" and kept["p249"] == "249" and kept["late"] == "True"
    assert kept["long"] == "x" * PARAM_LIMIT


def test_a_resumed_curve_gets_the_epochs_it_lacks_and_no_epoch_twice(opened: Callable[[], Tracker]):
    tracker = opened()
    run = tracker.start("digits", "run", {})
    tracker.epoch(run, ROWS[1])
    tracker.epochs(run, ROWS)
    tracker.epochs(run, ROWS)
    for name in ("loss", "val_accuracy"):
        points = tracker.client.get_metric_history(run, f"epoch/{name}")
        assert sorted((point.step, point.value) for point in points) == [(row["epoch"], row[name]) for row in ROWS]


def test_a_run_is_found_by_its_key_finished_ones_first(opened: Callable[[], Tracker]):
    tracker = opened()
    assert tracker.find("digits", {"key": "k"}) is None
    done = tracker.start("digits", "run", {"key": "k"})
    tracker.finish(done)
    later = tracker.start("digits", "run", {"key": "k"})
    tracker.finish(later, "FAILED")
    found = tracker.find("digits", {"key": "k"})
    assert found is not None and (found.info.run_id, found.info.status) == (done, "FINISHED")
    assert tracker.start("digits", "run", {"key": "k"}, resume=tracker.run(later)) == later
    assert tracker.client.get_run(later).info.status == "RUNNING"


def test_a_run_started_within_another_is_its_child_and_called_as_it_says(opened: Callable[[], Tracker]):
    tracker = opened()
    parent = tracker.start("study/02", "02", {})
    with nested(parent, "aug=on seed=0"):
        child = tracker.client.get_run(tracker.start("study/02", "cnn-on-s0", {"key": "k"}))
    other = tracker.client.get_run(tracker.start("study/02", "cnn-on-s1", {}))
    assert (child.info.run_name, child.data.tags["mlflow.parentRunId"]) == ("aug=on seed=0", parent)
    assert (other.info.run_name, other.data.tags.get("mlflow.parentRunId")) == ("cnn-on-s1", None)


def test_finished_runs_with_a_metric_are_found_in_every_experiment(opened: Callable[[], Tracker]):
    tracker = opened()
    for experiment, status in (("digits", "FINISHED"), ("study/02", "FINISHED"), ("digits", "FAILED")):
        run = tracker.start(experiment, f"of {experiment}", {"data_sha": "d"})
        tracker.params(run, {"seed": 3})
        tracker.metrics(run, {"test_acc": 0.0})
        tracker.epochs(run, ROWS)
        tracker.finish(run, status)
    tracker.finish(tracker.start("digits", "without", {}))
    found = tracker.runs_with("test_acc")
    assert {(run.experiment, run.name) for run in found} == {("digits", "of digits"), ("study/02", "of study/02")}
    for run in found:
        assert (run.params, run.tags["data_sha"], run.metrics) == ({"seed": "3"}, "d", {"test_acc": 0.0})
        assert tracker.figures(run.run_id) == run.metrics


def test_a_run_that_mlflow_has_is_kept(opened: Callable[[], Tracker], tmp_path: Path):
    tracker = opened()
    run = tracker.start("optdigits", "dense aug=off s0", {})
    assert ensure_run(tracker, finished(tmp_path / "artifacts", run), tmp_path / "artifacts") == run


@pytest.mark.parametrize("removed", ["never there", "deleted"])
def test_a_run_that_mlflow_lacks_is_made_again_once(
    opened: Callable[[], Tracker], tmp_path: Path, removed: str, monkeypatch: pytest.MonkeyPatch
):
    look = Tracker.find

    def look_slowly(tracker: Tracker, experiment: str, tags: dict[str, str]) -> tuple[str, str] | None:
        found = look(tracker, experiment, tags)
        time.sleep(0.3)  # long enough for the other stage to look as well, were it not kept out
        return found

    monkeypatch.setattr(Tracker, "find", look_slowly)
    tracker = opened()
    lost = "0" * 32
    if removed == "deleted":
        lost = tracker.start("optdigits", "dense aug=off s0", {})
        tracker.client.delete_run(lost)
    kept = finished(tmp_path / "artifacts", lost)
    made: list[str] = []
    together = threading.Barrier(2)

    def stage() -> None:
        own = opened()
        together.wait()
        made.append(ensure_run(own, kept, tmp_path / "artifacts"))

    stages = [threading.Thread(target=stage) for _ in range(2)]
    for thread in stages:
        thread.start()
    for thread in stages:
        thread.join()
    assert len(made) == 2 and made[0] == made[1] != lost
    assert ensure_run(opened(), kept, tmp_path / "artifacts") == made[0]
    run = tracker.client.get_run(made[0])
    assert run.info.status == "FINISHED" and run.info.run_name == "dense aug=off s0"
    assert run.data.tags["original_run_id"] == lost and run.data.tags["data"] == "optdigits"
    assert run.data.params["model.name"] == "dense"
    assert run.data.metrics["val_acc"] == 0.3
    assert [point.value for point in tracker.client.get_metric_history(made[0], "epoch/val_accuracy")] == [
        0.1,
        0.2,
        0.3,
    ]
    files = {item.path for item in tracker.client.list_artifacts(made[0], "artifacts")}
    assert files == {"artifacts/model.keras", "artifacts/history.csv", "artifacts/run.json"}


def test_a_deleted_experiment_can_be_used_again_and_its_runs_stay_deleted(opened: Callable[[], Tracker]):
    tracker = opened()
    for _ in range(2):
        old = tracker.start("digits", "run", {"key": "k"})
        number = tracker.experiment("digits")
        tracker.client.delete_experiment(number)
        assert tracker.find("digits", {"key": "k"}) is None
        assert tracker.experiment("digits") != number
        assert tracker.client.search_runs([tracker.experiment("digits")]) == []
        assert tracker.run(old) is None
    assert [one.name for one in tracker.client.search_experiments()] == ["digits", "Default"]


def test_looking_for_a_run_makes_no_experiment(opened: Callable[[], Tracker]):
    tracker = opened()
    assert tracker.find("digits", {"key": "k"}) is None
    assert tracker.client.get_experiment_by_name("digits") is None


@pytest.mark.parametrize(
    ("script", "name"), [("src/tune.py", "src/tune.py"), ("/elsewhere/worker.py", "worker.py"), ("-c", "-c")]
)
def test_a_run_names_the_script_that_made_it_and_a_child_its_parents(
    opened: Callable[[], Tracker], monkeypatch: pytest.MonkeyPatch, script: str, name: str
):
    monkeypatch.setattr(sys, "argv", [str(ROOT / script) if script.startswith("src") else script])
    tracker = opened()
    parent = tracker.start("tune/optdigits", "search", {})
    monkeypatch.setattr(sys, "argv", ["/site-packages/ray/default_worker.py"])
    with nested(parent, "trial 0"):
        child = tracker.start("tune/optdigits", "dense aug=off s0", {})
    for run in (parent, child):
        assert tracker.client.get_run(run).data.tags["mlflow.source.name"] == name


def test_a_training_done_elsewhere_gets_a_run_of_its_own_below_a_parent(opened: Callable[[], Tracker], tmp_path: Path):
    tracker = opened()
    folder = tmp_path / "artifacts"
    first = tracker.start("optdigits", "dense aug=off s0", {"key": "k"})
    elsewhere = finished(folder, first)
    parent = tracker.start("study/02", "02", {})
    with nested(parent, "aug=off seed=0"):
        # A process that was killed while it copied the run: half of it is there.
        half = tracker.start("study/02", "dense aug=off s0", {"key": elsewhere.key})
        tracker.epoch(half, ROWS[0])
        own = attach(tracker, elsewhere, folder, "study/02", parent)
        assert attach(tracker, own, folder, "study/02", parent) == own == RunMetadata.read(folder)
    assert (own.run_id, own.experiment, own.config) == (half, "study/02", elsewhere.config)
    made = tracker.client.get_run(own.run_id)
    assert made.info.status == "FINISHED" and made.info.run_name == "aug=off seed=0"
    assert made.data.tags["original_run_id"] == first
    assert made.data.metrics["val_acc"] == 0.3
    assert len(tracker.client.get_metric_history(own.run_id, "epoch/val_accuracy")) == 3
    # Another search of the same experiment has a run of its own, too.
    other = tracker.start("study/02", "again", {})
    with nested(other, "trial 0"):
        again = attach(tracker, own, folder, "study/02", other)
    assert again.run_id != own.run_id
    parents = [tracker.client.get_run(one.run_id).data.tags[PARENT] for one in (again, own)]
    assert parents == [other, parent]


def test_a_user_without_a_name_is_a_number(opened: Callable[[], Tracker], monkeypatch: pytest.MonkeyPatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    tracker = opened()
    run = tracker.client.get_run(tracker.start("mnist", "run", {}))
    assert run.data.tags["mlflow.user"] == str(os.getuid())


@pytest.mark.parametrize("error", [MlflowException("no such\nfile"), OSError(5, "Input/output error"), None])
def test_what_mlflow_cannot_restore_is_said(
    opened: Callable[[], Tracker],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
):
    def fail(**_: Any) -> str:
        assert error is not None
        raise error

    if error is not None:
        monkeypatch.setattr("mlflow.artifacts.download_artifacts", fail)
    tracker = opened()
    tracker.restore(tracker.start("mnist", "run", {}), ["model.keras"], tmp_path / "run")
    line = capsys.readouterr().err
    assert line.startswith(f"{tmp_path / 'run'}: MLflow cannot give the files of this run back (")
    assert line.count("\n") == 1
