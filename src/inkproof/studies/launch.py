"""How grid runs are launched, and those of this machine through Hydra's launchers: one by one, or in parallel."""

import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import hydra
from omegaconf import DictConfig

from inkproof.config.one_line import explain, in_one_line
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT, tracking_uri
from inkproof.runtime.processes import share
from inkproof.studies.grid import GridRun

CLUSTER = ("ray", "slurm")
"""Launchers that queue grid runs on other machines, each with a clone of its own: see `cluster`."""
LAUNCHERS = ("basic", "joblib", *CLUSTER)
CLUSTER_THREADS = 2


@dataclass(frozen=True)
class Launching:
    """How grid runs are launched: by which launcher, how many at once, with which settings of the launcher.

    A setting is an override such as hydra.launcher.verbose=1 for joblib, and such as slurm_partition=short for SLURM.
    `reserved` is the number of cores that a grid run gets, None for the launcher's own choice. `address` is that of a
    Ray cluster, None for a cluster of this machine alone.
    """

    launcher: str
    jobs: int
    settings: tuple[str, ...] = ()
    reserved: int | None = None
    address: str | None = None

    @property
    def on_cluster(self) -> bool:
        """Whether grid runs are queued on a cluster, whose machines have clones of their own."""
        return self.launcher in CLUSTER

    @property
    def given(self) -> dict[str, str]:
        """The settings by name."""
        return dict(_parts(word) for word in self.settings)

    @property
    def threads(self) -> int | None:
        """The threads of a grid run: those that are reserved for it, else its share of this machine's cores.

        None if it has the whole machine. CLUSTER_THREADS on a cluster, whose machines may differ from this one.
        """
        if self.reserved is not None:
            return self.reserved
        if self.on_cluster:
            return CLUSTER_THREADS
        return None if self.launcher == "basic" else share(self.jobs)


def _parts(setting: str) -> tuple[str, str]:
    name, _, value = setting.lstrip("+").partition("=")
    return name, value


def check_launcher(how: Launching) -> None:
    """Raise UserError if the launcher is not installed or cannot run that many grid runs at once."""
    launcher, jobs = how.launcher, how.jobs
    if jobs < 1:
        raise UserError(f"--jobs {jobs}: expected at least 1")
    if launcher == "basic" and jobs > 1:
        raise UserError(f"--jobs {jobs}: the launcher basic runs one grid run after another; add --launcher joblib")
    needed = {"ray": "ray", "slurm": "submitit"}.get(launcher)
    if needed is not None and importlib.util.find_spec(needed) is None:
        raise UserError(f"--launcher {launcher}: not installed; `make cluster` adds it to the environment")
    if launcher == "slurm" and shutil.which("sbatch") is None:
        raise UserError(f"--launcher {launcher}: no sbatch found; run the command on a machine with SLURM")
    if how.on_cluster and not tracking_uri().startswith("http"):
        raise UserError(
            f"--launcher {launcher}: its machines need one MLflow server; set MLFLOW_TRACKING_URI (docs/tracking.md)"
        )


def launch(task: Callable[[DictConfig], str], study: str, grid_runs: Sequence[GridRun], how: Launching) -> None:
    """Run `task` for each of `grid_runs`, whose key it gets as `grid_run`; return when the launcher reports their end.

    Raises what `task` raises, and UserError where the launcher fails, for example because one of its processes died.
    Other grid runs may then still be running.
    """
    # Processes that are not forks of this one find the package through PYTHONPATH.
    source = str(ROOT / "src")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != source]
    os.environ["PYTHONPATH"] = os.pathsep.join([source, *paths])
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us instead of being printed by Hydra
    words = sys.argv
    sys.argv = [words[0], *_multirun(study, grid_runs, how)]
    try:
        # Without config_name: grid runs are composed already, and Hydra would compose each job anew, twice.
        hydra.main(version_base="1.3", config_path=str(ROOT / "conf"))(task)()
    except Exception as error:
        if explain(error) is not None:
            raise
        raise UserError(f"--launcher {how.launcher}: {in_one_line(error)[:300]}") from error
    finally:
        sys.argv = words


def _multirun(study: str, grid_runs: Sequence[GridRun], how: Launching) -> list[str]:
    """Return the arguments with which Hydra launches a job for each of `grid_runs`."""
    joblib = how.launcher == "joblib"
    chosen = [f"hydra.launcher.n_jobs={how.jobs}", "hydra.launcher.pre_dispatch=n_jobs"] if joblib else []
    return [
        "--multirun",
        "+grid_run=" + ",".join(_quoted(grid_run.key) for grid_run in grid_runs),
        f"hydra/launcher={how.launcher}",
        "hydra/hydra_logging=none",
        "hydra/job_logging=none",
        "hydra.output_subdir=null",
        f"hydra.job.name={_quoted(f'study-{study}')}",
        f"hydra.sweep.dir={_quoted(ROOT / 'runs' / 'studies' / study / 'jobs')}",
        *(word for word in chosen if _parts(word)[0] not in how.given),
        *how.settings,
    ]


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "\\'") + "'"


def quiet() -> None:
    """Keep messages of launchers off the terminal, which shows the table of grid runs."""
    for name in ("hydra", "hydra_plugins"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stdout.flush()
