"""Failed grid runs are tried again, do not stop the others, and are given up in the end."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from inkproof.studies import grid as planning
from inkproof.studies import results
from inkproof.studies.grid import GridRun
from inkproof.studies.live import FAILED, RUNNING, Progress
from inkproof.studies.run_study import DIED, NO_TEACHER, run_with_retries
from support.made_up import grid_run, row

GRID_RUNS = [grid_run({"model": name}, 0) for name in "abc"]


class Launcher:
    """A stand-in for a launcher. `failures` is how often each grid run fails or kills its worker."""

    def __init__(self, path: Path, **failures: tuple[str, int]) -> None:
        self.path, self.failures = path, failures
        self.clock = 1.0
        self.finished = "2026-01-02T03:04:05+00:00"
        self.runs: Counter[str] = Counter()

    def __call__(self, todo: list[GridRun]) -> None:
        for one in todo:
            name = one.labels["model"]
            self.runs[name] += 1
            self.clock += 1
            Progress(RUNNING, started=self.clock, machine="a machine", pid=7).write(one.folder)
            how, times = self.failures.get(name, ("", 0))
            if self.runs[name] > times:
                results.write_row(self.path, replace(row(one, val_acc=0.5), finished=self.finished))
            elif how == "fails":
                Progress(FAILED, started=self.clock, error="no memory").write(one.folder)
            else:
                raise RuntimeError("a worker died")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(planning, "HOME", tmp_path)
    (tmp_path / "study").mkdir()
    return tmp_path / "study" / "results.csv"


def test_grid_runs_in_the_results_table_are_not_run(path: Path):
    results.write_row(path, row(GRID_RUNS[1], val_acc=0.5))
    launcher = Launcher(path)
    assert run_with_retries(GRID_RUNS, path, launcher, retries=0) == []
    assert launcher.runs == {"a": 1, "c": 1}


def test_a_grid_run_that_fails_is_tried_again_and_does_not_stop_the_others(path: Path):
    launcher = Launcher(path, a=("fails", 2))
    assert run_with_retries(GRID_RUNS, path, launcher, retries=2) == []
    assert launcher.runs == {"a": 3, "b": 1, "c": 1}


def test_a_grid_run_that_always_fails_is_given_up(path: Path):
    launcher = Launcher(path, b=("fails", 99))
    (failure,) = run_with_retries(GRID_RUNS, path, launcher, retries=1)
    assert failure == (GRID_RUNS[1], "no memory")
    assert launcher.runs == {"a": 1, "b": 2, "c": 1}
    assert set(results.read_results(path)) == {GRID_RUNS[0].key, GRID_RUNS[2].key}


def test_a_killed_worker_costs_an_attempt_of_its_own_grid_run_alone(path: Path):
    launcher = Launcher(path, a=("dies", 1), b=("dies", 2))
    assert run_with_retries(GRID_RUNS, path, launcher, retries=2) == []
    assert launcher.runs == {"a": 2, "b": 3, "c": 1}
    other = Launcher(path, b=("dies", 9))
    other.clock = launcher.clock
    ((_, error),) = run_with_retries(GRID_RUNS[1:2], path.with_name("other.csv"), other, retries=0)
    assert error == f"{DIED} (process 7 on a machine)"


def test_a_grid_run_that_another_process_runs_costs_no_attempt(path: Path):
    launcher = Launcher(path, a=("dies", 3))
    GRID_RUNS[0].folder.mkdir(parents=True)
    with FileLock(GRID_RUNS[0].folder / "lock"):
        assert run_with_retries(GRID_RUNS, path, launcher, retries=0) == []
    assert launcher.runs["a"] == 4


def test_a_launcher_that_starts_nothing_raises(path: Path):
    def broken(todo: list[GridRun]) -> None:
        raise RuntimeError("sbatch: not found")

    with pytest.raises(RuntimeError, match="sbatch"):
        run_with_retries(GRID_RUNS, path, broken, retries=5)
    with pytest.raises(RuntimeError, match="without running"):
        run_with_retries(GRID_RUNS, path, lambda todo: None, retries=5)


def test_forced_grid_runs_are_run_once_more(path: Path):
    results.write_row(path, row(GRID_RUNS[0], val_acc=0.5))
    launcher = Launcher(path)
    assert run_with_retries(GRID_RUNS[:1], path, launcher, retries=0, since="2026-01-02T03:04:05+00:00") == []
    assert launcher.runs == {}  # the row is not older than that
    launcher.finished = "2026-01-02T03:04:07+00:00"
    assert run_with_retries(GRID_RUNS[:1], path, launcher, retries=0, since="2026-01-02T03:04:06+00:00") == []
    assert launcher.runs == {"a": 1}


def test_a_student_waits_for_its_teacher_and_is_given_up_with_it(path: Path):
    student = grid_run({"model": "student"}, 0, teachers=(GRID_RUNS[0].key,))
    launcher = Launcher(path, a=("fails", 1))
    assert run_with_retries([student, *GRID_RUNS], path, launcher, retries=1) == []
    assert launcher.runs == {"a": 2, "b": 1, "c": 1, "student": 1}
    path.unlink()
    launcher, before = Launcher(path, a=("fails", 9)), launcher
    launcher.clock = before.clock
    (teacher, _), (waiting, error) = run_with_retries([GRID_RUNS[0], student], path, launcher, retries=1)
    assert (teacher, waiting, error) == (GRID_RUNS[0], student, NO_TEACHER)
    assert launcher.runs["student"] == 0
