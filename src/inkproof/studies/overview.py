"""All studies at a glance: how far each is, and how long what is left will take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inkproof.studies.cells import Cell, plan
from inkproof.studies.definition import FILE, Study, read_study
from inkproof.studies.ledger import Row, read_ledger


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
