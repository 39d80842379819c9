"""The progress of one study while it runs, and of all studies: what is done and how long the rest will take.

The state of each grid run is in a file of its own, so that one process shows what another computes.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from filelock import FileLock, Timeout
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import ROOT
from inkproof.runtime.progress import table_console
from inkproof.studies.definition import FILE, Study, read_study
from inkproof.studies.grid import GridRun, plan
from inkproof.studies.metrics import formatted, heading
from inkproof.studies.results import Row, read_results

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


def alive(grid_run: GridRun) -> bool:
    """Return whether a process works on the grid run."""
    grid_run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(grid_run.folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def estimate(left: Sequence[GridRun], grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> float | None:
    """Return the seconds that the grid runs in `left` will take, estimated by the finished ones most like them.

    Those are the ones with the most labels in common. Rows with fewer stages than the study has now do not count.
    Returns None if none has finished.
    """
    known = [
        (grid_run.labels.items(), row.seconds)
        for grid_run in grid_runs
        if (row := rows.get(grid_run.key)) and set(grid_run.stages) <= set(row.stages)
    ]
    if left and not known:
        return None
    total = 0.0
    for grid_run in left:
        alike: dict[int, list[float]] = {}
        for labels, seconds in known:
            alike.setdefault(len(labels & grid_run.labels.items()), []).append(seconds)
        total += fmean(alike[max(alike)])
    return total


PERIOD = 1.0  # seconds between two updates
FURNITURE = 7  # lines of the table beside its grid runs: its header, the sums of many grid runs, the caption
SIGNS = {WAITING: "·", RUNNING: "▶", DONE: "✔", FAILED: "✘"}
STYLES = {WAITING: "dim", RUNNING: "bold", DONE: "green", FAILED: "red"}


@contextmanager
def watching(study: Study, grid_runs: Sequence[GridRun], jobs: int, since: str, console: Console) -> Iterator[None]:
    """Show the progress of grid runs while the block runs. They may run on any machine that shares this folder."""
    watcher = _Watcher(study, grid_runs, jobs, since)
    if console.is_terminal:
        with Live(
            get_renderable=lambda: watcher.table(console.height),
            console=console,
            refresh_per_second=1,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield
        return
    ended = threading.Event()

    def print_lines() -> None:
        while not ended.wait(PERIOD):
            watcher.print_ended(console)
        watcher.print_ended(console)

    thread = threading.Thread(target=print_lines, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Watcher:
    def __init__(self, study: Study, grid_runs: Sequence[GridRun], jobs: int, since: str) -> None:
        self.study, self.grid_runs, self.jobs, self.since = study, grid_runs, jobs, since
        self.metric = study.metrics[0] if study.metrics else ""
        self.printed: dict[str, tuple[str, float]] = {}
        self.rows: dict[str, Row] = read_results(study.results)
        self.before = {grid_run.key for grid_run in grid_runs if grid_run.row_in(self.rows, since)}
        self.found = {grid_run.key: read_progress(grid_run.folder).started for grid_run in grid_runs}

    def update(self) -> list[tuple[GridRun, Progress]]:
        """Read results table and progress files again. A table that cannot be read is read the next time."""
        with suppress(UserError):
            self.rows = read_results(self.study.results)
        states = []
        for grid_run in self.grid_runs:
            progress = read_progress(grid_run.folder)
            if grid_run.row_in(self.rows, self.since):
                progress = Progress(DONE, started=progress.started, ended=progress.ended)
            elif progress.started == self.found[grid_run.key] and not (progress.state == RUNNING and alive(grid_run)):
                progress = Progress()  # the file is of an earlier call
            states.append((grid_run, progress))
        return states

    def table(self, height: int) -> Table:
        """The table of all grid runs in at most `height` lines, with the time that is left in its caption.

        Of the finished grid runs only the latest are shown if the lines are too few. The others are one line.
        """
        numbers = [Column(title, justify="right") for title in ("seconds", heading(self.metric) if self.metric else "")]
        table = Table("", self.study.name, *numbers, box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
        states = self.update()
        count = Counter(progress.state for _, progress in states)
        at_work = {grid_run.key for grid_run, progress in states if progress.state in (RUNNING, FAILED)}
        done = [one for one in states if one[1].state == DONE and one[0].key not in self.before]
        last_first = sorted(done, key=lambda one: one[1].ended, reverse=True)
        # The name of a grid run, with its stage, may need two lines.
        room = max(height - FURNITURE - 2 * len(at_work), 0)
        latest = {grid_run.key for grid_run, _ in last_first[:room]}
        folded = count[DONE] - len(latest)
        if folded:
            table.add_row(SIGNS[DONE], f"{folded} grid runs done before", "", "", style=STYLES[DONE])
        for grid_run, progress in states:
            if grid_run.key in latest | at_work:
                table.add_row(SIGNS[progress.state], *self._columns(grid_run, progress), style=STYLES[progress.state])
        if count[WAITING]:
            table.add_row(SIGNS[WAITING], f"{count[WAITING]} grid runs waiting", "", "", style=STYLES[WAITING])
        left = [grid_run for grid_run, progress in states if progress.state != DONE]
        seconds = estimate(left, self.grid_runs, self.rows)
        guess = f", about {hours(seconds / self.jobs)} to go" if seconds else ""
        table.caption = f"{count[DONE]} of {len(states)} grid runs done{guess}"
        return table

    def _columns(self, grid_run: GridRun, progress: Progress) -> list[str]:
        row = self.rows.get(grid_run.key)
        if progress.state == DONE and row is not None:
            return [grid_run.name, f"{row.seconds:.0f}", formatted(self.metric, row.metrics.get(self.metric), None)]
        seconds = (progress.ended if progress.state == FAILED else time.time()) - progress.started
        what = progress.error if progress.state == FAILED else progress.stage
        return [f"{grid_run.name}  {what}", f"{seconds:.0f}", ""]

    def print_ended(self, console: Console) -> None:
        """Print a line for each grid run that has ended since the last call."""
        states = self.update()
        done = sum(progress.state == DONE for _, progress in states)
        for grid_run, progress in states:
            ended = progress.state in (DONE, FAILED) and grid_run.key not in self.before
            attempt = progress.state, progress.started  # the end is written after the row
            if ended and self.printed.get(grid_run.key) != attempt:
                self.printed[grid_run.key] = attempt
                what, seconds, value = self._columns(grid_run, progress)
                result = f"  {heading(self.metric)} {value}" if value else ""
                line = f"{SIGNS[progress.state]} {what}  {seconds} s{result}  ({done} of {len(states)})"
                console.print(line, highlight=False, markup=False)


def hours(seconds: float) -> str:
    """Write a time as "3.2 h" or "12 min"."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def print_all() -> None:
    """Print all studies of this repository, their state and the time that is left.

    Raises UserError for a mistake in a study.yaml. Folders without one are experiments that were run by hand.
    """
    console = table_console()
    texts = [Column(title, no_wrap=True) for title in ("study", "state")]
    numbers = [Column(title, no_wrap=True, justify="right") for title in ("grid runs", "spent", "left")]
    table = Table(*texts, *numbers, "question", box=box.SIMPLE_HEAD, pad_edge=False)
    total, unknown = 0.0, []
    folders = {path.parent for name in (FILE, "README.md") for path in (ROOT / "experiments").glob(f"*/{name}")}
    with console.status("reading all studies"):
        for folder in sorted(folders):
            columns, left = _columns_of(folder)
            table.add_row(folder.name, *columns)
            total += left or 0.0
            unknown += [folder.name] if left is None else []
    console.print(table)
    known = [f"{hours(total)} of grid runs"] if total or not unknown else []
    rest = [f"{', '.join(unknown)}, where no grid run has finished yet"] if unknown else []
    console.print(f"Left to compute: {', and '.join(known + rest)}.", style="dim", highlight=False)


def _columns_of(folder: Path) -> tuple[list[str], float | None]:
    """Return how the list shows a folder, and the seconds that its unfinished grid runs will take, None if unknown."""
    if not (folder / FILE).exists():
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        return ["by hand", "", "", "", lines[0].lstrip("# ") if lines else ""], 0.0
    study = read_study(folder)
    rows = read_results(study.results)
    grid_runs = plan(study, rows)
    done = [row for grid_run in grid_runs if (row := grid_run.row_in(rows))]
    left = estimate([grid_run for grid_run in grid_runs if not grid_run.row_in(rows)], grid_runs, rows)
    state = "finished" if len(done) == len(grid_runs) else "started" if done else "to run"
    stale = len(rows.keys() - {grid_run.key for grid_run in grid_runs})
    return [
        f"{state}, {stale} stale" if stale else state,
        f"{len(done)}/{len(grid_runs)}",
        hours(sum(row.seconds for row in done)) if done else "",
        "?" if left is None else hours(left) if left else "-",
        study.question,
    ], left
