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
from inkproof.studies.table import PICTURE, check_markers, write_results
from inkproof.tracking.mlflow_store import Store
from inkproof.tracking.provenance import describe_machine, git_commit


def make_digits(cells: Sequence[Cell]) -> bool:
    """Make the digits files that cells train on and that are not here, as training would; return whether any was."""
    configs = {cell.config["data"]["name"]: cell.config for cell in cells}.values()
    made = [prepare_absent(config["data"], path_of(config["digits"])) for config in configs]
    return any(made)


def make_frames(study: Study, cells: Sequence[Cell], console: Console) -> None:
    """Make the frames that cells read and that are not here, for one data set after another."""
    needed = {
        str(config[key])
        for cell in cells
        for config in cell.later.values()
        for key in ("stress", "frames", "acceptance")
        if isinstance(config.get(key), str)
    }
    missing = sorted({Path(path).parent.name for path in needed if not path_of(path).exists()})
    if not missing:
        return
    said = f"first the drawings that models are tried on, for {', '.join(missing)}; made once, in minutes"
    console.print(f"{study.name}: {said}")
    with composing() as compose:
        configs = [compose("drawn", (f"data={name}",)) for name in missing]
    for config in configs:
        make_drawings(config)
        frames(config)


def make_drawings(config: Mapping[str, Any]) -> None:
    """Fetch the pen digits where they are absent and `config`, one of `frames`, names drawings made of them."""
    folder = path_of(config["pens"]["folder"])
    read = {path_of(config["sets"][name]["folder"]) for name in config["data"]["drawn_sets"]}
    if folder in read:
        prepare_absent(config["pens"], folder / FILE_NAME)


def run_study(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Run what is left of the study in `folder`, write its table and figure, and say which cells were given up.

    Returns whether none was. `since` is "" or the moment (UTC, ISO 8601) from which on a row of the ledger counts.
    """
    study = read_study(folder)
    check_launcher(how)
    check_markers(study.folder / "README.md")
    rows = read_ledger(study.ledger)
    cells = planned(study, rows)
    console = Console(file=sys.__stdout__, highlight=False)
    failures: list[Failure] = []
    if all(finished(cell, rows.get(cell.key), since) for cell in cells):
        readme = write_results(study, cells, rows)
    else:
        if make_digits(cells):  # their SHA-256 is part of each key
            cells = plan(study)
        make_frames(study, cells, console)
        quiet()
        readme, failures = _run_cells(study, cells, how, retries, since, console)
        rows = read_ledger(study.ledger)
    done = [rows[cell.key] for cell in cells if cell.done_by(rows.get(cell.key))]
    spent = hours(sum(row.seconds for row in done))
    console.print(f"{study.name}: {len(done)} of {len(cells)} cells, {spent} in all; {readme}", soft_wrap=True)
    for failure in failures:
        log = failure.cell.folder / LOG
        print(f"study.py: {failure.cell.name}: given up: {failure.error}; see {log}", file=sys.stderr)
    return not failures


def _run_cells(
    study: Study, cells: Sequence[Cell], how: Launching, retries: int, since: str, console: Console
) -> tuple[Path, list[Failure]]:
    """Run what is left as children of the study's MLflow run; return the README and the cells given up."""
    store = Store()
    about = {"key": f"study {study.name}", "question": study.question}
    tags = {**about, "git_commit": git_commit(), "machine": describe_machine()}
    parent = store.start_again(study.experiment, study.name, tags)
    by_key = {cell.key: cell for cell in cells}
    task = CellTask(by_key, study.ledger, study.experiment, parent, how.threads, since, started_by=os.getpid())
    try:
        with watching(study, cells, how.jobs, since, console):
            failures = run_rounds(cells, study.ledger, lambda todo: launch(task, study.name, todo, how), retries, since)
        readme = write_results(study, cells, read_ledger(study.ledger))
        for path in (readme, study.folder / PICTURE, study.ledger):
            if path.exists():
                store.file(parent, path)
    except BaseException:
        store.finish(parent, "KILLED")
        raise
    store.finish(parent, "FAILED" if failures else "FINISHED")
    return readme, failures


def write_table(folder: Path) -> Path:
    """Write table and figure of the study in `folder` from its ledger alone; return the README."""
    study = read_study(folder)
    rows = read_ledger(study.ledger)
    return write_results(study, planned(study, rows), rows)
