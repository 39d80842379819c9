"""Trainings that are killed, started together, or meet a full disk."""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.test_train import SLOW, TRAIN, assert_same_result, epochs_in
from support.workspaces import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("train")]

KILLS, EPOCHS = 8, 12
LONG = (*TRAIN, *SLOW, f"training.epochs={EPOCHS}")
SHORT = (*TRAIN, "model=dense", "training.epochs=2", "training.train_size=200", "run.register=false")


def epochs(workspace: Workspace) -> int:
    """How many epochs the run has behind it; none for that of an earlier, finished training."""
    found = list(workspace.root.glob("runs/*/backup.npz"))
    return epochs_in(found[0]) % EPOCHS if found else 0


def assert_nothing_else_stays(root: Path) -> None:
    """No scratch folder, and no lock but that of the store."""
    assert list(root.rglob(".scratch-*")) == []
    assert [path.name for path in (*root.rglob("*.lock"), *root.rglob(".lock"))] == ["mlflow.db.lock"]


@pytest.mark.parametrize("force", [False, True])
def test_a_training_killed_eight_times_ends_as_if_nothing_had_happened(
    new_workspace: Callable[[], Workspace], force: bool
):
    chance, workspace = random.Random(1), new_workspace()
    whole = workspace if force else new_workspace()  # with force, a finished run of the same key is there
    began = time.monotonic()
    whole.run(*LONG, "run.out=whole")
    longest = time.monotonic() - began
    words = (*LONG, f"run.force={str(force).lower()}")
    reached = [0]
    for number in range(KILLS):
        process = workspace.start(*words)
        if number % 2:  # these wait for another epoch, the others come while it starts
            while epochs(workspace) <= reached[-1] and process.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
        else:
            time.sleep(chance.uniform(0.3, 0.3 * longest))
        assert process.poll() is None, process.communicate()
        workspace.stop(process)
        reached.append(epochs(workspace))
    assert len(set(reached)) >= 4, f"no kills between epochs: {reached}"
    done = workspace.run(*LONG, "run.out=resumed")
    assert "reused" not in done.stdout
    assert_same_result(workspace.root / "resumed", whole.root / "whole")
    runs = workspace.runs("optdigits")
    assert [run.info.status for run in runs] == ["FINISHED"] * (2 if force else 1)
    assert_nothing_else_stays(workspace.root)
    print(f"epochs at the kills: {reached[1:]}")


def test_four_trainings_and_a_twin_at_once_on_no_store(workspace: Workspace):
    seeds = [0, 1, 2, 3, 0]
    started = [workspace.start(*SHORT, f"seed={seed}") for seed in seeds]
    ended = [process.communicate(timeout=280) for process in started]
    codes = [process.returncode for process in started]
    assert codes[1:4] == [0, 0, 0] and sorted((codes[0], codes[4])) in ([0, 0], [0, 2]), ended
    for (_, err), code in zip(ended, codes, strict=True):
        assert "Traceback" not in err
        if code:
            assert err.strip().endswith("another process is training this run; wait until it ends")
    assert sum("reused" in out for out, _ in ended) + codes.count(2) == 1
    runs = workspace.runs("optdigits")
    assert sorted((run.info.run_name, run.info.status) for run in runs) == [
        (f"dense aug=off digits=200 epochs=2 s{seed}", "FINISHED") for seed in range(4)
    ]
    assert len(list((workspace.root / "runs").iterdir())) == 4
    assert_nothing_else_stays(workspace.root)


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], Callable[[], None]]]:
    """A function that mounts a disk of some kilobytes at a folder and returns what makes it large."""
    mounted: list[Path] = []

    def mount(folder: Path, kilobytes: int) -> Callable[[], None]:
        folder.mkdir(parents=True, exist_ok=True)
        words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("only root may mount a small disk")
        mounted.append(folder)
        return lambda: subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True) and None

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("place", ["runs", "mlruns", "store"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on_when_there_is_room(
    workspace: Workspace, small_disk: Callable[[Path, int], Callable[[], None]], place: str
):
    folder = workspace.root / place
    environment: dict[str, str] = {}
    more = small_disk(folder, 300 if place != "store" else 4000)
    if place == "store":
        environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        workspace.run(*SHORT, "seed=7", **environment)
        with (folder / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            while True:
                filler.write(bytes(4096))
    done: Any = workspace.run(*SHORT, code=2, **environment)
    assert done.stderr.startswith("train.py: error: ") and "full" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert list(folder.rglob(".scratch-*")) == [] and list(folder.rglob(".lock")) == []
    more()
    assert "dense aug=off digits=200 epochs=2 s0: validation accuracy" in workspace.run(*SHORT, **environment).stdout
    if place != "store":
        assert [run.info.status for run in workspace.runs("optdigits")] == ["FINISHED"]
    assert "trained before, reused" in workspace.run(*SHORT, **environment).stdout
