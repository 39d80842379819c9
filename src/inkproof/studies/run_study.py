"""Run a study: the grid runs that are missing, then the README and the figure."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from inkproof.config.compose import composing, files_of, path_of
from inkproof.config.stages import DownloadConfig, PreprocessConfig
from inkproof.data.download import prepare, prepare_absent
from inkproof.data.drawings import FILE_NAME
from inkproof.stages.corruptions import preprocess_corruptions
from inkproof.stages.preprocess import preprocess_drawings
from inkproof.studies.cluster import run_on_cluster
from inkproof.studies.definition import Study, read_study
from inkproof.studies.grid import GridRun, plan
from inkproof.studies.grid_run import LOG, GridTask
from inkproof.studies.launch import Launching, check_launcher, launch, quiet
from inkproof.studies.live import FAILED, RUNNING, alive, hours, read_progress, watching
from inkproof.studies.readme import FIGURE, StudyResults, check_markers, results_of, write_readme
from inkproof.studies.results import read_results
from inkproof.tracking.mlflow_tracker import Tracker


def preprocessed(grid_runs: Sequence[GridRun]) -> list[Path]:
    """Return the files of drawings and corruptions that grid runs evaluate on, there or not."""
    needed = {
        path
        for grid_run in grid_runs
        for config in grid_run.later.values()
        for key in ("corruptions", "drawings", "ood", "thresholds")
        if (path := getattr(config, key, None))
    }
    return sorted(path_of(path) for path in needed)


def make_preprocessed(study: Study, grid_runs: Sequence[GridRun], console: Console) -> None:
    """Preprocess the missing drawings and corruptions that grid runs evaluate on, one dataset after another."""
    missing = sorted({path.parent.name for path in preprocessed(grid_runs) if not path.exists()})
    if not missing:
        return
    names = ", ".join(missing)
    console.print(f"{study.name}: first makes the evaluation drawings of {names}, once, which takes minutes")
    with composing() as compose:
        configs = [compose(PreprocessConfig, (f"data={name}",)) for name in missing]
        downloads = [compose(DownloadConfig, (f"data={name}",)) for name in absent_drawings(configs)]
    for download in downloads:
        prepare(download.data, path_of(download.out))
    for config in configs:
        preprocess_drawings(config)
        preprocess_corruptions(config)


def with_digits(
    study: Study, grid_runs: Sequence[GridRun], fetch: Callable[[Sequence[Path]], None] | None = None
) -> Sequence[GridRun]:
    """Make the digits that grid runs of a study lack; return the grid runs, with the digits' SHA-256 in their keys.

    `fetch` may copy missing files from elsewhere first.
    """
    configs = {path_of(grid_run.config.run.digits): grid_run.config for grid_run in grid_runs}
    absent = [file for file in configs if not file.exists()]
    if not absent:
        return grid_runs
    if fetch is not None:
        fetch(absent)
    for file in absent:
        prepare_absent(configs[file].data, file)
    return plan(study)


def absent_drawings(configs: Sequence[PreprocessConfig]) -> list[str]:
    """Return the datasets of drawings that are missing and of which a drawn set of `configs` is a part."""
    folders = {
        config.sets[name].folder
        for config in configs
        for name in (config.data.evaluation.drawn_sets if config.data.evaluation else ())
    }
    absent = {Path(folder) for folder in folders if not (path_of(folder) / FILE_NAME).exists()}
    known = files_of("data")
    return sorted({name for folder in absent for name in folder.parts if name in known})


def run_study(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Run what is left of the study in `folder`, write its table and figure, and print which grid runs were given up.

    Returns whether none was given up. `since` is "" or a time (UTC, ISO 8601): older rows do not count.
    """
    study = read_study(folder)
    check_launcher(how)
    check_markers(study.folder / "README.md")
    found = results_of(study)
    console = Console(file=sys.__stdout__, highlight=False)
    failures: list[tuple[GridRun, str]] = []
    if all(grid_run.row_in(found.rows, since) for grid_run in found.grid_runs):
        write_readme(found)
    else:
        grid_runs = with_digits(study, found.grid_runs)
        if not how.on_cluster:
            make_preprocessed(study, grid_runs, console)
        quiet()
        found, failures = _run_grid(study, grid_runs, how, retries, since, console)
    count = f"{len(found.done)} of {len(found.grid_runs)} grid runs"
    spent = hours(sum(row.seconds for row in found.done))
    console.print(f"{study.name}: {count}, {spent} in all; {study.folder / 'README.md'}", soft_wrap=True)
    for failed, error in failures:
        print(f"study.py: {failed.name}: given up: {error}; see {failed.folder / LOG}", file=sys.stderr)
    return not failures


def _run_grid(
    study: Study, grid_runs: Sequence[GridRun], how: Launching, retries: int, since: str, console: Console
) -> tuple[StudyResults, list[tuple[GridRun, str]]]:
    """Run what is left as children of the study's MLflow run; return its results and the grid runs given up."""
    tracker = Tracker()
    parent = tracker.start_again(study.experiment, study.name, f"study {study.name}", question=study.question)
    by_key = {grid_run.key: grid_run for grid_run in grid_runs}
    task = GridTask(by_key, study.results, study.experiment, parent, how.threads, since, started_by=os.getpid())
    try:
        if how.on_cluster:
            failures = run_on_cluster(study, grid_runs, tracker, parent, how, retries, since)
        else:
            with watching(study, grid_runs, how.jobs, since, console):
                failures = run_with_retries(
                    grid_runs, study.results, lambda todo: launch(task, study.name, todo, how), retries, since
                )
        found = StudyResults(study, grid_runs, read_results(study.results))
        for path in (write_readme(found), study.folder / FIGURE, study.results):
            if path.exists():
                tracker.file(parent, path)
    except BaseException:
        tracker.give_up(parent, "KILLED")
        raise
    tracker.finish(parent, "FAILED" if failures else "FINISHED")
    return found, failures


DIED = "its process was killed"
NO_TEACHER = "the grid run of its teacher was given up"


def run_with_retries(
    grid_runs: Sequence[GridRun], results: Path, run: Callable[[list[GridRun]], None], retries: int, since: str = ""
) -> list[tuple[GridRun, str]]:
    """Call `run` with the unfinished grid runs until none is left or each was tried `retries` + 1 times.

    A launcher raises when it loses a worker, while many grid runs have not started. Only those that started have used
    an attempt. Students wait for their teachers. Returns the grid runs that were given up, with the reason. Raises what
    `run` raises where it started none.
    """
    failures: Counter[str] = Counter()
    while True:
        rows = read_results(results)
        left = [grid_run for grid_run in grid_runs if not grid_run.row_in(rows, since)]
        unfinished = {grid_run.key for grid_run in left}
        todo = [one for one in left if failures[one.key] <= retries and unfinished.isdisjoint(one.teachers)]
        if not todo:
            return [(one, error_of(one) if failures[one.key] else NO_TEACHER) for one in left]
        before = {grid_run.key: read_progress(grid_run.folder).started for grid_run in todo}
        error: Exception | None = None
        try:
            run(todo)
        except Exception as raised:
            error = raised
        rows = read_results(results)
        failed = [one for one in todo if not one.row_in(rows, since)]
        started = [one for one in failed if read_progress(one.folder).started > before[one.key]]
        failures.update(one.key for one in started if not alive(one))
        if failed == todo and not started:
            raise error or RuntimeError(f"the launcher returned without running {todo[0].name}")


def error_of(grid_run: GridRun) -> str:
    """Return why a grid run failed."""
    progress = read_progress(grid_run.folder)
    died = f"{DIED} (process {progress.pid} on {progress.machine})"
    return {FAILED: progress.error, RUNNING: died}.get(progress.state, "it did not start")


def write_table(folder: Path) -> Path:
    """Write table, figure and verdict of the study in `folder` from its results table alone; return the README."""
    return write_readme(results_of(read_study(folder)))
