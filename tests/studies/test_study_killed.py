"""A study that is killed again and again ends with the table of one that never was."""

import csv
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.workspaces import Workspace

NAME = "81-killed"
COMMAND = ("python", "src/study.py", "run", f"experiments/{NAME}", "--launcher")
KILLS = 10
IN_TRAINING = (3, 6, 9)  # the kills that wait until another epoch has begun; the others come while it starts
# Of the time of the whole study, until the latest kill of the others. With joblib it takes longer to start.
SHARES = {"basic": 0.35, "joblib": 0.6}
TRIES = 4  # each with half of that share, if the study ended before all its kills
STUDY = {
    "question": "Does it matter when it is killed?",
    "fixed": {"data": "optdigits", "training.epochs": 3, "training.train_size": 400, "training.batch_size": 20},
    "grid": {"network": {"small": {"model": "dense", "model.build.hidden": [8]}, "cnn": {"model": "cnn", "aug": "on"}}},
    "seeds": [0, 1],
    "stages": ["train", "evaluate"],
    "metrics": ["val_acc", "test_acc"],
    "keep": ["loss", "test_*"],
    "compare": {"axis": "network", "baseline": "small"},
}
BY_HAND = (
    "model=cnn",
    "aug=on",
    "seed=1",
    "data=optdigits",
    "training.epochs=3",
    "training.train_size=400",
    "training.batch_size=20",
)
# What may differ: when, how long, in which run.
TIMES = ("seconds", "finished", "run")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        found = [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]
    return sorted(found, key=lambda row: row["grid_run"])


def tables(folder: Path) -> list[str]:
    return [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("|")]


def epochs_begun(workspace: Workspace) -> int:
    logs = (workspace.root / "runs" / "studies" / NAME).glob("*/log.txt")
    return sum(log.read_text().count("Epoch ") for log in logs)


def prepared(workspace: Workspace) -> Path:
    folder = workspace.root / "experiments" / NAME
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    workspace.run("python", "src/preprocess.py", "data=optdigits")
    return folder


def killed(workspace: Workspace, launcher: str, latest: float) -> list[int]:
    """Start and kill the study KILLS times, after `latest` seconds at most; epochs begun by then, fewer if it ended."""
    chance = random.Random(1)
    reached: list[int] = []
    for number in range(KILLS):
        process = workspace.start(*COMMAND, launcher)
        # From its first moments to the middle of some grid run. Each time it resumes.
        if number in IN_TRAINING:
            while epochs_begun(workspace) == reached[-1] and process.poll() is None:
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.3))
        else:
            time.sleep(chance.uniform(0.5, latest))
        if process.poll() is not None:
            assert process.returncode == 0, process.communicate()
            break
        workspace.stop(process)
        reached.append(epochs_begun(workspace))
    return reached


@pytest.mark.slow
@pytest.mark.xdist_group("study")
@pytest.mark.parametrize("launcher", list(SHARES))
def test_killing_a_study_ten_times_at_random_points_changes_nothing(
    launcher: str, new_workspace: Callable[[], Workspace]
):
    whole = new_workspace()
    undisturbed = prepared(whole)
    started = time.monotonic()
    whole.run(*COMMAND, launcher)
    longest = time.monotonic() - started
    for again in range(TRIES):
        workspace = new_workspace()
        folder = prepared(workspace)
        if launcher == "basic":  # side by side grid runs have fewer threads, and sums come out otherwise
            # One of its trainings was done before by hand, as 03 takes over those of 02.
            workspace.run("python", "src/train.py", *BY_HAND)
        reached = killed(workspace, launcher, SHARES[launcher] * longest / 2**again)
        if len(reached) == KILLS:
            break
    else:
        pytest.fail("it always ended before it was killed")
    assert len(set(reached)) > 2, f"no kills were in the middle: {reached}"
    workspace.run(*COMMAND, launcher)
    assert rows(folder) == rows(undisturbed)
    assert tables(folder) == tables(undisturbed)
    assert (folder / "results.png").read_bytes() == (undisturbed / "results.png").read_bytes()
    runs = workspace.runs(f"study/{NAME}")
    finished = [run for run in runs if run.info.status == "FINISHED" and run.info.run_name != NAME]
    assert sorted(run.info.run_name for run in finished) == [row["grid_run"] for row in rows(folder)]
    assert len(runs) == 1 + len(finished), "a killed grid run left a run behind"
