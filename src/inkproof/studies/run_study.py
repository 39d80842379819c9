"""A study from its first cell to its table: what the ledger lacks is run, then README and figure are written."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from inkproof.config.compose import composing, path_of
from inkproof.data.download import prepare_absent
from inkproof.data.drawings import FILE_NAME
from inkproof.stages.preprocess import frames
from inkproof.studies.cells import Cell, plan
from inkproof.studies.definition import Study, read_study
from inkproof.studies.launch import Launching, check_launcher, launch, quiet
from inkproof.studies.ledger import read_ledger
from inkproof.studies.live import hours, planned, watching
from inkproof.studies.progress import Failure, finished, run_rounds
from inkproof.studies.run_cell import LOG, CellTask
from inkproof.studies.table import check_markers, write_results
from inkproof.tracking.mlflow_store import Store
from inkproof.tracking.provenance import describe_machine, git_commit


def make_digits(cells: Sequence[Cell]) -> bool:
    """Make the digits files that cells train on and that are not here, as training would; return whether any was."""
    configs = {cell.config["data"]["name"]: cell.config for cell in cells}.values()
    made = [prepare_absent(config["data"], path_of(config["digits"])) for config in configs]
    return any(made)


def missing_frames(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return a configuration of `frames` for each data set whose frames cells read and that are not here."""
    needed = {
        str(config[key])
        for cell in cells
        for config in cell.later.values()
        for key in ("stress", "frames", "acceptance")
        if isinstance(config.get(key), str)
    }
    missing = sorted({Path(path).parent.name for path in needed if not path_of(path).exists()})
    if not missing:
        return []
    with composing() as compose:
        return [compose("drawn", (f"data={name}",)) for name in missing]


def make_drawings(config: Mapping[str, Any]) -> None:
    """Fetch the pen digits where they are absent and `config`, one of `frames`, names drawings made of them."""
    folder = path_of(config["pens"]["folder"])
    read = {path_of(config["sets"][name]["folder"]) for name in config["data"]["drawn_sets"]}
    if folder in read:
        prepare_absent(config["pens"], folder / FILE_NAME)


def start_parent(study: Study) -> tuple[Store, str]:
    """Return the store and the id of the study's run, which those of its cells are children of."""
    store = Store()
    tags: Mapping[str, str] = {
        "key": f"study {study.name}",
        "question": study.question,
        "git_commit": git_commit(),
        "machine": describe_machine(),
    }
    return store, store.start_again(study.experiment, study.name, tags)


def study(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Run what is left of a study and write its table; say which cells were given up and return whether none was."""
    failures = run_study(folder, how, retries, since)
    for failure in failures:
        log = failure.cell.folder / LOG
        print(f"study.py: {failure.cell.name}: given up: {failure.error}; see {log}", file=sys.stderr)
    return not failures


def run_study(folder: Path, how: Launching, retries: int, since: str) -> list[Failure]:
    """Run what is left of the study in `folder`, then write its table and figure; return the cells given up.

    `since` is "" or the moment (UTC, ISO 8601) from which on a row of the ledger counts.
    """
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
        for config in missing:
            make_drawings(config)
            frames(config)
        quiet()
        store, parent = start_parent(study)
        try:
            failures = _run_cells(study, cells, how, retries, since, parent, console)
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
    rows = read_ledger(study.ledger)
    return write_results(study, planned(study, rows) if cells is None else cells, rows)


def _run_cells(
    study: Study,
    cells: Sequence[Cell],
    how: Launching,
    retries: int,
    since: str,
    parent: str,
    console: Console,
) -> list[Failure]:
    task = CellTask(
        {cell.key: cell for cell in cells},
        study.ledger,
        study.experiment,
        parent,
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
