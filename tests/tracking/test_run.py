"""A run on disk and in MLflow: killed, forced, locked, reused, and what it leaves."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.tracking import mlflow_tracker
from inkproof.tracking.identity import run_key
from inkproof.tracking.mlflow_tracker import REGISTER_AS, Tracker, nested
from inkproof.tracking.run import LOG, Run
from inkproof.tracking.run_metadata import ARTIFACTS, LOCK, NOTE, RunMetadata, locked

with composing() as compose:
    CONFIG = compose(TrainConfig, ("data=optdigits",)).identity()
ROW = {"epoch": 1, "loss": 0.5, "val_accuracy": 0.9}


class Killed(BaseException):
    """Stands for SIGKILL."""


class Model:
    """Stands for a trained network: its content says which training made it."""

    def __init__(self, content: str) -> None:
        self.content = content

    def save(self, path: Path) -> None:
        path.write_text(self.content)


@pytest.fixture
def store(opened: Callable[[], Tracker]) -> Tracker:
    """This test's own store."""
    return opened()


def metadata(data: str = "cafe", machine: str = "m", experiment: str = "optdigits") -> RunMetadata:
    return RunMetadata(
        run_id="",
        experiment=experiment,
        name="dense aug=off s0",
        key=run_key(CONFIG, data, "c"),
        data_sha=data,
        code_sha="c",
        git_commit="g",
        machine=machine,
        config=CONFIG,
    )


def train(about: RunMetadata, content: str = "weights", force: bool = False) -> tuple[str, bool]:
    """Train or reuse a run; return its id in MLflow, and whether it was reused."""
    with Run.open(about, force) as run:
        reused = run.finished
        if not reused:
            run.begin({"training": 100})
            run.save(Model(content), [ROW], {"val_acc": 0.9, "parameters": 7}, 1.0)
        return run.metadata.run_id, reused


def kill(about: RunMetadata, force: bool = False, begun: bool = True) -> str:
    """Start a training and leave it as SIGKILL does; return its id in MLflow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracker, "give_up", lambda *_: None)
        with pytest.raises(Killed), Run.open(about, force) as run:
            if begun:
                run.begin({"training": 100})
            raise Killed
    about.folder.mkdir(exist_ok=True)
    (about.folder / LOCK).touch()
    return run.metadata.run_id


def statuses(store: Tracker) -> dict[str, str]:
    numbers = [one.experiment_id for one in store.client.search_experiments()]
    return {run.info.run_id: run.info.status for run in store.client.search_runs(numbers)}


@pytest.mark.parametrize("force", [False, True])
def test_a_forced_training_that_was_killed_is_resumed_by_the_next_start(store: Tracker, force: bool):
    first, _ = train(metadata(), "first")
    killed = kill(metadata(), force=True)
    assert statuses(store) == {first: "FINISHED", killed: "RUNNING"}
    (metadata().folder / "backup.npz").write_text("an epoch")
    with Run.open(metadata(), force) as run:
        assert not run.finished
        assert (run.metadata.folder / "backup.npz").read_text() == "an epoch"
        run.begin({"training": 100})
        run.save(Model("second"), [ROW], {"val_acc": 0.9, "parameters": 7}, 1.0)
    assert run.metadata.run_id == killed
    assert statuses(store) == dict.fromkeys((first, killed), "FINISHED")
    assert train(metadata()) == (killed, True)
    assert (metadata().folder / "model.keras").read_text() == "second"


def test_a_killed_training_in_a_folder_of_the_former_name_is_named(
    store: Tracker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kill(metadata())
    former = metadata().folder.rename(tmp_path / "runs" / f"dense-off-s0-{metadata().key}")
    capsys.readouterr()
    assert train(metadata())[1] is False
    line = f"{former}: a killed training of this run, under a former name. It starts anew; delete that folder\n"
    assert capsys.readouterr().err == line
    assert train(metadata())[1] is True
    assert capsys.readouterr().err == ""


def test_a_forced_training_that_was_killed_before_it_began_is_trained(store: Tracker):
    first, _ = train(metadata(), "first")
    kill(metadata(), force=True, begun=False)
    second, reused = train(metadata(), "second")
    assert not reused and second != first
    assert (metadata().folder / "model.keras").read_text() == "second"


def test_a_forced_training_whose_store_is_lost_is_trained_in_the_new_one(store: Tracker):
    killed = kill(metadata(), force=True)
    store.client.delete_run(killed)
    second, reused = train(metadata())
    assert not reused and second != killed and statuses(store) == {second: "FINISHED"}


def test_force_trains_a_finished_run_again_and_keeps_nothing_of_it(store: Tracker):
    first, _ = train(metadata(), "first")
    (metadata().folder / "report").mkdir()
    (metadata().folder / "report" / "old.json").write_text("{}")
    second, reused = train(metadata(), "second", force=True)
    assert not reused and second != first
    assert {path.name for path in metadata().folder.iterdir()} == {*ARTIFACTS, LOG}


def test_a_run_killed_by_hand_is_marked_by_the_next_training_of_this_clone(
    store: Tracker, monkeypatch: pytest.MonkeyPatch
):
    alive = kill(metadata("beef"))
    with FileLock(metadata("beef").folder / LOCK):
        unknown = kill(metadata("face"))
        shutil.rmtree(metadata("face").folder)  # a run of another clone, with the same store
        with monkeypatch.context() as patch:
            patch.setattr(mlflow_tracker, "clone", lambda: "another computer:/home/inkproof")
            elsewhere = kill(metadata("abcd"))
        dead = kill(metadata("dead"))
        train(metadata("1234"))
    found = statuses(store)
    assert found[dead] == "KILLED"
    assert {found[alive], found[elsewhere], found[unknown]} == {"RUNNING"}
    assert train(metadata("dead")) == (dead, False), "it is resumed all the same"
    assert statuses(store)[dead] == "FINISHED"


def test_a_forced_run_that_an_earlier_version_left_running_is_marked(store: Tracker):
    first, _ = train(metadata())
    old = store.start("optdigits", "dense aug=off s0", metadata().tags)
    assert train(metadata()) == (first, True)
    assert statuses(store) == {first: "FINISHED", old: "KILLED"}


def test_a_run_killed_between_its_artifacts_and_its_end_is_ended(store: Tracker):
    first, _ = train(metadata())
    store.client.update_run(first, status="RUNNING")
    assert train(metadata()) == (first, True)
    assert statuses(store) == {first: "FINISHED"}


def test_a_run_leaves_its_artifacts_alone_in_a_folder_with_the_name_of_its_dataset(store: Tracker, tmp_path: Path):
    train(metadata())
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == f"optdigits-dense-off-s0-{metadata().key}"
    assert {path.name for path in folder.iterdir()} == {*ARTIFACTS, LOG}


def test_a_run_that_could_not_be_built_leaves_no_folder(store: Tracker, tmp_path: Path):
    with pytest.raises(UserError), Run.open(metadata(), force=False):
        raise UserError("model.build.depth: unknown argument")
    assert list((tmp_path / "runs").iterdir()) == []
    assert statuses(store) == {}


def test_a_second_process_waits_for_nothing(store: Tracker):
    with locked(metadata().folder) as free, pytest.raises(UserError) as caught:
        assert free
        train(metadata())
    assert str(caught.value) == (
        f"optdigits-dense-off-s0-{metadata().key}: another process is training this run; wait until it ends"
    )
    assert train(metadata())[1] is False


def test_a_lock_that_is_deleted_at_the_end_keeps_others_out_meanwhile(tmp_path: Path):
    """Four processes, each a hundred times: never two at once."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom inkproof.tracking.run_metadata import locked\n"
        "folder = Path(sys.argv[1])\nfor _ in range(100):\n"
        "    with locked(folder, patience=60) as free:\n        assert free\n"
        "        (folder / 'inside').touch(exist_ok=False)\n        (folder / 'inside').unlink()\n"
    )
    (tmp_path / "kept").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    ended = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, ended
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_finished_run_leaves_no_empty_experiment_and_its_own_is_named(
    store: Tracker, capsys: pytest.CaptureFixture[str]
):
    first, _ = train(metadata())
    capsys.readouterr()
    assert train(metadata(experiment="b")) == (first, True)
    assert store.client.get_experiment_by_name("b") is None
    assert capsys.readouterr().err == "dense aug=off s0: its MLflow run is in the experiment optdigits, not in b\n"
    with nested(store.start("study/1", "1", {}), "seed=0"):  # a study gives it a run of its own afterwards
        train(metadata(experiment="study/1"))
    assert capsys.readouterr().err == ""


def test_in_another_store_a_reused_run_has_the_id_it_has_there(
    store: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, _ = train(metadata())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    other, reused = train(metadata())
    assert reused and other != first
    assert statuses(Tracker()) == {other: "FINISHED"}
    assert RunMetadata.read(metadata().folder).run_id == first, "a DVC output stays as it is"
    assert train(metadata()) == (other, True)


def test_an_error_of_a_training_is_seen_even_if_the_store_is_gone(store: Tracker, monkeypatch: pytest.MonkeyPatch):
    def gone(*_: Any) -> None:
        raise OSError("the server is gone")

    with pytest.raises(UserError, match="the loss is nan"), Run.open(metadata(), force=False) as run:
        run.begin({"training": 100})
        monkeypatch.setattr(Tracker, "finish", gone)
        raise UserError("the loss is nan")


def test_what_a_training_prints_is_in_its_log_with_times_and_a_bar_once(
    store: Tracker, capsys: pytest.CaptureFixture[str]
):
    with Run.open(metadata(), force=False) as run:
        run.begin({"training": 100})
        print("Epoch 1/2")
        for step in (1, 2):
            sys.stdout.write(f"\r{step}/2 \x1b[32mbar\x1b[0m")
        sys.stdout.write("\n")
        print("a warning", file=sys.stderr)
        run.save(Model("weights"), [ROW], {"val_acc": 0.9, "parameters": 7}, 1.0)
        print("after it")
    lines = (run.metadata.folder / LOG).read_text().splitlines()
    assert [line[20:] for line in lines] == ["Epoch 1/2", "2/2 bar", "a warning"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*", line) for line in lines)
    shown = capsys.readouterr()
    assert "Epoch 1/2\n\r1/2" in shown.out and "after it" in shown.out and shown.err == "a warning\n"
    assert f"artifacts/{LOG}" in [file.path for file in store.client.list_artifacts(run.metadata.run_id, "artifacts")]


def test_a_failed_training_leaves_its_log_and_the_terminal_as_it_was(store: Tracker):
    before = sys.stdout
    with pytest.raises(UserError), Run.open(metadata(), force=False) as run:
        run.begin({"training": 100})
        print("Epoch 1/2")
        raise UserError("the loss is nan")
    assert sys.stdout is before
    assert "Epoch 1/2" in (run.metadata.folder / LOG).read_text()
    assert f"artifacts/{LOG}" in [file.path for file in store.client.list_artifacts(run.metadata.run_id, "artifacts")]


def test_the_load_of_the_machine_is_sampled_while_it_trains(store: Tracker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inkproof.tracking.run.SAMPLED", 0.1)
    with Run.open(metadata(), force=False) as run:
        run.begin({"training": 100})
        time.sleep(1)
        run.save(Model("weights"), [ROW], {"val_acc": 0.9, "parameters": 7}, 1.0)
    metrics = store.client.get_run(run.metadata.run_id).data.metrics
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_percentage"} <= metrics.keys()
    assert store.figures(run.metadata.run_id) == {"val_acc": 0.9, "parameters": 7}
    assert not any(thread.name == "SystemMetricsMonitor" for thread in threading.enumerate())


def test_a_run_is_described_with_its_accuracy_and_its_command(store: Tracker):
    run_id, _ = train(metadata())
    note = store.client.get_run(run_id).data.tags[NOTE]
    assert "`dense` trained on `optdigits`" in note and "Validation accuracy 90.00%" in note
    assert "`python src/train.py data=optdigits model=dense aug=off seed=0`" in note


def test_a_run_is_registered_only_if_asked_and_then_even_if_it_was_trained_before(store: Tracker):
    run_id, _ = train(metadata())
    assert REGISTER_AS not in store.client.get_run(run_id).data.tags
    with Run.open(metadata(), force=False, register=True) as run:
        assert run.finished
    assert store.client.get_run(run_id).data.tags[REGISTER_AS] == "inkproof-optdigits"
    with composing() as compose:
        assert not compose(TrainConfig).run.registered
    assert "run.register=true" in (ROOT / "dvc.yaml").read_text("utf-8")


def test_the_printed_link_shows_the_columns_and_charts_even_of_an_older_experiment(
    store: Tracker, monkeypatch: pytest.MonkeyPatch
):
    number = store.client.create_experiment("optdigits", tags={"mlflow.sharedViewState.inkproof": "{}"})
    train(metadata())
    line = store.view("optdigits")
    page = f"/#/experiments/{number}/runs?viewStateShareKey=inkproof&workflowType=machine_learning"
    assert line == f"Compare the runs: `make ui`, then http://127.0.0.1:5000{page}"
    state = json.loads(store.client.get_experiment(number).tags["mlflow.sharedViewState.inkproof"])
    metrics = ("val_acc", "test_acc", "drawn_acc", "corr_acc", "canvas_kb")
    assert state["selectedColumns"][:5] == [f"metrics.`{name}`" for name in metrics]
    assert {"tags.`model`", "tags.`aug`", "tags.`differs`"} <= set(state["selectedColumns"])
    assert [chart["type"] for chart in state["compareRunCharts"]] == ["LINE", "LINE", "PARALLEL"]
    assert [chart["lineSmoothness"] for chart in state["compareRunCharts"][:2]] == [0, 0]  # not smoothed
    assert set(state["compareRunCharts"][2]["selectedParams"]) <= CONFIG.flat().keys()
    assert max(map(len, metrics)) <= 12
    monkeypatch.setattr(store, "uri", "http://me:secret@server:5000/")
    assert store.view("optdigits") == f"Compare the runs: http://server:5000{page}"


class ServerTracker(Tracker):
    """A tracker that takes its store for a server."""

    def __init__(self) -> None:
        super().__init__()
        self.local = False


@pytest.mark.usefixtures("store")
def test_another_machine_resumes_from_the_checkpoint_on_the_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inkproof.tracking.run.Tracker", ServerTracker)
    with pytest.raises(KeyboardInterrupt), Run.open(metadata(), force=False) as run:
        run.begin({"training": 100})
        for epoch in ("the first", "the second"):  # which comes too soon after the first to be sent
            (run.metadata.folder / "backup.npz").write_text(epoch)
            run.epoch(ROW)
        raise KeyboardInterrupt
    (metadata().folder / "backup.npz").write_text("newer than the server's")
    with pytest.raises(KeyboardInterrupt), Run.open(metadata(), force=False) as run:
        assert (run.metadata.folder / "backup.npz").read_text() == "newer than the server's"
        raise KeyboardInterrupt
    shutil.rmtree(metadata().folder)  # another machine has no such folder
    with Run.open(metadata(), force=False) as run:
        assert (run.metadata.folder / "backup.npz").read_text() == "the first"
        run.begin({"training": 100})
        run.save(Model("done"), [ROW], {"val_acc": 0.9, "parameters": 7}, 1.0)
    shutil.rmtree(metadata().folder)
    with Run.open(metadata(), force=False) as run:
        assert run.finished and not (run.metadata.folder / "backup.npz").exists()
