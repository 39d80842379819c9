"""Grid runs in parallel through Hydra's launcher joblib, one of whose processes is killed."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.config.one_line import explain
from inkproof.runtime.errors import UserError
from inkproof.studies import launch as launching
from inkproof.studies.launch import CLUSTER_THREADS, Launching, launch
from inkproof.studies.results import read_results
from support.made_up import SLOW, grid_run
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("study")

NAME = "80-side-by-side"
DEADLINE = 200  # seconds until a grid run is in its second epoch


def running(workspace: Workspace) -> dict[str, Any] | None:
    """The progress of a grid run that has an epoch behind it and is at the next."""
    for path in (workspace.root / "runs" / "studies" / NAME).glob("*/progress.json"):
        progress, log = json.loads(path.read_text()), path.with_name("log.txt")
        if progress["state"] == "running" and log.exists() and "Epoch 2/" in log.read_text():
            return dict(progress, key=path.parent.name)
    return None


# Its fast sister, tests/studies/test_study_retries.py, kills the workers of a made-up launcher.
@pytest.mark.slow
def test_a_study_ends_whole_though_a_worker_is_killed(new_workspace: Callable[[], Workspace]):
    workspace = new_workspace()
    folder = workspace.root / "experiments" / NAME
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(SLOW))  # two side by side and one that waits
    command = ("python", "src/study.py", "run", f"experiments/{NAME}", "--launcher", "joblib", "--jobs", "2")
    process = workspace.start(*command)
    killed = None
    deadline = time.monotonic() + DEADLINE
    while killed is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
        killed = running(workspace)
    assert killed is not None and killed["pid"] != process.pid
    os.kill(killed["pid"], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=400)
    assert process.returncode == 0, stdout + stderr
    assert "3 of 3 grid runs" in stdout
    rows = read_results(folder / "results.csv")
    assert len(rows) == 3 and killed["key"] in rows
    runs = {run.info.run_name: run for run in workspace.runs(f"study/{NAME}")}
    assert set(runs) == {NAME, *(row.grid_run for row in rows.values())}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert all(runs[row.grid_run].data.metrics["epochs"] == 5 for row in rows.values())
    attempts = (workspace.root / "runs" / "studies" / NAME / killed["key"] / "log.txt").read_text()
    assert attempts.count("Epoch 1/5") == 1, "the killed training was resumed, not started again"
    assert attempts.count("Epoch 5/5") == 1


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What launching says to the processes it starts is gone after the test."""
    for name in ("PYTHONPATH", "HYDRA_FULL_ERROR"):
        monkeypatch.setenv(name, "")


@pytest.mark.usefixtures("own_environment")
def test_each_grid_run_is_a_job_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "it's here" / "conf").mkdir(parents=True)
    monkeypatch.setattr(launching, "ROOT", tmp_path / "it's here")
    grid_runs = [
        grid_run({"model": "a"}, seed, key=f"{seed}e0{seed}") for seed in range(3)
    ]  # a key like a number is a text
    words, called = list(sys.argv), []
    launch(lambda cfg: called.append(cfg.grid_run), NAME, grid_runs, Launching("basic", 1))
    launch(lambda cfg: called.append(cfg.grid_run), NAME, grid_runs[:1], Launching("basic", 1))
    assert called == ["0e00", "1e01", "2e02", "0e00"]
    assert sys.argv == words
    jobs = tmp_path / "it's here" / "runs" / "studies" / NAME / "jobs"
    assert sorted(path.name for path in jobs.iterdir() if path.is_dir()) == ["0", "1", "2"]


@pytest.mark.usefixtures("own_environment")
@pytest.mark.parametrize(
    ("how", "error", "expected"),
    [
        (Launching("basic", 1), UserError("this cannot be"), "this cannot be"),
        (Launching("basic", 1), RuntimeError("two\nlines"), "--launcher basic: RuntimeError: two lines"),
        (Launching("joblib", 2, ("hydra.launcher.nothing=1",)), None, "hydra.launcher.nothing: unknown key"),
    ],
)
def test_what_ends_a_launcher_is_one_line(
    how: Launching, error: Exception | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def task(cfg: Any) -> str:
        assert error is not None
        raise error

    (tmp_path / "conf").mkdir()
    monkeypatch.setattr(launching, "ROOT", tmp_path)
    with pytest.raises(Exception) as raised:
        launch(task, NAME, [grid_run({"model": "a"}, 0)], how)
    line = explain(raised.value)
    assert line is not None and line.startswith(expected) and "\n" not in line


def test_the_cores_are_divided_among_the_grid_runs_of_a_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inkproof.runtime.processes.cores", lambda: 8)
    assert Launching("basic", 1).threads is None
    assert [Launching("joblib", jobs).threads for jobs in (1, 3, 8, 20)] == [8, 2, 1, 1]


def test_a_cluster_s_machines_are_not_this_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inkproof.runtime.processes.cores", lambda: 8)
    assert Launching("slurm", 40).threads == Launching("ray", 4).threads == CLUSTER_THREADS
    assert Launching("slurm", 40, reserved=6).threads == Launching("joblib", 8, reserved=6).threads == 6
