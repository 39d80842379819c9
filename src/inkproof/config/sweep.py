"""A sweep, `train.py -m`: a line before each job, a table at the end, and the jobs that failed.

A launcher may run jobs in other processes. So each job writes its row to a file in the folder that Hydra gives it.
"""

import itertools
import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.table import Table

from inkproof.config.one_line import explain, fail, in_one_line
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.progress import table_console
from inkproof.runtime.startup import large_libraries

with large_libraries():
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from hydra.experimental.callback import Callback
    from hydra.types import RunMode

ROW = "job.json"


@dataclass(frozen=True)
class Trained:
    """What a job's row says of its run.

    `accuracy` is on the `digits`, "validation" or "training". `link`, which a sweep alone calls, returns a line with
    the address of the run's experiment in MLflow.
    """

    accuracy: float
    digits: str
    seconds: float
    folder: str
    link: Callable[[], str]


class Sweep(Callback):
    """The sweep of this process. Hydra calls it, and passes it on to the processes that a launcher starts."""

    _folder: Path | None = None
    _total: int | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the folder and the number of jobs, and remove rows of an earlier sweep in the same folder."""
        try:
            jobs = _jobs(config)
            _check_jobs(jobs, config)
        except UserError as error:
            fail(Path(sys.argv[0]).name, error)  # Hydra would make an exception a warning
        self._folder, self._total = Path(config.hydra.sweep.dir).absolute(), len(jobs) if jobs else None
        for old in self._folder.glob(f"*/{ROW}"):
            old.unlink()

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Print which job begins, of how many, with what overrides."""
        if self._folder is not None:
            print(f"{self._name(config.hydra.job.num)}: {_words(config.hydra.overrides.task)}", flush=True)

    def end(self, script: str) -> int:
        """Print the jobs that have ended, the best first, then their folders; name the failed ones.

        Return the exit code, which is 0 if no job failed.
        """
        if self._folder is None:
            return 0
        rows = [json.loads(path.read_text("utf-8")) for path in self._folder.glob(f"*/{ROW}")]
        self._folder = None
        ended = sorted((row for row in rows if "error" not in row), key=lambda row: (-row["accuracy"], row["job"]))
        failed = sorted((row for row in rows if "error" in row), key=lambda row: row["job"])
        if ended:
            table_console().print(_table(ended, rows))
            for place, row in enumerate(ended, 1):  # below the table, whose columns would break them
                print(f"{place:2} {row['folder']}")
            for link in sorted({row["link"] for row in ended}):
                print(link)
        for row in failed:
            name = f"{self._name(row['job'])} ({_words(row['overrides'])})"
            print(f"{script}: error: {name}: {row['error']}", file=sys.stderr)
        return min((row["code"] for row in failed), default=0)

    def _name(self, number: int) -> str:
        return f"job {number + 1}" + (f" of {self._total}" if self._total else "")


def job(work: Callable[[], Trained]) -> float:
    """Do the job that Hydra has begun, and write its row; return its accuracy, for a sweeper, or NaN if it failed.

    A failed job does not end the sweep.
    """
    hydra, began = HydraConfig.get(), time.monotonic()
    row: dict[str, Any] = {"job": int(hydra.job.num), "overrides": list(hydra.overrides.task)}
    try:
        trained = work()
        row |= {**asdict(trained), "link": trained.link()}
    except Exception as error:
        if explain(error) is None:
            traceback.print_exc()
        row |= {"error": in_one_line(error), "code": 1 if explain(error) is None else 2}
        print(f"job {row['job'] + 1} failed after {time.monotonic() - began:.0f} s", flush=True)
    with replacing(Path(hydra.runtime.output_dir) / ROW) as temporary:
        temporary.write_text(json.dumps(row), "utf-8")
    return float(row.get("accuracy", math.nan))


def in_sweep() -> bool:
    """Return whether this process does a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN


@cache
def current() -> Sweep:
    """Return the sweep of this process; conf/hydra/quiet.yaml names this function to Hydra."""
    return Sweep()


def _jobs(config: DictConfig) -> list[list[str]] | None:
    """The overrides of each job of Hydra's own sweeper, which combines all values; None for another sweeper.

    Raises UserError for a key without values: the sweep has no jobs then.
    """
    sweeper = config.hydra.sweeper
    if not sweeper.get("_target_", "").endswith(".BasicSweeper"):
        return None
    task: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)  # ${seed} is each job's own
    words = [*(f"{key}={value}" for key, value in (sweeper.params or {}).items()), *task]
    values: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(words):
        key = override.get_key_element()
        sweeps = override.is_sweep_override()
        values[key] = list(override.sweep_string_iterator()) if sweeps else [override.get_value_element_as_str()]
        if not values[key]:
            raise UserError(f"{override.input_line}: no values, so the sweep has no jobs; give {key} some")
    combined = itertools.product(*values.values())
    return [[f"{key}={value}" for key, value in zip(values, job, strict=True)] for job in combined]


def _check_jobs(jobs: list[list[str]] | None, config: DictConfig) -> None:
    """Raise UserError for two jobs that would write to the same `run.out`."""
    if jobs is None or not any("run.out=" in word for word in jobs[0]):
        return
    seen: dict[str, int] = {}
    with suppress(HydraException, OmegaConfBaseException):  # a mistake in a job: Hydra names it
        for number, job in enumerate(jobs, 1):
            out = GlobalHydra.instance().config_loader().load_sweep_config(config, job).run.out
            if out is not None and seen.setdefault(out, number) != number:
                raise UserError(
                    f"run.out={out}: jobs {seen[out]} and {number} of the sweep would both write there; "
                    "write run.out='models/${model.name}-s${seed}' with the keys that differ"
                )


def _words(overrides: Sequence[str]) -> str:
    return " ".join(overrides) or "no overrides"


def _table(ended: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> Table:
    """The jobs that have ended, without the overrides that all of several jobs have; `rows` are all jobs."""
    shared = set.intersection(*(set(row["overrides"]) for row in rows)) if len(rows) > 1 else set()
    table = Table("", "overrides", "accuracy", "seconds")
    for place, row in enumerate(ended, 1):
        accuracy = f"{row['accuracy']:.2%} {row['digits']}"
        differ = _words([word for word in row["overrides"] if word not in shared])
        table.add_row(str(place), differ, accuracy, f"{row['seconds']:.0f}")
    return table
