"""Sweeps as they are typed: which job begins, the table at the end, the jobs that failed, an interrupt."""

import re
import signal
from typing import Any

import pytest

from support.workspaces import Workspace

# A train.py that trains nothing: seed 7 fails as a user's mistake does, seed 8 as a bug does, seed 9 takes long.
SCRIPT = """
import time
from inkproof.config.compose import entry
from inkproof.config.schema import TrainConfig
from inkproof.config.sweep import Trained
from inkproof.runtime.errors import Diverged

@entry(TrainConfig)
def main(config):
    if config.seed == 7:
        raise Diverged("epoch 1: the loss is nan")
    if config.seed == 8:
        raise ZeroDivisionError("a bug")
    if config.seed == 9:
        print("sleeps", flush=True)
        time.sleep(60)
    digits = "validation" if config.data.val else "training"
    folder = f"runs/optdigits-dense_2x128-off-s{config.seed}-0123456789ab"
    return Trained(0.9 + config.seed / 100, digits, 12.3, folder, lambda: "LINK")

main()
"""
LAUNCHERS = {"basic": (), "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")}
launchers = pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)


@pytest.fixture
def sweeping(workspace: Workspace) -> Workspace:
    (workspace.root / "src" / "sweep.py").write_text(SCRIPT)
    return workspace


def cells(printed: str) -> list[list[str]]:
    """The rows of the table in what a sweep printed."""
    return [[cell.strip() for cell in line.strip("│\n").split("│")] for line in printed.splitlines() if line[:1] == "│"]


@launchers
def test_a_sweep_says_which_job_begins_and_ends_with_a_table(launcher: tuple[str, ...], sweeping: Workspace) -> None:
    done = sweeping.run("python", "src/sweep.py", "-m", "model=dense,cnn", "seed=1,2", "aug=on", *launcher)
    jobs = [line for line in done.stdout.splitlines() if line.startswith("job ")]
    assert sorted(jobs) == [
        "job 1 of 4: model=dense seed=1 aug=on",
        "job 2 of 4: model=dense seed=2 aug=on",
        "job 3 of 4: model=cnn seed=1 aug=on",
        "job 4 of 4: model=cnn seed=2 aug=on",
    ]
    assert cells(done.stdout) == [  # the best first; aug=on is the same in all
        ["1", "model=dense seed=2", "92.00% validation", "12"],
        ["2", "model=cnn seed=2", "92.00% validation", "12"],
        ["3", "model=dense seed=1", "91.00% validation", "12"],
        ["4", "model=cnn seed=1", "91.00% validation", "12"],
    ]
    folders = [f" {place} runs/optdigits-dense_2x128-off-s{seed}-0123456789ab" for place, seed in enumerate("2211", 1)]
    assert done.stdout.splitlines()[-5:-1] == folders
    assert done.stdout.splitlines()[-1] == "LINK" and done.stderr == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["model=cnn", "seed=range(0,0)"], "seed=range(0,0): no values, so the sweep has no jobs; give seed some"),
        (["model=dense,cnn", "seed="], "seed=: expected a value, or several as in seed=1,2"),
        (["run.out=x", "seed=1,2"], "run.out=x: jobs 1 and 2 of the sweep would both write there; write run.out="),
        (["run.out=x,y,x"], "run.out=x: jobs 1 and 3 of the sweep would both write there; write run.out="),
        (["run.out=x/${seed}", "seed=1,2", "aug=on,off"], "run.out=x/1: jobs 1 and 2 of the sweep would both write"),
    ],
)
def test_a_sweep_that_cannot_be_meant_ends_before_its_first_job(
    words: list[str], line: str, sweeping: Workspace
) -> None:
    done = sweeping.run("python", "src/sweep.py", "-m", *words, code=2)
    assert done.stdout == "" and done.stderr.startswith(f"sweep.py: error: {line}"), done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (sweeping.root / "runs").exists()


def test_jobs_with_folders_of_their_own_are_done(sweeping: Workspace) -> None:
    done = sweeping.run(
        "python", "src/sweep.py", "-m", "run.out=x/${model.name}-${seed}", "model=dense,cnn", "seed=1,2"
    )
    assert len(cells(done.stdout)) == 4 and done.stderr == ""


@launchers
def test_a_failed_job_is_named_and_the_others_are_done(launcher: tuple[str, ...], sweeping: Workspace) -> None:
    # In batches of two: Hydra's own sweeper would not begin the second one.
    words = ("-m", "seed=7,1,-1,2", "hydra.sweeper.max_batch_size=2", *launcher)
    done = sweeping.run("python", "src/sweep.py", *words, code=2)
    assert [row[1] for row in cells(done.stdout)] == ["seed=2", "seed=1"]
    assert "job 1 failed after 0 s\n" in done.stdout
    assert done.stderr.splitlines() == [
        "sweep.py: error: job 1 of 4 (seed=7): epoch 1: the loss is nan",
        "sweep.py: error: job 3 of 4 (seed=-1): seed=-1: expected at least 0",
    ]


def test_a_bug_in_a_job_has_its_traceback_and_code_1(sweeping: Workspace) -> None:
    done = sweeping.run("python", "src/sweep.py", "seed=8,7,1", "-m", code=1)
    assert "Traceback" in done.stderr
    last = "sweep.py: error: job 1 of 3 (seed=8): ZeroDivisionError: a bug"
    assert last in done.stderr.splitlines()
    assert [row[1] for row in cells(done.stdout)] == ["seed=1"]


@launchers
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_line_and_the_table_so_far(
    launcher: tuple[str, ...], sent: signal.Signals, sweeping: Workspace
) -> None:
    process: Any = sweeping.start("python", "src/sweep.py", "-m", "seed=1,2,9,9", *launcher)
    sleeping = 0
    for line in process.stdout:
        sleeping += line == "sleeps\n"
        if sleeping == (2 if launcher else 1):  # side by side, the first may sleep before another has ended
            break
    printed, stderr = sweeping.stop(process, sent)
    assert process.returncode == 130
    assert stderr.splitlines() == ["sweep.py: interrupted; run the same command again to resume"]
    assert [row[1] for row in cells(printed)] == ["seed=2", "seed=1"]
    assert re.search(r"^LINK$", printed, re.MULTILINE)


def test_a_folder_of_an_earlier_sweep_shows_only_the_new_jobs(sweeping: Workspace) -> None:
    sweeping.run("python", "src/sweep.py", "-m", "seed=1,2,3", "hydra.sweep.dir=runs/sweeps/mine")
    words = ("-m", "seed=4", "hydra.sweep.dir=runs/sweeps/mine", "data.val=0", "callbacks=last")
    done = sweeping.run("python", "src/sweep.py", *words)
    assert cells(done.stdout) == [["1", "seed=4 data.val=0 callbacks=last", "94.00% training", "12"]]


def test_the_folders_are_whole_in_a_narrow_terminal(sweeping: Workspace) -> None:
    words = ("model=dense_2x128,cnn", "optimizer.learning_rate=0.001,0.01")
    lines = sweeping.run("python", "src/sweep.py", "-m", *words, COLUMNS="80").stdout.splitlines()
    assert " 4 runs/optdigits-dense_2x128-off-s0-0123456789ab" in lines and max(map(len, lines)) <= 80


def test_one_run_has_no_table(sweeping: Workspace) -> None:
    assert sweeping.run("python", "src/sweep.py", "seed=1").stdout == ""
