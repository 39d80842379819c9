"""Run a study: the grid runs that are missing, then the README and the figure."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from inkproof.config.compose import composing, path_of
from inkproof.config.schema import PreprocessConfig
from inkproof.data.download import prepare_absent
from inkproof.data.drawings import FILE_NAME
from inkproof.stages.corruptions import preprocess_corruptions
from inkproof.stages.preprocess import preprocess_drawings
from inkproof.studies.definition import Study, read_study
from inkproof.studies.grid import GridRun, plan
from inkproof.studies.grid_run import LOG, GridTask
from inkproof.studies.launch import Launching, check_launcher, launch, quiet
from inkproof.studies.live import hours, planned, watching
from inkproof.studies.progress import Failure, finished, run_with_retries
from inkproof.studies.results import read_results
from inkproof.studies.table import FIGURE, check_markers
from inkproof.studies.verdict import write_readme
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.provenance import describe_machine, git_commit


def make_digits(grid_runs: Sequence[GridRun]) -> bool:
    """Make the missing digits files that grid runs train on, as training would; return whether any was missing."""
    configs = {grid_run.config.data.name: grid_run.config for grid_run in grid_runs}.values()
    made = [prepare_absent(config.data, path_of(config.run.digits)) for config in configs]
    return any(made)


def make_preprocessed(study: Study, grid_runs: Sequence[GridRun], console: Console) -> None:
    """Preprocess the missing drawings and corruptions that grid runs evaluate on, one dataset after another."""
    needed = {
        path
        for grid_run in grid_runs
        for config in grid_run.later.values()
        for key in ("corruptions", "drawings", "ood", "thresholds")
        if (path := getattr(config, key, None))
    }
    missing = sorted({Path(path).parent.name for path in needed if not path_of(path).exists()})
    if not missing:
        return
    names = ", ".join(missing)
    console.print(f"{study.name}: first makes the evaluation drawings of {names}, once, which takes minutes")
    with composing() as compose:
        configs = [compose(PreprocessConfig, (f"data={name}",)) for name in missing]
    for config in configs:
        make_drawings(config)
        preprocess_drawings(config)
        preprocess_corruptions(config)


def make_drawings(config: PreprocessConfig) -> None:
    """Download the pen digits if they are missing and a drawn set of `config` needs them."""
    folder = path_of(config.pens.folder)
    drawn_sets = config.data.evaluation.drawn_sets if config.data.evaluation else ()
    if folder in {path_of(config.sets[name].folder) for name in drawn_sets}:
        prepare_absent(config.pens, folder / FILE_NAME)


def run_study(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Run what is left of the study in `folder`, write its table and figure, and print which grid runs were given up.

    Returns whether none was given up. `since` is "" or a time (UTC, ISO 8601): older rows do not count.
    """
    study = read_study(folder)
    check_launcher(how)
    check_markers(study.folder / "README.md")
    rows = read_results(study.results)
    grid_runs = planned(study, rows)
    console = Console(file=sys.__stdout__, highlight=False)
    failures: list[Failure] = []
    if all(finished(grid_run, rows.get(grid_run.key), since) for grid_run in grid_runs):
        readme = write_readme(study, grid_runs, rows)
    else:
        if make_digits(grid_runs):  # the SHA-256 of the digits is part of each key
            grid_runs = plan(study)
        make_preprocessed(study, grid_runs, console)
        quiet()
        readme, failures = _run_grid(study, grid_runs, how, retries, since, console)
        rows = read_results(study.results)
    done = [rows[grid_run.key] for grid_run in grid_runs if grid_run.done_by(rows.get(grid_run.key))]
    spent = hours(sum(row.seconds for row in done))
    console.print(f"{study.name}: {len(done)} of {len(grid_runs)} grid runs, {spent} in all; {readme}", soft_wrap=True)
    for failure in failures:
        log = failure.grid_run.folder / LOG
        print(f"study.py: {failure.grid_run.name}: given up: {failure.error}; see {log}", file=sys.stderr)
    return not failures


def _run_grid(
    study: Study, grid_runs: Sequence[GridRun], how: Launching, retries: int, since: str, console: Console
) -> tuple[Path, list[Failure]]:
    """Run what is left as children of the study's MLflow run; return the README and the grid runs given up."""
    tracker = Tracker()
    tags = {"key": f"study {study.name}", "question": study.question}
    tags |= {"git_commit": git_commit(), "machine": describe_machine()}
    parent = tracker.start_again(study.experiment, study.name, tags)
    by_key = {grid_run.key: grid_run for grid_run in grid_runs}
    task = GridTask(by_key, study.results, study.experiment, parent, how.threads, since, started_by=os.getpid())
    try:
        with watching(study, grid_runs, how.jobs, since, console):
            failures = run_with_retries(
                grid_runs, study.results, lambda todo: launch(task, study.name, todo, how), retries, since
            )
        readme = write_readme(study, grid_runs, read_results(study.results))
        for path in (readme, study.folder / FIGURE, study.results):
            if path.exists():
                tracker.file(parent, path)
    except BaseException:
        tracker.finish(parent, "KILLED")
        raise
    tracker.finish(parent, "FAILED" if failures else "FINISHED")
    return readme, failures


def write_table(folder: Path) -> Path:
    """Write table, figure and verdict of the study in `folder` from its results table alone; return the README."""
    study = read_study(folder)
    rows = read_results(study.results)
    return write_readme(study, planned(study, rows), rows)
