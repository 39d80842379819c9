"""What is shown while a study runs."""

import io
import time
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from inkproof.studies import grid as planning
from inkproof.studies import live, results
from inkproof.studies.live import DONE, FAILED, RUNNING, Progress, hours, watching
from support.made_up import grid_run, row, study

GRID_RUNS = [grid_run({"model": name}, 0) for name in "abcde"]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(planning, "HOME", tmp_path)
    monkeypatch.setattr(live, "PERIOD", 0.05)
    found = study(tmp_path / "07-made", metrics=["val_acc"], stages=["train"])
    results.write_row(found.results, row(GRID_RUNS[0], 60.0, val_acc=0.5))
    return found


def shown(made, terminal: bool) -> str:
    """The screen after grid run b was done, c failed and d started; a was done before, e waits."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=120)
    with watching(made, GRID_RUNS, jobs=2, since="", console=console):
        results.write_row(made.results, row(GRID_RUNS[1], 100.0, val_acc=0.9012))
        Progress(FAILED, started=1000.0, ended=1012.0, error="the disk is full").write(GRID_RUNS[2].folder)
        Progress(RUNNING, stage="evaluate", started=1000.0).write(GRID_RUNS[3].folder)
    return screen.getvalue()


def test_a_terminal_shows_one_table_of_all_grid_runs(made):
    last = shown(made, terminal=True).rpartition("07-made")[2]
    assert "1 grid runs done before" in last
    assert "1 grid runs waiting" in last
    (done,) = [line for line in last.splitlines() if "model=b" in line]
    assert "✔" in done and "100" in done and "90.12" in done
    (failed,) = [line for line in last.splitlines() if "model=c" in line]
    assert "✘" in failed and "the disk is full" in failed and "12" in failed
    (running,) = [line for line in last.splitlines() if "model=d" in line]
    assert "▶" in running and "evaluate" in running
    # Three grid runs of about 80 seconds, two at a time.
    assert "2 of 5 grid runs done, about 2 min to go" in last


def test_what_runs_and_what_is_left_fit_on_a_small_terminal(made):
    many = [grid_run({"model": name}, seed) for name in ("tall", "taller") for seed in range(20)]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=24)
    with watching(made, many, jobs=2, since="", console=console):
        for number, one in enumerate(many[:35]):
            Progress(DONE, started=1000.0, ended=1010.0 + number).write(one.folder)
            results.write_row(made.results, row(one, 10.0, val_acc=0.9))
        for one in many[35:37]:
            Progress(RUNNING, stage="train", started=1000.0).write(one.folder)
    last = screen.getvalue().rpartition("07-made")[2]
    assert "model=taller seed=15  train" in last and "model=taller seed=16  train" in last
    assert "35 of 40 grid runs done" in last and "3 grid runs waiting" in last and "…" not in last
    assert "model=taller seed=14" in last and "22 grid runs done before" in last  # the latest are shown


def test_elsewhere_each_grid_run_that_ends_is_a_line(made):
    lines = shown(made, terminal=False).splitlines()
    # In either order: the files may change while they are read.
    assert sorted(line.rpartition("  (")[0] for line in lines) == [
        "✔ model=b seed=0  100 s  val (%) 90.12",
        "✘ model=c seed=0  the disk is full  12 s",
    ]
    assert lines[-1].endswith("(2 of 5)")


def test_what_an_earlier_call_left_is_not_shown(made):
    Progress(FAILED, started=500.0, ended=512.0, error="of yesterday").write(GRID_RUNS[2].folder)
    Progress(RUNNING, stage="train", started=500.0).write(GRID_RUNS[4].folder)
    Progress(RUNNING, stage="train", started=600.0).write(GRID_RUNS[3].folder)
    screen = io.StringIO()
    with watching(made, GRID_RUNS, jobs=1, since="", console=Console(file=screen, width=120)):
        time.sleep(0.2)
    assert screen.getvalue() == ""
    with FileLock(GRID_RUNS[4].folder / "lock"):  # a process still runs this one
        screen = io.StringIO()
        with watching(made, GRID_RUNS, jobs=1, since="", console=Console(file=screen, force_terminal=True, width=120)):
            time.sleep(0.2)
    last = screen.getvalue().rpartition("07-made")[2]
    assert "of yesterday" not in last and "model=d" not in last and "3 grid runs waiting" in last
    (running,) = [line for line in last.splitlines() if "model=e" in line]
    assert "▶" in running and "train" in running


def test_a_grid_run_whose_row_comes_before_its_end_is_printed_once(made):
    screen = io.StringIO()
    with watching(made, GRID_RUNS, jobs=1, since="", console=Console(file=screen, width=120)):
        Progress(RUNNING, started=1000.0).write(GRID_RUNS[1].folder)
        results.write_row(made.results, row(GRID_RUNS[1], 12.0, val_acc=0.9))
        time.sleep(0.5)
        Progress(DONE, started=1000.0, ended=1012.0).write(GRID_RUNS[1].folder)
        time.sleep(0.5)
    assert screen.getvalue().count("model=b") == 1


def test_hours():
    assert (hours(40), hours(90 * 60), hours(3600 * 12)) == ("1 min", "1.5 h", "12.0 h")
