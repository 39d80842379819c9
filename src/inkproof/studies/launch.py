"""Cells handed to one of Hydra's launchers: in this process, side by side, on SLURM or on a Ray cluster."""

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from inkproof.cores import cores, share
from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.studies.cells import Cell

LAUNCHERS = ("basic", "joblib", "submitit_local", "submitit_slurm", "ray")
EXTRAS = {"submitit_local": "submitit", "submitit_slurm": "submitit", "ray": "ray", "joblib": "joblib"}
# What each launcher has to be told so that `jobs` cells run at once, each on `threads` cores.
SETTINGS: dict[str, Callable[[int, int], list[str]]] = {
    "basic": lambda jobs, threads: [],
    "joblib": lambda jobs, threads: [f"hydra.launcher.n_jobs={jobs}", "hydra.launcher.pre_dispatch=n_jobs"],
    "submitit_local": lambda jobs, threads: [
        f"hydra.launcher.cpus_per_task={threads}",
        "hydra.launcher.timeout_min=1440",
    ],
    "submitit_slurm": lambda jobs, threads: [
        f"hydra.launcher.cpus_per_task={threads}",
        f"hydra.launcher.array_parallelism={jobs}",
        "hydra.launcher.timeout_min=1440",
    ],
    "ray": lambda jobs, threads: [
        "+hydra.launcher.ray.init.include_dashboard=false",
        "+hydra.launcher.ray.init.log_to_driver=false",
        f"+hydra.launcher.ray.init.logging_level={logging.ERROR}",
        f"+hydra.launcher.ray.remote.num_cpus={threads}",
    ],
}


def jobs_of(launcher: str, asked: int | None) -> int:
    """Return how many cells run at once: as many as were asked for, else as many as there are cores."""
    return asked if asked is not None else 1 if launcher == "basic" else cores()


def threads_of(launcher: str, jobs: int) -> int | None:
    """Return the threads of a cell when `jobs` of them share a machine; None where one cell has all of them."""
    return None if launcher == "basic" else share(jobs)


def check_launcher(launcher: str, jobs: int) -> None:
    """Raise UserError where the launcher is not installed or cannot run `jobs` cells at once."""
    from hydra.core.plugins import Plugins
    from hydra.plugins.launcher import Launcher

    if jobs < 1:
        raise UserError(f"--jobs {jobs}: at least one cell has to run")
    if launcher == "basic" and jobs > 1:
        raise UserError(f"--jobs {jobs}: the launcher basic runs one cell after another; add --launcher joblib")
    modules = {plugin.__module__ for plugin in Plugins.instance().discover(Launcher)}
    extra = EXTRAS.get(launcher)
    if extra and not any(f"hydra_{extra}_launcher" in module for module in modules):
        raise UserError(f"--launcher {launcher}: not installed; `make cluster` adds it to the environment")
    if launcher == "submitit_slurm" and shutil.which("sbatch") is None:
        raise UserError(f"--launcher {launcher}: there is no sbatch here; give the command where SLURM is")


def launch(
    task: Callable[[Any], str],
    study: str,
    cells: Sequence[Cell],
    launcher: str,
    jobs: int,
    settings: Sequence[str] = (),
) -> None:
    """Run `task` for each of `cells` through a launcher; return when it says that all have ended.

    `settings` are overrides of the launcher, such as hydra.launcher.partition=short. Raises whatever the launcher
    raises when one of its processes dies; other cells may then still be running.
    """
    # Processes that are not forks of this one find the package and the stages by this.
    source = str(ROOT / "src")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != source]
    os.environ["PYTHONPATH"] = os.pathsep.join([source, *paths])
    # submitit's local executor starts all that it is given at once.
    size = jobs if launcher == "submitit_local" else len(cells)
    for first in range(0, len(cells), size):
        with _launcher(task, study, launcher, jobs, settings) as run:
            batch = cells[first : first + size]
            run.launch([[*cell.overrides, f"+cell='{cell.key}'"] for cell in batch], initial_job_idx=first)


@contextmanager
def _launcher(task: Any, study: str, launcher: str, jobs: int, settings: Sequence[str]) -> Any:
    """Yield a set-up launcher of Hydra."""
    from hydra._internal.callbacks import Callbacks
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext, RunMode

    given = {word.lstrip("+").partition("=")[0] for word in settings}
    chosen = list(SETTINGS[launcher](jobs, threads_of(launcher, jobs) or cores()))
    if launcher == "ray" and "hydra.launcher.ray.init.address" not in given:
        threads = threads_of(launcher, jobs) or 1
        chosen.append(f"+hydra.launcher.ray.init.num_cpus={jobs * threads}")  # a cluster of this machine alone
    chosen = [word for word in chosen if word.lstrip("+").partition("=")[0] not in given]
    words = [f"hydra/launcher={launcher}", f"hydra.sweep.dir={_quoted(ROOT / 'runs' / 'studies' / study / 'jobs')}"]
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2(
        task_name=f"study-{study}", config_search_path=create_config_search_path(str(ROOT / "conf"))
    )
    try:
        config = hydra.compose_config("config", [*words, *chosen, *settings], RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        yield Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    finally:
        GlobalHydra.instance().clear()


def _quoted(path: Any) -> str:
    return "'" + str(path).replace("'", "\\'") + "'"


def quiet() -> None:
    """Keep what launchers say off the terminal, where the table of cells stands."""
    for name in ("hydra", "hydra_plugins", "submitit", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # joblib's executor renews a worker whose memory has grown, as TensorFlow's does with every network.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    sys.stdout.flush()
