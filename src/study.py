"""Run a study: python src/study.py experiments/02-augmentation [--launcher joblib --jobs 2] [--force] [--list].

Started again it goes on: cells in results.csv are not run again, and a killed training goes on with its next epoch.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.console import table_console
from inkproof.entry import run
from inkproof.paths import ROOT
from inkproof.studies.definition import read_study, study_folder
from inkproof.studies.launch import Launching
from inkproof.studies.launch_options import add_launch_options, launching
from inkproof.studies.ledger import now
from inkproof.studies.live import print_studies
from inkproof.studies.overview import all_studies
from inkproof.studies.preparation import make_drawings
from inkproof.studies.run_cell import LOG
from inkproof.studies.run_study import run_study, write_table

SCRIPT = Path(__file__).name


def main() -> None:
    """Parse the command line and do what it says."""
    options, how = parse()
    if options.list:
        run(SCRIPT, list_studies)
    elif options.table:
        run(SCRIPT, lambda: print(write_table(read_study(options.folder))))
    else:
        since = now() if options.force else ""
        run(SCRIPT, lambda: study(options.folder, how, options.retries, since))


def parse(words: Sequence[str] | None = None) -> tuple[argparse.Namespace, Launching]:
    """Return what the command line asks for, and where cells run; it ends the process where that cannot be."""
    parser = argparse.ArgumentParser(
        prog=SCRIPT, description="Run the cells of a study and write its table and figure."
    )
    parser.add_argument(
        "folder", nargs="?", type=study_folder, help="with a study.yaml, such as experiments/02-augmentation"
    )
    add_launch_options(parser)
    parser.add_argument("--list", action="store_true", help="show all studies, their state and what is left to compute")
    parser.add_argument("--table", action="store_true", help="write table and figure from results.csv, run nothing")
    parser.add_argument("--force", action="store_true", help="run every cell again, done or not")
    options = parser.parse_intermixed_args(words)  # settings may stand on both sides of an option
    if options.list == (options.folder is not None):
        parser.error("give either the folder of a study or --list")
    return options, launching(parser, options)


def study(folder: Path, how: Launching, retries: int, since: str) -> None:
    """Run what is left of a study, then write its table and figure; exit with 1 where cells were given up."""
    failures = run_study(folder, how, retries, since, stage_functions, make_frames)
    for failure in failures:
        log = failure.cell.folder / LOG
        print(f"{SCRIPT}: {failure.cell.name}: given up: {failure.error}; see {log}", file=sys.stderr)
    if failures:
        sys.exit(1)


def list_studies() -> None:
    """Print all studies, their state and what is left to compute."""
    console = table_console()
    with console.status("reading all studies"):
        states = all_studies(ROOT / "experiments")
    print_studies(states, console)


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

        make_drawings(config)
        frames(config)


if __name__ == "__main__":
    main()
