"""How far grid runs are, in a file of each, and a study from where it stands to its end, round by round.

The process that shows a grid run need not be the one that computes it.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from inkproof.runtime.files import write_json
from inkproof.studies.grid import GridRun
from inkproof.studies.results import Row, read_results

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True)
class Progress:
    """The state of a grid run; `stage` is the one that runs, `started` and `ended` are seconds since 1970,
    `pid` is its process on `machine`.

    `forced` is when the study was told to run it again although it was done, so that a retry does not begin anew.
    """

    state: str = WAITING
    stage: str = ""
    started: float = 0.0
    ended: float = 0.0
    error: str = ""
    machine: str = ""
    pid: int = 0
    forced: str = ""

    def write(self, folder: Path) -> None:
        """Write it to a grid_run's folder."""
        write_json(folder / "progress.json", asdict(self))


def read_progress(folder: Path) -> Progress:
    """Return the state of the grid run in `folder`; what cannot be read has not begun."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()


def finished(grid_run: GridRun, row: Row | None, since: str = "") -> bool:
    """Return whether `row` finishes the grid run, and was written after `since`, where that is given."""
    return grid_run.done_by(row) and row is not None and row.finished >= since


DIED = "its process was killed"
UNTAUGHT = "the grid run that teaches it was given up"


@dataclass(frozen=True)
class Failure:
    """A grid run that was given up after all its attempts, and why."""

    grid_run: GridRun
    error: str


def run_with_retries(
    grid_runs: Sequence[GridRun], results: Path, run: Callable[[list[GridRun]], None], retries: int, since: str = ""
) -> list[Failure]:
    """Call `run` with the grid runs that are not done until none is left or each was tried `retries` + 1 times.

    A launcher that loses a worker raises, with many grid runs not begun yet: only those that were begun have used up
    an attempt. Students wait for the grid runs that teach them. Raises what `run` raises where it began none. Returns the
    grid runs that were given up.
    """
    failures: Counter[str] = Counter()
    while True:
        rows = read_results(results)
        left = [grid_run for grid_run in grid_runs if not finished(grid_run, rows.get(grid_run.key), since)]
        unfinished = {grid_run.key for grid_run in left}
        todo = [
            grid_run
            for grid_run in left
            if failures[grid_run.key] <= retries and unfinished.isdisjoint(grid_run.teachers)
        ]
        if not todo:
            return [Failure(grid_run, error_of(grid_run) if failures[grid_run.key] else UNTAUGHT) for grid_run in left]
        before = {grid_run.key: read_progress(grid_run.folder).started for grid_run in todo}
        corruption: Exception | None = None
        try:
            run(todo)
        except Exception as error:
            corruption = error
        rows = read_results(results)
        ended = False
        for grid_run in todo:
            if finished(grid_run, rows.get(grid_run.key), since):
                ended = True
            elif read_progress(grid_run.folder).started > before[grid_run.key]:
                ended = True
                failures[grid_run.key] += not alive(grid_run)
        if not ended:
            if corruption is None:
                corruption = RuntimeError(f"the launcher returned without having run {todo[0].name}")
            raise corruption


def alive(grid_run: GridRun) -> bool:
    """Return whether some process is at the grid run."""
    grid_run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(grid_run.folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def error_of(grid_run: GridRun) -> str:
    """Return why a grid run has failed."""
    progress: Progress = read_progress(grid_run.folder)
    if progress.state == FAILED:
        return progress.error
    if progress.state == RUNNING:
        return f"{DIED} (process {progress.pid} on {progress.machine})"
    return "it was not begun"
