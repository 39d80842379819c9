"""Grid runs on other machines: Ray or SLURM queues them, and their rows come from the tracking server.

Each machine has a clone of its own, in which `study.py grid-run` does the work (`worker`). The queue starts the work of
a dead machine again. No folder is shared, but for SLURM that of its job files.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import HOME, ROOT
from inkproof.studies.definition import Study
from inkproof.studies.grid import GridRun
from inkproof.studies.launch import Launching
from inkproof.studies.metrics import formatted, heading
from inkproof.studies.results import Row, read_results, write_row
from inkproof.tracking.mlflow_tracker import Tracker

GRID_RUN = "grid_run"  # the tag of a child run with the key of its grid run
ROW = "row.json"  # the artifact of that run with its row of the results table
CLONE = "INKPROOF_CLONE"  # the environment variable with the clone on a machine, if it is not where this one is
POLL = 2.0  # seconds between two looks at the jobs of SLURM

Submit = Callable[[Sequence[str]], Any]  # queues the words of a grid run; returns a handle
Next = Callable[[Sequence[Any]], tuple[Any, str]]  # waits for one of the handles; returns it, and why it failed or ""


def finished_row(tracker: Tracker, experiment: str, grid_run: GridRun, since: str) -> Row | None:
    """Return the row of a grid run that any machine has finished, None without one.

    `since` is "" or a time (UTC, ISO 8601): older rows do not count.
    """
    found = tracker.find(experiment, {GRID_RUN: grid_run.key})
    if found is None or found.info.status != "FINISHED":
        return None
    content = json.loads(tracker.text(found.info.run_id, ROW))
    row = Row(**{**content, "stages": tuple(content["stages"])})
    return grid_run.row_in({row.key: row}, since)


def run_on_cluster(
    study: Study, grid_runs: Sequence[GridRun], tracker: Tracker, parent: str, how: Launching, retries: int, since: str
) -> list[tuple[GridRun, str]]:
    """Queue the grid runs that are left, and write their rows as they end; return those given up, with the reason.

    `parent` is the study's MLflow run. One that fails is queued again, `retries` times. Students wait for teachers.
    """
    failures: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    pending: dict[Any, GridRun] = {}
    rows = read_results(study.results)
    for one in grid_runs:
        if not one.row_in(rows, since):
            _take_over(study, grid_runs, one, tracker, since)
    with QUEUES[how.launcher](study, how, retries) as (submit, next_ended):
        while True:
            rows = read_results(study.results)
            left = [one for one in grid_runs if not one.row_in(rows, since)]
            unfinished, queued = {one.key for one in left}, {one.key for one in pending.values()}
            for one in left:
                if one.key not in queued and failures[one.key] <= retries and unfinished.isdisjoint(one.teachers):
                    words = (study.folder.relative_to(ROOT).as_posix(), one.key, parent, str(how.threads), since)
                    pending[submit(words)] = one
            if not pending:
                return [(one, reasons.get(one.key, NO_TEACHER)) for one in left]
            handle, reason = next_ended(list(pending))
            one = pending.pop(handle)
            if not _take_over(study, grid_runs, one, tracker, since):
                failures[one.key] += 1
                reasons[one.key] = reason or "it ended without a row"
                _tell(f"failed: {one.name}: {reasons[one.key]}")


NO_TEACHER = "the grid run of its teacher was given up"


def _take_over(study: Study, grid_runs: Sequence[GridRun], one: GridRun, tracker: Tracker, since: str) -> bool:
    """Write the row that a machine has left on the server to the results table; return whether there is one."""
    row = finished_row(tracker, study.experiment, one, since)
    if row is None:
        return False
    write_row(study.results, row)
    rows = read_results(study.results)
    metric = study.metrics[0] if study.metrics else ""
    figure = f"  {heading(metric)} {formatted(metric, row.metrics.get(metric), None)}" if metric else ""
    done = sum(bool(other.row_in(rows, since)) for other in grid_runs)
    _tell(f"done: {one.name}  {row.seconds:.0f} s{figure}  ({done} of {len(grid_runs)})")
    return True


def _tell(line: str) -> None:
    print(line, file=sys.__stdout__, flush=True)


def _work() -> Callable[[Sequence[str]], str]:
    """Return a function that does a grid run on any machine, and returns why it failed, or "".

    It is sent to other machines as it is: nothing of this package is imported there but by the command that it starts.
    """
    here, variable = str(ROOT), CLONE

    def work(words: Sequence[str]) -> str:
        clone = os.environ.get(variable, here)
        command = [sys.executable, f"{clone}/src/study.py", "grid-run", *words]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return "" if not done.returncode else lines[-1] if lines else f"exit code {done.returncode}"

    return work


@contextmanager
def ray_queue(study: Study, how: Launching, retries: int) -> Iterator[tuple[Submit, Next]]:
    """Queue on the Ray cluster at `how.address`, without one on a cluster of this machine alone.

    Ray starts a task again if its worker or machine dies. Raises UserError if the cluster does not answer.
    """
    import ray

    own: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if how.address is None:
        own |= {"include_dashboard": False, "num_cpus": how.jobs * (how.threads or 1)}
    try:
        ray.init(how.address, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"--address {how.address}: no Ray cluster answers there ({error})") from error
    # One GPU for a grid run where machines have some: Ray then shows each task its own.
    settings: dict[str, Any] = {"num_cpus": how.threads, "max_retries": retries, "max_calls": 1}
    if ray.cluster_resources().get("GPU"):
        settings["num_gpus"] = 1
    remote = ray.remote(**settings)(_work())

    def next_ended(handles: Sequence[Any]) -> tuple[Any, str]:
        (handle,), _ = ray.wait(list(handles), num_returns=1)
        try:
            return handle, ray.get(handle)
        except ray.exceptions.RayError as error:
            return handle, " ".join(str(error).split())[:200]

    log = HOME / "runs" / "studies" / study.name / "ray.log"  # Ray prints what its machines do, at length
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        try:
            yield remote.remote, next_ended
        finally:
            ray.shutdown()


@contextmanager
def slurm_queue(study: Study, how: Launching, retries: int) -> Iterator[tuple[Submit, Next]]:
    """Queue on SLURM by submitit, at most `how.jobs` at once; SLURM queues the job of a dead machine again."""
    import submitit

    executor = submitit.AutoExecutor(folder=HOME / "runs" / "studies" / study.name / "jobs", cluster="slurm")
    chosen = {"cpus_per_task": how.threads, "timeout_min": 1440, "slurm_additional_parameters": {"requeue": True}}
    executor.update_parameters(name=f"study-{study.name}", **{**chosen, **how.given})
    work, queued = _work(), list[Any]()

    def submit(words: Sequence[str]) -> Any:
        queued.append(executor.submit(work, words))
        return queued[-1]

    def next_ended(handles: Sequence[Any]) -> tuple[Any, str]:
        while True:
            for job in handles:
                if job.done():
                    error = job.exception()
                    return job, " ".join(str(error).split())[:200] if error else job.result()
            time.sleep(POLL)

    try:
        yield submit, next_ended
    finally:
        for job in queued:
            if not job.done():
                job.cancel()


QUEUES: Mapping[str, Any] = {"ray": ray_queue, "slurm": slurm_queue}
