"""src/train.py as it is typed: sweeps, reuse, interruption, mistakes."""

import io
import json
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from inkproof.data.digits import load_digits
from inkproof.tracking.mlflow_tracker import REGISTER_AS
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("train")

TRAIN = ("python", "src/train.py", "data=optdigits")
SWEEP = ("python", "src/train.py", "-m", "data=optdigits")
SHORT = ("training.epochs=1", "training.train_size=100", "training.batch_size=50")
REST = "batch=50 digits=100 epochs=1"  # of SHORT, in the names of its runs
ARTIFACTS = {"model.keras", "history.csv", "run.json"}
# A small convolutional network with everything that has a state, slow enough to be killed between two epochs.
EPOCHS = 5
SLOW = (
    *("model=cnn", "aug=on", f"training.epochs={EPOCHS}", "training.batch_size=16"),
    *("model.build.filters=[4,8,8]", "model.build.dense=16", "optimizer.learning_rate=0.005"),
)


def metadata(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text()))


def history(folder: Path) -> list[list[str]]:
    return [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The arrays in model.keras by name."""
    with zipfile.ZipFile(folder / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    found: dict[str, np.ndarray] = {}
    with h5py.File(content) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    assert found
    return found


def assert_same_result(ours: Path, theirs: Path) -> None:
    """To the last digit: metrics, learning curve and weights."""
    assert metadata(ours)["metrics"] == metadata(theirs)["metrics"]
    assert (ours / "history.csv").read_bytes() == (theirs / "history.csv").read_bytes()
    first, second = weights(ours), weights(theirs)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def folders(workspace: Workspace) -> list[Path]:
    return sorted(path for path in (workspace.root / "runs").iterdir() if (path / "run.json").exists())


def folder_of(run: Any) -> str:
    """The name of the folder of a run in MLflow."""
    tags, seed = run.data.tags, run.data.params["seed"]
    return f"{tags['data']}-{tags['model']}-{tags['aug']}-s{seed}-{tags['key']}"


# One process trains four networks: the sweep of the README, typed in another folder.


@pytest.fixture(scope="module")
def sweep(new_workspace: Callable[[], Workspace], tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    workspace, elsewhere = new_workspace(), tmp_path_factory.mktemp("elsewhere")
    script = str(workspace.root / "src" / "train.py")
    words = ("-m", "data=optdigits", "model=dense,dense_2x128", "aug=on,off", *SHORT)
    done = workspace.run("python", script, *words, cwd=elsewhere)
    assert list(elsewhere.iterdir()) == []  # everything is written in the repository
    return workspace, done.stdout


def test_a_sweep_makes_one_mlflow_run_for_each_model(sweep: tuple[Workspace, str]) -> None:
    workspace, printed = sweep
    runs = workspace.runs("optdigits")
    names = [f"{model} aug={aug} {REST} s0" for model in ("dense", "dense_2x128") for aug in ("on", "off")]
    assert [run.info.run_name for run in runs] == names
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.data.tags["key"] for run in runs}) == 4
    assert len({run.data.metrics["val_acc"] for run in runs}) > 1
    assert {path.name for path in folders(workspace)} == {folder_of(run) for run in runs}
    for run in runs:
        assert f"{run.info.run_name}: validation accuracy " in printed
        assert f"MLflow run {run.info.run_id}; {workspace.root}/runs/{folder_of(run)}\n" in printed
        assert run.data.tags["mlflow.source.name"] == "src/train.py"
    # The table, the best first: what differs, the accuracy, the seconds, the folder.
    best = max(runs, key=lambda run: run.data.metrics["val_acc"])
    first = next(line for line in printed.splitlines() if line.startswith("│"))
    assert f"model={best.data.tags['model']} aug={best.data.tags['aug']} " in first
    assert f"{best.data.metrics['val_acc']:.2%} validation" in first
    assert f" 1 runs/{folder_of(best)}" in printed.splitlines()
    assert printed.splitlines()[-1].startswith("Compare the runs: `make ui`, then http://127.0.0.1:5000/#/experiments/")
    assert printed.count("Compare the runs") == 1, "not after every job"
    made = {path.name for path in (workspace.root / "runs").iterdir()} - {"sweeps"}
    assert made == {folder_of(run) for run in runs}, "no lock file stays"
    assert [path.name for path in (workspace.root / "models").iterdir()] == ["pretrained"]  # only dvc.yaml writes there


def test_a_run_has_its_parameters_data_and_artifacts(sweep: tuple[Workspace, str]) -> None:
    workspace, _ = sweep
    run = workspace.runs("optdigits")[2]
    tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
    assert (tags["model"], tags["aug"], tags["data"], tags["stage"]) == ("dense_2x128", "on", "optdigits", "train")
    assert {"data_sha", "git_commit", "machine", "key"} <= set(tags)
    assert params["model.build.hidden"] == "[128, 128]"
    assert (params["aug.rotation"], params["seed"], params["training.train_size"]) == ("10.0", "0", "100")
    assert params["precision.policy"] == "float32"
    assert {"val_acc", "val_loss", "accuracy", "loss", "best_epoch", "epochs", "parameters"} <= set(metrics)
    assert (metrics["parameters"], metrics["epochs"], metrics["best_epoch"]) == (118_282, 1, 1)
    inputs = {item.tags[0].value: item.dataset for item in run.inputs.dataset_inputs}
    assert set(inputs) == {"training", "validation"}
    assert json.loads(inputs["training"].profile) == {"digits": 100}
    assert {dataset.name for dataset in inputs.values()} == {"optdigits"}
    client = workspace.client()
    assert {file.path.split("/")[1] for file in client.list_artifacts(run.info.run_id, "artifacts")} == {
        *ARTIFACTS,
        "log.txt",
    }
    assert not any(REGISTER_AS in run.data.tags for run in workspace.runs("optdigits"))
    # A network needs this package, so src/export.py registers canvas.tflite instead.
    assert client.search_registered_models() == []
    kept = next(path for path in folders(workspace) if path.name.startswith("optdigits-dense_2x128-on"))
    assert metadata(kept)["run_id"] == run.info.run_id
    assert metadata(kept)["metrics"]["val_acc"] == metrics["val_acc"]


@pytest.fixture(scope="module")
def again(sweep: tuple[Workspace, str]) -> tuple[Any, Any, Any]:
    """How three of the sweep's trainings ended when they were typed again: with all artifacts, without any, and with
    one that is damaged."""
    workspace, _ = sweep
    with sqlite3.connect(workspace.root / "mlflow.db") as tracker:  # as if killed just before its end in MLflow
        tracker.execute(f"UPDATE runs SET status = 'RUNNING' WHERE name = 'dense aug=off {REST} s0'")
    lost = next(path for path in folders(workspace) if path.name.startswith("optdigits-dense-on-s0"))
    shutil.copytree(lost, workspace.root / "kept")
    shutil.rmtree(lost)
    whole = (*TRAIN, "model=dense", *SHORT, "run.out=copied")
    without = (*TRAIN, "model=dense", "aug=on", *SHORT, "run.out=restored")
    damaged = next(path for path in folders(workspace) if path.name.startswith("optdigits-dense_2x128-on-s0"))
    shutil.copytree(damaged, workspace.root / "whole")
    (damaged / "model.keras").write_bytes((damaged / "model.keras").read_bytes()[:-100])
    reused, restored, repaired = workspace.together(whole, without, (*TRAIN, "model=dense_2x128", "aug=on", *SHORT))
    return reused, restored, repaired


def test_a_finished_run_is_reused_and_its_artifacts_are_copied(
    sweep: tuple[Workspace, str], again: tuple[Any, Any, Any]
):
    workspace, _ = sweep
    assert f"dense aug=off {REST} s0: trained before, reused" in again[0].stdout
    assert "Epoch" not in again[0].stdout
    made, copied = folders(workspace)[0], workspace.root / "copied"
    assert made.name.startswith("optdigits-dense-off-s0")
    assert {file.name for file in copied.iterdir()} == ARTIFACTS
    for name in ARTIFACTS:
        assert (copied / name).read_bytes() == (made / name).read_bytes()
    runs = workspace.runs("optdigits")
    assert {run.info.run_id for run in runs} == {metadata(folder)["run_id"] for folder in folders(workspace)}
    assert len(runs) == 4 and {run.info.status for run in runs} == {"FINISHED"}


def test_lost_and_damaged_artifacts_are_restored_from_mlflow(
    sweep: tuple[Workspace, str], again: tuple[Any, Any, Any]
) -> None:
    workspace, _ = sweep
    assert f"dense aug=on {REST} s0: trained before, reused" in again[1].stdout
    assert f"dense_2x128 aug=on {REST} s0: trained before, reused" in again[2].stdout
    assert (again[1].stderr, again[2].stderr) == ("", "")
    lost = next(path for path in folders(workspace) if path.name.startswith("optdigits-dense-on-s0"))
    kept = {name: (workspace.root / "kept" / name).read_bytes() for name in ARTIFACTS}
    assert {name: (lost / name).read_bytes() for name in ARTIFACTS} == kept
    assert {name: (workspace.root / "restored" / name).read_bytes() for name in ARTIFACTS} == kept
    damaged = next(path for path in folders(workspace) if path.name.startswith("optdigits-dense_2x128-on-s0"))
    for name in ARTIFACTS:
        assert (damaged / name).read_bytes() == (workspace.root / "whole" / name).read_bytes()
    assert len(workspace.runs("optdigits")) == 4


# A run that is killed and one that is not.


UNBUILDABLE = {
    "optimizer.name=lion": "optimizer.name=lion: expected 'adam' or 'sgd'",
    "+model.build.depth=3": "model.build.depth: unknown argument of inkproof.models.dense.build; choose one of",
    "training.train_size=2000": "train_size=2000: there are 1197 training digits",
}


@dataclass(frozen=True)
class Trained:
    """A workspace where the slow run was trained, and trained anew, with its artifacts in `first` and `second`.

    Before that, as the experiment `halves`, a short one in two number formats and without validation digits. After
    it, trainings that fail, with the line of each: `blocked` meets a file where the folder of its experiment should be,
    an error that no check of the configuration can find.
    `apart` diverges, `again` from its backup.
    """

    workspace: Workspace
    lines: dict[str, str]


@pytest.fixture(scope="module")
def trained(new_workspace: Callable[[], Workspace]) -> Trained:
    """All trainings in one process."""
    workspace = new_workspace()
    (workspace.root / "mlruns").mkdir()
    (workspace.root / "mlruns" / "blocked").write_text("in the way")
    halves = ("model=dense", *SHORT, "data.val=0", "callbacks=none", "run.experiment=halves")
    whole = [
        (*SWEEP, *halves, "precision=bfloat16,float32"),
        (*SWEEP, *SLOW, "run.force=true", "run.out=first,second"),
    ]
    short = (*TRAIN, "model=dense", *SHORT)
    failing = {word: (*short, "run.experiment=unbuildable", word) for word in UNBUILDABLE}
    failing["blocked"] = (*short, "run.experiment=blocked")
    for name in ("apart", "again"):
        failing[name] = (*short, "run.experiment=apart", "optimizer.learning_rate=1e30")
    done, _, *ended = workspace.together(*whole, *failing.values(), codes=[0, 0] + [2] * len(failing))
    assert done.stdout.count(" s0: training accuracy ") == 2
    for failed in ended:
        assert len(failed.stderr.splitlines()) == 1 and failed.stderr.startswith("train.py: error: ")
    return Trained(workspace, {key: failed.stderr for key, failed in zip(failing, ended, strict=True)})


@pytest.fixture(scope="module")
def twice(trained: Trained) -> Workspace:
    """The workspace of all trainings."""
    return trained.workspace


def test_the_same_seed_gives_the_same_digits_and_force_trains_anew(twice: Workspace) -> None:
    first, second = twice.root / "first", twice.root / "second"
    assert_same_result(first, second)
    rows = history(first)
    assert rows[0] == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]
    assert [row[0] for row in rows[1:]] == [str(epoch + 1) for epoch in range(EPOCHS)]
    assert len({row[1] for row in rows[1:]}) > 1  # it learns
    runs = twice.runs("optdigits")
    assert [run.info.run_id for run in runs] == [metadata(path)["run_id"] for path in (first, second)]
    assert len({run.info.run_id for run in runs}) == 2
    assert len({run.data.tags["key"] for run in runs}) == 1


def epochs_in(backup: Path) -> int:
    """How many epochs a killed run had behind it."""
    with np.load(backup) as arrays:
        return int(json.loads(str(arrays["meta"]))["epoch"]) + 1


def test_killed_and_started_again_it_ends_as_if_nothing_had_happened(
    twice: Workspace, new_workspace: Callable[[], Workspace]
) -> None:
    workspace = new_workspace()
    process = workspace.start(*TRAIN, *SLOW)
    backups: list[Path] = []
    deadline = time.monotonic() + 200
    while not backups and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
        backups = list(workspace.root.glob("runs/*/backup.npz"))
    workspace.stop(process)
    assert backups
    done = epochs_in(backups[0])
    assert 1 <= done < EPOCHS, "the run ended before it could be killed"
    assert not (backups[0].parent / "model.keras").exists()
    (killed,) = workspace.runs("optdigits")
    assert killed.info.status == "RUNNING"

    again = workspace.run(*TRAIN, *SLOW, "run.out=resumed")
    epochs = [line for line in again.stdout.splitlines() if line.startswith("Epoch ")]
    assert epochs == [f"Epoch {epoch}/{EPOCHS}" for epoch in range(done + 1, EPOCHS + 1)]
    assert f": resuming after epoch {done}\n" in again.stdout
    (run,) = workspace.runs("optdigits")
    assert (run.info.run_id, run.info.status) == (killed.info.run_id, "FINISHED")
    assert_same_result(workspace.root / "resumed", twice.root / "first")
    curve = workspace.client().get_metric_history(run.info.run_id, "epoch/val_loss")
    expected = [float(row[4]) for row in history(twice.root / "first")[1:]]
    assert [point.step for point in sorted(curve, key=lambda point: point.step)] == list(range(1, EPOCHS + 1))
    assert [point.value for point in sorted(curve, key=lambda point: point.step)] == expected


# Choices that change what training needs.


def test_no_validation_digits_and_bfloat16(twice: Workspace) -> None:
    workspace = twice
    runs = workspace.runs("halves")
    assert [run.data.params["precision.policy"] for run in runs] == ["mixed_bfloat16", "float32"]
    assert len({run.data.tags["key"] for run in runs}) == 2
    assert not any(name.startswith("val_") for run in runs for name in run.data.metrics)
    halves = [path for path in folders(workspace) if metadata(path)["experiment"] == "halves"]
    made = {metadata(path)["config"]["precision"]["policy"]: path for path in halves}
    assert set(made) == {"mixed_bfloat16", "float32"}
    for path in made.values():
        assert history(path)[0] == ["epoch", "accuracy", "loss", "learning_rate"]
        assert not (path / "backup.npz").exists()
        with zipfile.ZipFile(path / "model.keras") as archive:
            assert b"bfloat16" not in archive.read("config.json")
        assert {array.dtype for array in weights(path).values()} == {np.dtype("float32")}
    half, full = (float(history(made[policy])[1][2]) for policy in ("mixed_bfloat16", "float32"))
    assert half != full
    assert half == pytest.approx(full, rel=0.02)
    assert workspace.client().search_registered_models() == []
    kept = load_digits(workspace.root / "data/optdigits", "val")
    assert len(kept.labels) == 240, "the digits file, which was made for a run without them, has none for the next run"


# Mistakes.


def test_a_run_that_fails_is_failed_in_mlflow(trained: Trained) -> None:
    workspace, lines = trained.workspace, trained.lines
    assert "a file is where a folder should be" in lines["blocked"]
    (run,) = workspace.runs("blocked")
    assert run.info.status == "FAILED"


def test_a_training_that_comes_apart_ends_at_once_and_again(trained: Trained) -> None:
    workspace, lines = trained.workspace, trained.lines
    for line in (lines["apart"], lines["again"]):
        assert line.startswith("train.py: error: epoch 1: the loss is ") and "optimizer.learning_rate" in line
    (run,) = workspace.runs("apart")
    assert run.info.status == "FAILED"


def test_what_cannot_be_built_leaves_no_run_behind(trained: Trained) -> None:
    workspace, lines = trained.workspace, trained.lines
    for word, message in UNBUILDABLE.items():
        assert message in lines[word]
    assert workspace.client().get_experiment_by_name("unbuildable") is None
    # The training that came apart has one, besides the whole ones.
    others = {path for path in (workspace.root / "runs").glob("*/") if path.is_dir()} - {
        *folders(workspace),
        workspace.root / "runs" / "sweeps",
    }
    assert [folder.name.startswith("optdigits-dense-off-s0-") for folder in others] == [True]
