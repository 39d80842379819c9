"""Run a study: python src/study.py experiments/02-augmentation [--launcher joblib --jobs 2] [--force] [--list].

Started again it goes on: cells in results.csv are not run again, and a killed training goes on with its next epoch.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from inkproof.entry import run
from inkproof.paths import ROOT
from inkproof.studies.cells import plan
from inkproof.studies.definition import read_study
from inkproof.studies.launch import LAUNCHERS, check_launcher, jobs_of, launch, quiet, threads_of
from inkproof.studies.ledger import read_ledger
from inkproof.studies.live import hours, print_studies, watching
from inkproof.studies.overview import all_studies, planned
from inkproof.studies.preparation import make_digits, missing_frames, start_parent
from inkproof.studies.rounds import run_rounds
from inkproof.studies.run_cell import LOG, CellTask, finished

SCRIPT = Path(__file__).name


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(
        prog=SCRIPT, description="Run the cells of a study and write its table and figure."
    )
    parser.add_argument("folder", nargs="?", type=Path, help="with a study.yaml, such as experiments/02-augmentation")
    parser.add_argument("settings", nargs="*", help="settings of the launcher: hydra.launcher.partition=short")
    parser.add_argument("--list", action="store_true", help="show all studies, their state and what is left to compute")
    parser.add_argument("--table", action="store_true", help="write table and figure from results.csv, run nothing")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="basic", help="where cells run (default: %(default)s)")
    parser.add_argument("--jobs", type=int, help="cells at a time (default: as many as there are cores; basic: one)")
    parser.add_argument("--retries", type=int, default=2, help="times that a failed cell is tried again (default: 2)")
    parser.add_argument("--force", action="store_true", help="run every cell again, done or not")
    options = parser.parse_args()
    if options.list == (options.folder is not None):
        parser.error("give either the folder of a study or --list")
    for word in options.settings:
        if not word.lstrip("+").startswith("hydra.launcher.") or "=" not in word:
            parser.error(f"{word}: settings are hydra.launcher.KEY=VALUE; what a cell computes stands in study.yaml")
    jobs = jobs_of(options.launcher, options.jobs)
    if options.list:
        run(SCRIPT, lambda: print_studies(all_studies(ROOT / "experiments"), Console(highlight=False)))
    elif options.table:
        run(SCRIPT, lambda: print(write_table(options.folder)))
    else:
        since = datetime.now(UTC).isoformat(timespec="seconds") if options.force else ""
        run(SCRIPT, lambda: study(options.folder, options.launcher, jobs, options.retries, since, options.settings))


def study(folder: Path, launcher: str, jobs: int, retries: int, since: str, settings: list[str]) -> None:
    """Run what is left of a study, then write its table and figure; exit with 1 where cells were given up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    chosen = read_study(folder)
    check_launcher(launcher, jobs)
    rows = read_ledger(chosen.ledger)
    cells = plan(chosen)
    if not all(cell.key for cell in cells):
        make_digits(cells)
        cells = plan(chosen)
    console = Console(file=sys.__stdout__, highlight=False)
    failures, store, parent = [], None, ""
    if any(not finished(cell, rows.get(cell.key), since) for cell in cells):
        make_frames(missing_frames(cells))
        quiet()
        store, parent = start_parent(chosen)
        keyed = {cell.key: cell for cell in cells}
        threads = threads_of(launcher, jobs)
        task = CellTask(keyed, chosen.ledger, chosen.experiment, parent, stage_functions, threads, since, os.getpid())

        def launched(todo: list[Any]) -> None:
            launch(task, chosen.name, todo, launcher, jobs, settings)

        try:
            with watching(chosen, cells, jobs, since, console):
                failures = run_rounds(cells, chosen.ledger, launched, retries, since)
        except BaseException:
            store.finish(parent, "KILLED")
            raise
    from inkproof.studies.readme import write_results  # draws: slow to import

    rows = read_ledger(chosen.ledger)
    readme = write_results(chosen, cells, rows)
    if store is not None:
        for name in ("README.md", "results.png", "results.csv"):
            if (chosen.folder / name).exists():
                store.file(parent, chosen.folder / name)
        store.finish(parent, "FAILED" if failures else "FINISHED")
    done = [rows[cell.key] for cell in cells if cell.done_by(rows.get(cell.key))]
    spent = hours(sum(row.seconds for row in done))
    console.print(f"{chosen.name}: {len(done)} of {len(cells)} cells, {spent} in all; {readme}", soft_wrap=True)
    for failure in failures:
        log = failure.cell.folder / LOG
        print(f"{SCRIPT}: {failure.cell.name}: given up: {failure.error}; see {log}", file=sys.stderr)
    if failures:
        sys.exit(1)


def write_table(folder: Path) -> Path:
    """Write table and figure of a study from its ledger alone; return the README."""
    from inkproof.studies.readme import write_results

    chosen = read_study(folder)
    rows = read_ledger(chosen.ledger)
    return write_results(chosen, planned(chosen, rows), rows)


def stage_functions() -> Mapping[str, Any]:
    """Return the functions of the pipeline's stages by name, as dvc.yaml has them; called where a cell runs."""
    from drawn import drawn
    from evaluate import evaluate
    from export import export
    from formats import formats
    from held_out import held_out
    from train import train

    return {
        "train": train,
        "held_out": held_out,
        "evaluate": evaluate,
        "export": export,
        "drawn": drawn,
        "formats": formats,
    }


def make_frames(missing: list[dict[str, Any]]) -> None:
    """Make the frames that the cells' stages read, where they are not here."""
    for config in missing:
        from frames import frames

        frames(config)


if __name__ == "__main__":
    main()
