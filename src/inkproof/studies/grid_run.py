"""One grid run, in the process and on the machine that a launcher chose: its stages, MLflow run and results row."""

import contextlib
import math
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig

from inkproof.config.one_line import in_one_line
from inkproof.runtime.accelerators import take_gpu
from inkproof.runtime.errors import UserError
from inkproof.runtime.processes import end_with_parent, use_threads
from inkproof.runtime.startup import start_tensorflow, stderr_into
from inkproof.studies.grid import GridRun
from inkproof.studies.live import DONE, FAILED, RUNNING, Progress, read_progress
from inkproof.studies.results import Row, now, read_results, write_row
from inkproof.tracking.mlflow_tracker import Tracker, nested
from inkproof.tracking.provenance import describe_machine
from inkproof.tracking.run import attach, ensure_run
from inkproof.tracking.run_metadata import RunMetadata, trained_run

LOG = "log.txt"


@dataclass(frozen=True)
class GridTask:
    """What a launcher calls for each grid run, with a configuration whose `grid_run` is the key of the grid run.

    `threads` is how many of a machine's cores a grid run may use, None for all. `since` is "" or, with --force, a time
    (UTC, ISO 8601): older rows of the results table do not count. `started_by` is the id of the launching process:
    workers that it starts itself end with it.
    """

    grid_runs: Mapping[str, GridRun]
    results: Path
    experiment: str
    parent: str
    threads: int | None
    since: str
    started_by: int

    def __call__(self, cfg: DictConfig) -> str:
        """Run the grid run that `cfg` names and write its row; return its state, unless its process is killed."""
        end_with_parent(self.started_by)
        grid_run = self.grid_runs[cfg.grid_run]
        if self.threads is not None:
            use_threads(self.threads)
            take_gpu()
        grid_run.folder.mkdir(parents=True, exist_ok=True)
        # A worker that outlived its launcher may still run it: the second process waits, and finds it done.
        with FileLock(grid_run.folder / "lock"):
            if grid_run.row_in(read_results(self.results), self.since):
                return DONE
            try:
                self.run(grid_run, partial(write_row, self.results))
            except Exception:
                return FAILED  # progress.json and the log say why
        return DONE

    def run(self, grid_run: GridRun, save: Callable[[Row], None]) -> None:
        """Run the stages of a grid run, whose folder is there, and `save` its row. Raises what these raise."""
        # With --force, a training that an earlier attempt started is resumed.
        force = bool(self.since) and read_progress(grid_run.folder).forced != self.since
        progress = Progress(
            RUNNING, started=time.time(), machine=describe_machine(), pid=os.getpid(), forced=self.since
        )
        try:
            with _logged(grid_run.folder / LOG):
                save(self._stages(grid_run, force, progress))
        except Exception as error:
            replace(progress, state=FAILED, ended=time.time(), error=in_one_line(error)).write(grid_run.folder)
            raise
        replace(progress, state=DONE, ended=time.time()).write(grid_run.folder)

    def _stages(self, grid_run: GridRun, force: bool, progress: Progress) -> Row:
        stages = stage_functions()
        replace(progress, stage="train").write(grid_run.folder)
        config = grid_run.config.with_run(
            experiment=self.experiment, registered=False, out=str(grid_run.folder), force=force
        )
        with nested(self.parent, grid_run.name):
            stages["train"](config)
            tracker = Tracker()
            metadata = attach(tracker, RunMetadata.read(grid_run.folder), grid_run.folder, self.experiment, self.parent)
        seconds = metadata.seconds
        for stage in grid_run.stages[1:]:
            replace(progress, stage=stage).write(grid_run.folder)
            started = time.perf_counter()
            stages[stage](*trained_run(grid_run.later[stage].model_copy(update={"run": str(grid_run.folder)})))
            seconds += time.perf_counter() - started
        run_id = ensure_run(tracker, metadata, grid_run.folder)
        tracker.tag(run_id, {"configuration": grid_run.configuration})
        measured = {name: value for name, value in tracker.figures(run_id).items() if math.isfinite(value)}
        missing = [name for name in grid_run.wanted if name not in measured]
        if missing:
            raise UserError(
                f"{grid_run.name}: {', '.join(missing)} was not measured; check that its dataset has digits for it"
            )
        return Row(
            key=grid_run.key,
            grid_run=grid_run.name,
            seed=grid_run.seed,
            stages=grid_run.stages,
            seconds=round(seconds, 1),
            finished=now(),
            run=run_id,
            commit=metadata.git_commit,
            machine=metadata.machine,
            configuration=grid_run.configuration,
            data=grid_run.config.data.name,
            data_split=grid_run.config.data.split,
            data_sha=grid_run.data_sha,
            metrics={name: measured[name] for name in grid_run.kept if name in measured},
        )


def stage_functions() -> Mapping[str, Callable[..., Any]]:
    """Return the functions of the pipeline's stages by name.

    TensorFlow is imported here, as a script imports it: after the process has set its number of threads. Grid runs
    do not run `ensemble`. It evaluates a selection.
    """
    start_tensorflow()
    from inkproof.stages.drawn import drawn
    from inkproof.stages.ensemble import ensemble
    from inkproof.stages.evaluate import evaluate
    from inkproof.stages.export import export
    from inkproof.stages.formats import formats
    from inkproof.stages.out_of_fold import out_of_fold
    from inkproof.stages.train import train

    stages: tuple[Callable[..., Any], ...] = (train, out_of_fold, evaluate, export, drawn, formats, ensemble)
    return {stage.__name__: stage for stage in stages}


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send what a grid run prints to a file of its own. The terminal shows the table of all grid runs."""
    with path.open("a", encoding="utf-8", buffering=1) as log, stderr_into(log):
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield
        except BaseException:
            traceback.print_exc(file=log)
            raise
