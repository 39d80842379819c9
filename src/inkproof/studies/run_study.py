"""A study from its first cell to its table: what the ledger lacks is run, then README and figure are written."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from inkproof.studies.cells import Cell, plan
from inkproof.studies.definition import Study, read_study
from inkproof.studies.launch import Launching, check_launcher, launch, quiet
from inkproof.studies.ledger import read_ledger
from inkproof.studies.live import hours, watching
from inkproof.studies.markdown import check_markers
from inkproof.studies.overview import planned
from inkproof.studies.preparation import make_digits, missing_frames, start_parent
from inkproof.studies.rounds import Failure, run_rounds
from inkproof.studies.run_cell import CellTask, Stages, finished
from inkproof.tracking import Store

MakeFrames = Callable[[list[dict[str, Any]]], None]


def run_study(
    folder: Path, how: Launching, retries: int, since: str, stages: Stages, make_frames: MakeFrames
) -> list[Failure]:
    """Run what is left of the study in `folder`, then write its table and figure; return the cells given up.

    `since` is "" or the moment (UTC, ISO 8601) from which on a row of the ledger counts; `stages` returns the stage
    functions by name where a cell runs, `make_frames` makes the frames that they read.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    study = read_study(folder)
    check_launcher(how)
    check_markers(study.folder / "README.md")
    rows = read_ledger(study.ledger)
    cells = planned(study, rows)
    console = Console(file=sys.__stdout__, highlight=False)
    failures: list[Failure] = []
    if all(finished(cell, rows.get(cell.key), since) for cell in cells):
        readme = write_table(study, cells)
    else:
        if make_digits(cells):  # their SHA-256 is part of each key
            cells = plan(study)
        missing = missing_frames(cells)
        if missing:
            names = ", ".join(config["data"]["name"] for config in missing)
            console.print(
                f"{study.name}: first the drawings that models are tried on, for {names}; made once, in minutes"
            )
        make_frames(missing)
        quiet()
        store, parent = start_parent(study)
        try:
            failures = _run_cells(study, cells, how, retries, since, stages, parent, console)
            readme = write_table(study, cells)
            _hand_over(study, store, parent)
        except BaseException:
            store.finish(parent, "KILLED")
            raise
        store.finish(parent, "FAILED" if failures else "FINISHED")
    rows = read_ledger(study.ledger)
    done = [rows[cell.key] for cell in cells if cell.done_by(rows.get(cell.key))]
    spent = hours(sum(row.seconds for row in done))
    console.print(f"{study.name}: {len(done)} of {len(cells)} cells, {spent} in all; {readme}", soft_wrap=True)
    return failures


def write_table(study: Study, cells: Sequence[Cell] | None = None) -> Path:
    """Write table and figure of a study from its ledger alone; return the README."""
    from inkproof.studies.readme import write_results  # draws: slow to import

    rows = read_ledger(study.ledger)
    return write_results(study, planned(study, rows) if cells is None else cells, rows)


def _run_cells(
    study: Study,
    cells: Sequence[Cell],
    how: Launching,
    retries: int,
    since: str,
    stages: Stages,
    parent: str,
    console: Console,
) -> list[Failure]:
    task = CellTask(
        {cell.key: cell for cell in cells},
        study.ledger,
        study.experiment,
        parent,
        stages,
        how.threads,
        since,
        started_by=os.getpid(),
    )
    with watching(study, cells, how.jobs, since, console):
        return run_rounds(cells, study.ledger, lambda todo: launch(task, study.name, todo, how), retries, since)


def _hand_over(study: Study, store: Store, parent: str) -> None:
    for name in ("README.md", "results.png", "results.csv"):
        if (study.folder / name).exists():
            store.file(parent, study.folder / name)
