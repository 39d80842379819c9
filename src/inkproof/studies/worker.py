"""One grid run on a machine of a cluster, from a clone of its own: data by hash, the row to the tracking server.

Two machines may do the same grid run, for example if one was cut off and its work queued again. That does no harm: the
same key is the same result and one row.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import ROOT
from inkproof.runtime.processes import end_with_parent, use_threads
from inkproof.runtime.progress import say
from inkproof.studies.cluster import GRID_RUN, ROW, finished_row
from inkproof.studies.definition import read_study
from inkproof.studies.grid import plan
from inkproof.studies.grid_run import GridTask
from inkproof.studies.results import Row
from inkproof.studies.run_study import make_preprocessed, preprocessed, with_digits
from inkproof.tracking.mlflow_tracker import Tracker


def work(folder: Path, key: str, parent: str, threads: int, since: str) -> None:
    """Do the grid run `key` of the study in `folder`, or find it done, and leave its row on the tracking server.

    `parent` is the study's MLflow run. `since` is "" or, with --force, a time (UTC, ISO 8601): older rows do not count.
    Raises UserError if this clone has no grid run with that key, and what its stages raise.
    """
    end_with_parent(os.getppid())
    use_threads(threads)
    study = read_study(folder)
    by_key = {grid_run.key: grid_run for grid_run in with_digits(study, plan(study), pull)}
    if key not in by_key:
        raise UserError(
            f"{study.name}: no grid run {key} in {ROOT}: its configuration or digits differ; update this clone"
        )
    grid_run, tracker = by_key[key], Tracker()
    if finished_row(tracker, study.experiment, grid_run, since):
        return
    pull(preprocessed([grid_run]))
    make_preprocessed(study, [grid_run], Console(stderr=True))
    task = GridTask(by_key, study.results, study.experiment, parent, threads, since, started_by=0)

    def send(row: Row) -> None:
        if row.key == key:
            write_json(grid_run.folder / ROW, asdict(row))
            tracker.file(row.run, grid_run.folder / ROW)
            tracker.tag(row.run, {GRID_RUN: key})

    for one in (*(by_key[teacher] for teacher in grid_run.teachers), grid_run):
        one.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(one.folder / "lock"):
            task.run(one, send)  # a teacher that another machine has trained is copied from the server


def pull(files: Sequence[Path]) -> None:
    """Copy those of `files` that are missing from the default DVC remote, if there is one, by their hash in dvc.lock.

    What that does not bring is made afterwards as everywhere.
    """
    missing = [str(path.relative_to(ROOT)) for path in files if not path.exists()]
    if missing:
        say(f"dvc pull {' '.join(missing)}")
        command = [sys.executable, "-m", "dvc", "pull", "--quiet", "--allow-missing", *missing]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
