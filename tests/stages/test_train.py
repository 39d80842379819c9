"""src/train.py as it is typed: sweeps, reuse, interruption, mistakes."""

import io
import json
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from inkproof.data.digits import load_digits
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("train")

TRAIN = ("python", "src/train.py", "data=optdigits")
SWEEP = ("python", "src/train.py", "-m", "data=optdigits")
SHORT = ("epochs=1", "train_size=100", "batch_size=50")
PRODUCTS = {"model.keras", "history.csv", "run.json"}
# A small convolutional network with everything that has a state, slow enough to be killed between two epochs.
EPOCHS = 5
SLOW = (
    *("model=cnn", "aug=on", f"epochs={EPOCHS}", "batch_size=16", "register=false", "data.repeat=2"),
    *("model.build.filters=[4,8,8]", "model.build.dense=16", "optimizer.learning_rate=0.005"),
)


def record(folder: Path) -> dict[str, Any]:
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
    assert record(ours)["metrics"] == record(theirs)["metrics"]
    assert (ours / "history.csv").read_bytes() == (theirs / "history.csv").read_bytes()
    first, second = weights(ours), weights(theirs)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def folders(workspace: Workspace) -> list[Path]:
    return sorted(path for path in (workspace.root / "runs").iterdir() if (path / "run.json").exists())


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
    names = [f"{model}-{aug}-s0" for model in ("dense", "dense_2x128") for aug in ("on", "off")]
    assert [run.info.run_name for run in runs] == names
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.data.tags["key"] for run in runs}) == 4
    assert len({run.data.metrics["val_accuracy"] for run in runs}) > 1
    assert {path.name for path in folders(workspace)} == {f"{run.info.run_name}-{run.data.tags['key']}" for run in runs}
    for run in runs:
        assert f"{run.info.run_name}: validation accuracy " in printed
        assert (
            f"MLflow run {run.info.run_id}; {workspace.root}/runs/{run.info.run_name}-{run.data.tags['key']}\n"
            in printed
        )
    assert not (workspace.root / "models").exists()  # only dvc.yaml writes there


def test_a_run_tells_what_was_done_on_what(sweep: tuple[Workspace, str]) -> None:
    workspace, _ = sweep
    run = workspace.runs("optdigits")[2]
    tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
    assert (tags["model"], tags["aug"], tags["data"], tags["stage"]) == ("dense_2x128", "on", "optdigits", "train")
    assert {"data_sha", "git_commit", "machine", "key"} <= set(tags)
    assert params["model.build.hidden"] == "[128, 128]"
    assert (params["aug.rotation"], params["seed"], params["train_size"]) == ("10.0", "0", "100")
    assert params["precision.policy"] == "float32"
    assert {"val_accuracy", "val_loss", "accuracy", "loss", "best_epoch", "epochs", "parameters"} <= set(metrics)
    assert (metrics["parameters"], metrics["epochs"], metrics["best_epoch"]) == (118_282, 1, 1)
    inputs = {item.tags[0].value: item.dataset for item in run.inputs.dataset_inputs}
    assert set(inputs) == {"training", "validation"}
    assert json.loads(inputs["training"].profile) == {"digits": 100}
    assert {dataset.name for dataset in inputs.values()} == {"optdigits"}
    client = workspace.client()
    assert {file.path.split("/")[1] for file in client.list_artifacts(run.info.run_id, "products")} == PRODUCTS
    versions = client.search_model_versions("name='inkproof-optdigits'")
    assert {version.run_id for version in versions} == {run.info.run_id for run in workspace.runs("optdigits")}
    kept = next(path for path in folders(workspace) if path.name.startswith("dense_2x128-on"))
    assert record(kept)["run_id"] == run.info.run_id
    assert record(kept)["metrics"]["val_accuracy"] == metrics["val_accuracy"]


def test_a_finished_run_is_reused_and_its_products_are_copied(sweep: tuple[Workspace, str]) -> None:
    workspace, _ = sweep
    before = workspace.runs("optdigits")
    with sqlite3.connect(workspace.root / "mlflow.db") as store:  # as if killed just before MLflow was told the end
        store.execute("UPDATE runs SET status = 'RUNNING' WHERE name = 'dense-off-s0'")
    done = workspace.run(*TRAIN, "model=dense", *SHORT, "out=models/optdigits/dense")
    assert "dense-off-s0: trained before, reused" in done.stdout
    assert "Epoch" not in done.stdout
    made, copied = folders(workspace)[0], workspace.root / "models" / "optdigits" / "dense"
    assert made.name.startswith("dense-off-s0")
    assert {file.name for file in copied.iterdir()} == PRODUCTS
    for name in PRODUCTS:
        assert (copied / name).read_bytes() == (made / name).read_bytes()
    after = workspace.runs("optdigits")
    assert [run.info.run_id for run in after] == [run.info.run_id for run in before]
    assert {run.info.status for run in after} == {"FINISHED"}


def test_lost_products_are_restored_from_mlflow(sweep: tuple[Workspace, str]) -> None:
    workspace, _ = sweep
    lost = next(path for path in folders(workspace) if path.name.startswith("dense-on-s0"))
    kept = {name: (lost / name).read_bytes() for name in PRODUCTS}
    for file in lost.iterdir():
        file.unlink()
    lost.rmdir()
    done = workspace.run(*TRAIN, "model=dense", "aug=on", *SHORT, "out=restored")
    assert "dense-on-s0: trained before, reused" in done.stdout
    assert done.stderr == ""
    assert {name: (lost / name).read_bytes() for name in PRODUCTS} == kept
    assert {name: (workspace.root / "restored" / name).read_bytes() for name in PRODUCTS} == kept
    assert len(workspace.runs("optdigits")) == 4


# A run that is killed and one that is not.


@pytest.fixture(scope="module")
def twice(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace where the slow run was trained, and trained anew, with its products in `first` and `second`."""
    workspace = new_workspace()
    workspace.run(*SWEEP, *SLOW, "force=true", "out=first,second")
    return workspace


def test_the_same_seed_gives_the_same_digits_and_force_trains_anew(twice: Workspace) -> None:
    first, second = twice.root / "first", twice.root / "second"
    assert_same_result(first, second)
    rows = history(first)
    assert rows[0] == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]
    assert [row[0] for row in rows[1:]] == [str(epoch + 1) for epoch in range(EPOCHS)]
    assert len({row[1] for row in rows[1:]}) > 1  # it learns
    runs = twice.runs("optdigits")
    assert [run.info.run_id for run in runs] == [record(path)["run_id"] for path in (first, second)]
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

    again = workspace.run(*TRAIN, *SLOW, "out=resumed")
    epochs = [line for line in again.stdout.splitlines() if line.startswith("Epoch ")]
    assert epochs == [f"Epoch {epoch}/{EPOCHS}" for epoch in range(done + 1, EPOCHS + 1)]
    (run,) = workspace.runs("optdigits")
    assert (run.info.run_id, run.info.status) == (killed.info.run_id, "FINISHED")
    assert_same_result(workspace.root / "resumed", twice.root / "first")
    curve = workspace.client().get_metric_history(run.info.run_id, "epoch/val_loss")
    expected = [float(row[4]) for row in history(twice.root / "first")[1:]]
    assert [point.step for point in sorted(curve, key=lambda point: point.step)] == list(range(1, EPOCHS + 1))
    assert [point.value for point in sorted(curve, key=lambda point: point.step)] == expected


# Choices that change what training needs.


def test_no_validation_digits_and_bfloat16(workspace: Workspace) -> None:
    words = ("model=dense", *SHORT, "register=false", "data.val=0", "callbacks=none")
    done = workspace.run(*SWEEP, *words, "precision=bfloat16,float32")
    assert done.stdout.count("dense-off-s0: training accuracy ") == 2
    runs = workspace.runs("optdigits")
    assert [run.data.params["precision.policy"] for run in runs] == ["mixed_bfloat16", "float32"]
    assert len({run.data.tags["key"] for run in runs}) == 2
    assert not any(name.startswith("val_") for run in runs for name in run.data.metrics)
    made = {record(path)["config"]["precision"]["policy"]: path for path in folders(workspace)}
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


def test_a_run_that_fails_says_so_in_mlflow(workspace: Workspace) -> None:
    workspace.run(*TRAIN, "model=dense", *SHORT)
    (folder,) = folders(workspace)
    shutil.rmtree(folder)
    folder.write_text("in the way")  # a fault that no look at the configuration can find
    assert "a file stands where a folder should be" in workspace.fails(*TRAIN, "model=dense", *SHORT)
    (run,) = workspace.runs("optdigits")
    assert run.info.status == "FAILED"


def test_a_training_that_comes_apart_ends_at_once_and_again(workspace: Workspace) -> None:
    for _ in range(2):  # the second time from the backup
        line = workspace.fails(*TRAIN, "model=dense", *SHORT, "optimizer.learning_rate=1e30")
        assert line.startswith("train.py: error: epoch 1: the loss is ") and "optimizer.learning_rate" in line
    (run,) = workspace.runs("optdigits")
    assert run.info.status == "FAILED"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("optimizer.name=lion", "optimizer.name=lion: choose one of adam, sgd"),
        ("+model.build.depth=3", "unexpected keyword argument 'depth'"),
        ("train_size=2000", "train_size=2000: there are 1197 training digits"),
    ],
)
def test_what_cannot_be_built_leaves_no_run_behind(workspace: Workspace, word: str, message: str) -> None:
    line = workspace.fails(*TRAIN, "model=dense", *SHORT, word)
    assert line.startswith("train.py: error: ")
    assert message in line
    assert workspace.runs("optdigits") == []
    assert not list(workspace.root.glob("runs/*/"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["callbacks.keep_best.monitor=nope"], "callbacks.keep_best.monitor=nope: choose one of accuracy, loss, val_"),
        (["data.val=0"], "callbacks.keep_best.monitor=val_accuracy: there are no validation digits with data.val=0"),
        (["precision.policy=float16"], "precision.policy=float16: choose one of auto, float32, mixed_bfloat16"),
    ],
)
def test_a_choice_that_cannot_work_is_refused_before_anything_starts(
    workspace: Workspace, words: list[str], message: str
) -> None:
    assert workspace.fails(*TRAIN, "model=dense", *words).startswith(f"train.py: error: {message}")
    assert not (workspace.root / "runs").exists()
    assert not (workspace.root / "mlflow.db").exists()
