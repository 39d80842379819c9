"""Grid runs on a cluster: queued, tried again, given up. Their rows come from the tracking server."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inkproof.runtime.errors import UserError
from inkproof.studies import cluster, results
from inkproof.studies.cluster import NO_TEACHER, run_on_cluster
from inkproof.studies.grid import GridRun
from inkproof.studies.launch import Launching, check_launcher
from support.made_up import grid_run, row, study

GRID_RUNS = [grid_run({"model": name}, 0) for name in "abc"]
FINISHED = "2026-01-02T03:04:05+00:00"


class Cluster:
    """A stand-in for a queue and a tracking server. `fails` is how often each grid run fails before it leaves a row."""

    def __init__(self, **fails: int) -> None:
        self.fails, self.rows = fails, dict[str, Any]()
        self.runs: Counter[str] = Counter()

    @contextmanager
    def queue(self, study: Any, how: Launching, retries: int) -> Iterator[Any]:
        self.threads = how.threads
        yield self.submit, lambda handles: (handles[0], "no memory" if handles[0][1] else "")

    def submit(self, words: Sequence[str]) -> tuple[str, bool]:
        _, key, _, threads, _ = words
        assert threads == str(self.threads)
        self.runs[key] += 1
        failed = self.runs[key] <= self.fails.get(key, 0)
        if not failed:
            self.rows[key] = FINISHED
        return f"{key} {self.runs[key]}", failed

    def finished_row(self, tracker: Any, experiment: str, one: GridRun, since: str) -> Any:
        made = self.rows.get(one.key)
        return replace(row(one, val_acc=0.5), finished=made) if made and made >= since else None


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a study's GRID_RUNS, or others, on a stand-in; returns what was given up, and the results table."""
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(cluster, "ROOT", tmp_path)

    def run(stand_in: Cluster, grid_runs: list[GridRun] = GRID_RUNS, retries: int = 1, since: str = "") -> Any:
        monkeypatch.setattr(cluster, "QUEUES", {"ray": stand_in.queue})
        monkeypatch.setattr(cluster, "finished_row", stand_in.finished_row)
        made = study(tmp_path / "experiments" / "made-up", metrics=["val_acc"], stages=["train"])
        given_up = run_on_cluster(made, grid_runs, None, "parent", Launching("ray", 2), retries, since)  # type: ignore
        return given_up, results.read_results(made.results)

    return run


def test_every_grid_run_becomes_a_row(at: Any):
    stand_in = Cluster()
    given_up, rows = at(stand_in)
    assert given_up == [] and set(rows) == {one.key for one in GRID_RUNS}
    assert set(stand_in.runs.values()) == {1}
    assert at(stand_in)[0] == [] and set(stand_in.runs.values()) == {1}, "rows are not made again"


def test_a_row_that_another_machine_left_is_taken_over(at: Any):
    stand_in = Cluster()
    stand_in.rows[GRID_RUNS[1].key] = FINISHED
    _, rows = at(stand_in)
    assert GRID_RUNS[1].key in rows and GRID_RUNS[1].key not in stand_in.runs


def test_an_older_row_does_not_count_with_force(at: Any):
    stand_in = Cluster()
    stand_in.rows[GRID_RUNS[1].key] = "2025-01-01T00:00:00+00:00"
    at(stand_in, since="2026-01-01T00:00:00+00:00")
    assert stand_in.runs[GRID_RUNS[1].key] == 1


def test_one_that_fails_is_queued_again_and_given_up_in_the_end(at: Any, capsys: pytest.CaptureFixture[str]):
    stand_in = Cluster(**{GRID_RUNS[0].key: 1, GRID_RUNS[2].key: 9})
    given_up, rows = at(stand_in)
    assert given_up == [(GRID_RUNS[2], "no memory")]
    assert stand_in.runs == {GRID_RUNS[0].key: 2, GRID_RUNS[1].key: 1, GRID_RUNS[2].key: 2}
    assert set(rows) == {GRID_RUNS[0].key, GRID_RUNS[1].key}


def test_a_student_waits_for_its_teacher(at: Any):
    teacher, student = GRID_RUNS[0], replace(GRID_RUNS[1], teachers=(GRID_RUNS[0].key,))
    stand_in = Cluster(**{teacher.key: 1})
    assert at(stand_in, [student, teacher])[0] == []
    assert list(stand_in.runs) == [teacher.key, student.key]
    lost = Cluster(**{GRID_RUNS[2].key: 9})
    waiting = replace(GRID_RUNS[1], key="w0", teachers=(GRID_RUNS[2].key,))
    given_up, _ = at(lost, [waiting, GRID_RUNS[2]])
    assert given_up == [(waiting, NO_TEACHER), (GRID_RUNS[2], "no memory")]


def test_a_cluster_needs_a_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="--launcher ray: not installed; `make cluster`"):
        check_launcher(Launching("ray", 2))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///some.db")
    with pytest.raises(UserError, match="--launcher ray: its machines need one MLflow server; set MLFLOW_TRACKING_URI"):
        check_launcher(Launching("ray", 2))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://192.168.0.10:5000")
    check_launcher(Launching("ray", 2))
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="--launcher slurm: no sbatch found"):
        check_launcher(Launching("slurm", 2))
