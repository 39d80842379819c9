"""All studies at a glance: how far each is, and how long what is left will take."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.progress import table_console
from inkproof.studies.cells import Cell, plan
from inkproof.studies.comparison import heading, written
from inkproof.studies.definition import FILE, Study, read_study
from inkproof.studies.ledger import Row, read_ledger
from inkproof.studies.progress import DONE, FAILED, RUNNING, WAITING, Progress, alive, finished, read_progress


@dataclass(frozen=True)
class State:
    """One folder of experiments/: `left` seconds of cells are estimated, None where nothing is known of them.

    `total` is 0 for what was computed by hand, without a study.yaml; `stale` counts rows of no present cell.
    """

    name: str
    question: str
    done: int
    total: int
    spent: float
    left: float | None
    stale: int = 0

    @property
    def word(self) -> str:
        """Its state in a word."""
        if not self.total:
            return "by hand"
        return "finished" if self.done == self.total else "begun" if self.done else "to run"


def all_studies(experiments: Path) -> list[State]:
    """Return the state of every folder below `experiments`; raises UserError where a study.yaml is wrong."""
    folders = sorted(path for path in experiments.iterdir() if path.is_dir()) if experiments.is_dir() else []
    return [_state(folder) for folder in folders if (folder / FILE).exists() or (folder / "README.md").exists()]


def _state(folder: Path) -> State:
    if not (folder / FILE).exists():
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        return State(folder.name, lines[0].lstrip("# ") if lines else "", 0, 0, 0.0, None)
    study = read_study(folder)
    rows = read_ledger(study.ledger)
    cells = planned(study, rows)
    done = [rows[cell.key] for cell in cells if cell.done_by(rows.get(cell.key))]
    left = [cell for cell in cells if not cell.done_by(rows.get(cell.key))]
    keys = {cell.key for cell in cells}
    return State(
        name=study.name,
        question=study.question,
        done=len(done),
        total=len(cells),
        spent=sum(row.seconds for row in done),
        left=estimate(left, cells, rows),
        stale=sum(row.key not in keys for row in rows.values()),
    )


def planned(study: Study, rows: Mapping[str, Row]) -> list[Cell]:
    """Return a study's cells; where its digits are not here, they are taken to be those that the ledger was made on."""
    return plan(study, {row.data: row.data_sha for row in rows.values()})


def estimate(left: Sequence[Cell], cells: Sequence[Cell], rows: Mapping[str, Row]) -> float | None:
    """Return the seconds that the cells in `left` will take, judged by the finished ones most like them.

    Those of the same choices, else those with most choices in common; None where nothing has finished. Rows of a time
    when the study had fewer stages say nothing.
    """
    known = [
        (cell, row.seconds)
        for cell in cells
        if (row := rows.get(cell.key)) is not None and set(cell.stages) <= set(row.stages)
    ]
    if not known:
        return None if left else 0.0
    total = 0.0
    for cell in left:
        alike = [(len(set(cell.labels.items()) & set(other.labels.items())), seconds) for other, seconds in known]
        most = max(count for count, _ in alike)
        nearest = [seconds for count, seconds in alike if count == most]
        total += sum(nearest) / len(nearest)
    return total


PERIOD = 1.0  # seconds between two looks at the cells
FURNITURE = 7  # lines of the table that are no cells: its head, those that stand for many cells, the caption
SIGNS = {WAITING: "·", RUNNING: "▶", DONE: "✔", FAILED: "✘"}
STYLES = {WAITING: "dim", RUNNING: "bold", DONE: "green", FAILED: "red"}


@contextmanager
def watching(study: Study, cells: Sequence[Cell], jobs: int, since: str, console: Console) -> Iterator[None]:
    """Show how the cells stand while the block runs; the cells may run anywhere that sees this folder."""
    watcher = _Watcher(study, cells, jobs, since)
    ended = threading.Event()
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

    def tell() -> None:
        while not ended.wait(PERIOD):
            watcher.tell(console)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        watcher.tell(console)


class _Watcher:
    def __init__(self, study: Study, cells: Sequence[Cell], jobs: int, since: str) -> None:
        self.study, self.cells, self.jobs, self.since = study, cells, jobs, since
        self.metric = study.metrics[0] if study.metrics else ""
        self.told: dict[str, tuple[str, float]] = {}
        self.rows: dict[str, Row] = read_ledger(study.ledger)
        self.before = {cell.key for cell in cells if finished(cell, self.rows.get(cell.key), since)}
        self.found = {cell.key: read_progress(cell.folder).started for cell in cells}

    def look(self) -> list[tuple[Cell, Progress]]:
        """Read ledger and progress files anew; a ledger in the making of an editor is looked at again later."""
        with suppress(UserError):
            self.rows = read_ledger(self.study.ledger)
        states = []
        for cell in self.cells:
            progress = read_progress(cell.folder)
            if finished(cell, self.rows.get(cell.key), self.since):
                progress = Progress(DONE, started=progress.started, ended=progress.ended)
            elif progress.started == self.found[cell.key] and not (progress.state == RUNNING and alive(cell)):
                progress = Progress()  # what an earlier call of the study has left
            states.append((cell, progress))
        return states

    def table(self, height: int) -> Table:
        """The table of all cells, in `height` lines, with what is left in its caption.

        What does not fit is cells that are done: of these the latest are shown, the others are one line.
        """
        numbers = [Column(title, justify="right") for title in ("seconds", heading(self.metric) if self.metric else "")]
        table = Table("", self.study.name, *numbers, box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
        states = self.look()
        done = [(cell, progress) for cell, progress in states if progress.state == DONE and cell.key not in self.before]
        at_work = {cell.key for cell, progress in states if progress.state in (RUNNING, FAILED)}
        waiting = len(states) - len(self.before) - len(done) - len(at_work)
        room = max(height - FURNITURE - 2 * len(at_work), 0)  # the name of a cell, with its stage, may need two lines
        latest = {cell.key for cell, _ in sorted(done, key=lambda one: one[1].ended)[max(len(done) - room, 0) :]}
        folded = len(self.before) + len(done) - len(latest)
        if folded:
            table.add_row(SIGNS[DONE], f"{folded} cells done before", "", "", style=STYLES[DONE])
        for cell, progress in states:
            if cell.key in latest | at_work:
                table.add_row(SIGNS[progress.state], *self._cells(cell, progress), style=STYLES[progress.state])
        if waiting:
            table.add_row(SIGNS[WAITING], f"{waiting} cells waiting", "", "", style=STYLES[WAITING])
        left = [cell for cell, progress in states if progress.state != DONE]
        seconds = estimate(left, self.cells, self.rows)
        guess = f", about {hours(seconds / self.jobs)} to go" if seconds else ""
        table.caption = f"{len(states) - len(left)} of {len(states)} cells done{guess}"
        return table

    def _cells(self, cell: Cell, progress: Progress) -> list[str]:
        row = self.rows.get(cell.key)
        if progress.state == DONE and row is not None:
            return [cell.name, f"{row.seconds:.0f}", written(self.metric, row.metrics.get(self.metric), None)]
        seconds = (progress.ended if progress.state == FAILED else time.time()) - progress.started
        what = progress.error if progress.state == FAILED else progress.stage
        return [f"{cell.name}  {what}", f"{seconds:.0f}", ""]

    def tell(self, console: Console) -> None:
        """Print a line for each cell that has ended since the last call."""
        states = self.look()
        done = sum(progress.state == DONE for _, progress in states)
        for cell, progress in states:
            ended = progress.state in (DONE, FAILED) and cell.key not in self.before
            attempt = progress.state, progress.started  # its end is written down after its row
            if ended and self.told.get(cell.key) != attempt:
                self.told[cell.key] = attempt
                what, seconds, value = self._cells(cell, progress)
                said = f"{what}  {seconds} s" + (f"  {heading(self.metric)} {value}" if value else "")
                console.print(
                    f"{SIGNS[progress.state]} {said}  ({done} of {len(states)})", highlight=False, markup=False
                )


def hours(seconds: float) -> str:
    """Write a time as "3.2 h" or "12 min"."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def print_all() -> None:
    """Print all studies of this repository, their state and what is left to compute."""
    console = table_console()
    with console.status("reading all studies"):
        states = all_studies(ROOT / "experiments")
    texts = [Column(title, no_wrap=True) for title in ("study", "state")]
    numbers = [Column(title, no_wrap=True, justify="right") for title in ("cells", "spent", "left")]
    table = Table(*texts, *numbers, "question", box=box.SIMPLE_HEAD, pad_edge=False)
    for state in states:
        cells = f"{state.done}/{state.total}" if state.total else ""
        left = "" if not state.total else "?" if state.left is None else hours(state.left) if state.left else "-"
        word = state.word + (f", {state.stale} stale" if state.stale else "")
        table.add_row(state.name, word, cells, hours(state.spent) if state.spent else "", left, state.question)
    console.print(table)
    unknown = [state for state in states if state.total and state.left is None]
    total = sum(state.left or 0.0 for state in states)
    known = [f"{hours(total)} of cells"] if total or not unknown else []
    rest = [f"{', '.join(state.name for state in unknown)}, of which no cell is timed yet"] if unknown else []
    console.print(f"Left to compute: {', and '.join(known + rest)}.", style="dim", highlight=False)
