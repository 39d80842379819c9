"""The progress of each grid run, in a file of its own, and the retries of failed ones.

The file lets one process show a grid run while another computes it.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from inkproof.runtime.files import write_json
from inkproof.studies.grid import GridRun
from inkproof.studies.results import read_results

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True)
class Progress:
    """The state of a grid run.

    `stage` is the one that runs, `started` and `ended` are seconds since 1970, `pid` is its process on `machine`.
    `forced` is when --force asked for it, so that a retry does not start over.
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
        """Write it to the folder of its grid run."""
        write_json(folder / "progress.json", asdict(self))


def read_progress(folder: Path) -> Progress:
    """Return the state of the grid run in `folder`; without a readable file it has not started."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()


DIED = "its process was killed"
NO_TEACHER = "the grid run of its teacher was given up"


def run_with_retries(
    grid_runs: Sequence[GridRun], results: Path, run: Callable[[list[GridRun]], None], retries: int, since: str = ""
) -> list[tuple[GridRun, str]]:
    """Call `run` with the unfinished grid runs until none is left or each was tried `retries` + 1 times.

    A launcher raises when it loses a worker, while many grid runs have not started. Only those that started have used
    an attempt. Students wait for their teachers. Returns the grid runs that were given up, with the reason. Raises what
    `run` raises where it started none.
    """
    failures: Counter[str] = Counter()
    while True:
        rows = read_results(results)
        left = [grid_run for grid_run in grid_runs if not grid_run.row_in(rows, since)]
        unfinished = {grid_run.key for grid_run in left}
        todo = [
            grid_run
            for grid_run in left
            if failures[grid_run.key] <= retries and unfinished.isdisjoint(grid_run.teachers)
        ]
        if not todo:
            return [(one, error_of(one) if failures[one.key] else NO_TEACHER) for one in left]
        before = {grid_run.key: read_progress(grid_run.folder).started for grid_run in todo}
        error: Exception | None = None
        try:
            run(todo)
        except Exception as raised:
            error = raised
        rows = read_results(results)
        ended = False
        for grid_run in todo:
            if grid_run.row_in(rows, since):
                ended = True
            elif read_progress(grid_run.folder).started > before[grid_run.key]:
                ended = True
                failures[grid_run.key] += not alive(grid_run)
        if not ended:
            raise error or RuntimeError(f"the launcher returned without running {todo[0].name}")


def alive(grid_run: GridRun) -> bool:
    """Return whether a process works on the grid run."""
    grid_run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(grid_run.folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def error_of(grid_run: GridRun) -> str:
    """Return why a grid run failed."""
    progress = read_progress(grid_run.folder)
    if progress.state == FAILED:
        return progress.error
    if progress.state == RUNNING:
        return f"{DIED} (process {progress.pid} on {progress.machine})"
    return "it did not start"
