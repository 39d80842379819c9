"""How far cells are, in a file of each, and a study from where it stands to its end, round by round.

The process that shows a cell need not be the one that computes it.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from inkproof.runtime.files import write_json
from inkproof.studies.cells import Cell
from inkproof.studies.ledger import Row, read_ledger

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True)
class Progress:
    """The state of a cell; `stage` is the one that runs, `started` and `ended` are seconds since 1970,
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
        """Write it to a cell's folder."""
        write_json(folder / "progress.json", asdict(self))


def read_progress(folder: Path) -> Progress:
    """Return the state of the cell in `folder`; what cannot be read has not begun."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()


def finished(cell: Cell, row: Row | None, since: str = "") -> bool:
    """Return whether `row` finishes the cell, and was written after `since`, where that is given."""
    return cell.done_by(row) and row is not None and row.finished >= since


DIED = "its process was killed"
UNTAUGHT = "the cell that teaches it was given up"


@dataclass(frozen=True)
class Failure:
    """A cell that was given up after all its attempts, and why."""

    cell: Cell
    error: str


def run_rounds(
    cells: Sequence[Cell], ledger: Path, run: Callable[[list[Cell]], None], retries: int, since: str = ""
) -> list[Failure]:
    """Call `run` with the cells that are not done until none is left or each was tried `retries` + 1 times.

    A launcher that loses a worker raises, with many cells not begun yet: only those that were begun have used up
    an attempt. Students wait for the cells that teach them. Raises what `run` raises where it began none. Returns the
    cells that were given up.
    """
    failures: Counter[str] = Counter()
    while True:
        rows = read_ledger(ledger)
        left = [cell for cell in cells if not finished(cell, rows.get(cell.key), since)]
        unfinished = {cell.key for cell in left}
        todo = [cell for cell in left if failures[cell.key] <= retries and unfinished.isdisjoint(cell.teachers)]
        if not todo:
            return [Failure(cell, error_of(cell) if failures[cell.key] else UNTAUGHT) for cell in left]
        before = {cell.key: read_progress(cell.folder).started for cell in todo}
        fault: Exception | None = None
        try:
            run(todo)
        except Exception as error:
            fault = error
        rows = read_ledger(ledger)
        ended = False
        for cell in todo:
            if finished(cell, rows.get(cell.key), since):
                ended = True
            elif read_progress(cell.folder).started > before[cell.key]:
                ended = True
                failures[cell.key] += not alive(cell)
        if not ended:
            if fault is None:
                fault = RuntimeError(f"the launcher returned without having run {todo[0].name}")
            raise fault


def alive(cell: Cell) -> bool:
    """Return whether some process is at the cell."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(cell.folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def error_of(cell: Cell) -> str:
    """Return why a cell has failed."""
    progress: Progress = read_progress(cell.folder)
    if progress.state == FAILED:
        return progress.error
    if progress.state == RUNNING:
        return f"{DIED} (process {progress.pid} on {progress.machine})"
    return "it was not begun"
