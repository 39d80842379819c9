"""One cell, in whichever process and on whichever machine a launcher puts it: stages, MLflow run, ledger row."""

import contextlib
import math
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from inkproof.config.one_line import in_one_line
from inkproof.runtime.errors import UserError
from inkproof.runtime.processes import end_with_parent, use_threads
from inkproof.runtime.startup import start_tensorflow, stderr_into
from inkproof.studies.cells import Cell
from inkproof.studies.ledger import Row, now, read_ledger, write_row
from inkproof.studies.progress import DONE, FAILED, RUNNING, Progress, finished, read_progress
from inkproof.tracking.mlflow_store import Store, nested
from inkproof.tracking.provenance import describe_machine
from inkproof.tracking.record import RunRecord
from inkproof.tracking.run import adopt, ensure_run

LOG = "log.txt"


@dataclass(frozen=True)
class CellTask:
    """What a launcher calls for each cell, with a configuration whose `cell` is the cell's key.

    `threads` is how many of a machine's cores a cell may use, None for all. `since` is "" or the moment
    (UTC, ISO 8601) from which on a row of the ledger counts, for studies that are forced. `started_by` is the id of the
    process that launches: workers that it starts itself end with it.
    """

    cells: Mapping[str, Cell]
    ledger: Path
    experiment: str
    parent: str
    threads: int | None
    since: str
    started_by: int

    def __call__(self, cfg: Any) -> str:
        """Run the cell that `cfg` names; return its state. Only a killed process gets out of this without one."""
        end_with_parent(self.started_by)
        cell = self.cells[cfg.cell]
        if self.threads is not None:
            use_threads(self.threads)
        cell.folder.mkdir(parents=True, exist_ok=True)
        # A worker that outlived its launcher may still be at it: whoever comes second waits, and finds it done.
        with FileLock(cell.folder / "lock"):
            if finished(cell, read_ledger(self.ledger).get(cell.key), self.since):
                return DONE
            return self._run(cell)

    def _run(self, cell: Cell) -> str:
        # Forced, but begun before this process: that training is gone on with.
        force = bool(self.since) and read_progress(cell.folder).forced != self.since
        progress = Progress(
            RUNNING, started=time.time(), machine=describe_machine(), pid=os.getpid(), forced=self.since
        )
        try:
            with _logged(cell.folder / LOG):
                write_row(self.ledger, self._stages(cell, force, progress))
        except Exception as error:
            replace(progress, state=FAILED, ended=time.time(), error=in_one_line(error)).write(cell.folder)
            return FAILED
        replace(progress, state=DONE, ended=time.time()).write(cell.folder)
        return DONE

    def _stages(self, cell: Cell, force: bool, progress: Progress) -> Row:
        stages = stage_functions()
        replace(progress, stage="train").write(cell.folder)
        told = {"experiment_name": self.experiment, "register": False, "out": str(cell.folder), "force": force}
        with nested(self.parent, cell.name):
            stages["train"]({**cell.config, **told})
            store = Store()
            record = adopt(store, RunRecord.read(cell.folder), cell.folder, self.experiment, self.parent)
        seconds = record.seconds
        for stage in cell.stages[1:]:
            replace(progress, stage=stage).write(cell.folder)
            started = time.perf_counter()
            stages[stage]({**cell.later[stage], "run": str(cell.folder)})
            seconds += time.perf_counter() - started
        run_id = ensure_run(store, record, cell.folder)
        store.tag(run_id, {"configuration": cell.configuration})
        measured = {name: value for name, value in store.figures(run_id).items() if math.isfinite(value)}
        missing = [name for name in cell.wanted if name not in measured]
        if missing:
            raise UserError(f"{cell.name}: no figure for {', '.join(missing)}; is there something to measure it on?")
        return Row(
            key=cell.key,
            cell=cell.name,
            seed=cell.seed,
            stages=cell.stages,
            seconds=round(seconds, 1),
            finished=now(),
            run=run_id,
            commit=record.git_commit,
            machine=record.machine,
            configuration=cell.configuration,
            data=cell.config["data"]["name"],
            data_sha=cell.data_sha,
            metrics={name: measured[name] for name in cell.kept if name in measured},
        )


def stage_functions() -> Mapping[str, Callable[[dict[str, Any]], Any]]:
    """Return the functions of the pipeline's stages by name.

    A cell is what its process begins with, as a script is: TensorFlow is imported here, once the process knows with
    how many threads to compute. Cells do not run `ensemble`, which the evaluation of a choice does.
    """
    start_tensorflow()
    from inkproof.stages.drawn import drawn
    from inkproof.stages.ensemble import ensemble
    from inkproof.stages.evaluate import evaluate
    from inkproof.stages.export import export
    from inkproof.stages.formats import formats
    from inkproof.stages.held_out import held_out
    from inkproof.stages.train import train

    stages = (train, held_out, evaluate, export, drawn, formats, ensemble)
    return {stage.__name__: stage for stage in stages}


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send what a cell prints to its own file: on the terminal there is the table of all cells."""
    with path.open("a", encoding="utf-8", buffering=1) as log, stderr_into(log):
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield
        except BaseException:
            traceback.print_exc(file=log)
            raise
