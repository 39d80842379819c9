"""Grid runs through one of Hydra's launchers: in this process, in parallel, on SLURM or on a Ray cluster."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import hydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from inkproof.config.one_line import explain, in_one_line
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.processes import cores, share
from inkproof.studies.grid import GridRun

RAY_ADDRESS = "hydra.launcher.ray.init.address"
RESERVED = ("hydra.launcher.cpus_per_task", "hydra.launcher.ray.remote.num_cpus")
CLUSTER_THREADS = 2
# The settings with which each launcher runs `jobs` grid runs at once, each on `threads` cores.
SETTINGS: dict[str, Callable[[int, int], list[str]]] = {
    "basic": lambda jobs, threads: [],
    "joblib": lambda jobs, threads: [f"hydra.launcher.n_jobs={jobs}", "hydra.launcher.pre_dispatch=n_jobs"],
    "submitit_local": lambda jobs, threads: [
        f"hydra.launcher.cpus_per_task={threads}",
        "hydra.launcher.timeout_min=1440",
        f"hydra.sweeper.max_batch_size={jobs}",  # its executor starts a whole batch at once
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
LAUNCHERS = tuple(SETTINGS)


@dataclass(frozen=True)
class Launching:
    """How grid runs are launched: by which launcher, how many at once, with which settings of the launcher.

    A setting is an override such as hydra.launcher.partition=short.
    """

    launcher: str
    jobs: int
    settings: tuple[str, ...] = ()

    @property
    def on_cluster(self) -> bool:
        """Whether grid runs run on other machines."""
        return self.launcher == "submitit_slurm" or RAY_ADDRESS in self.given

    @property
    def given(self) -> dict[str, str]:
        """The settings by name."""
        return dict(_parts(word) for word in self.settings)

    @property
    def threads(self) -> int | None:
        """The threads of a grid run: as many as the settings reserve for it, else its share of this machine's cores.

        None if it has the whole machine. CLUSTER_THREADS on a cluster, whose machines may differ from this one.
        """
        for name in RESERVED:
            if self.given.get(name, "").isdecimal():
                return int(self.given[name])
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
    modules = {plugin.__module__ for plugin in Plugins.instance().discover(Launcher)}
    plugin = f"hydra_{launcher.partition('_')[0]}_launcher"
    if launcher != "basic" and not any(plugin in module for module in modules):
        raise UserError(f"--launcher {launcher}: not installed; `make cluster` adds it to the environment")
    if launcher == "submitit_slurm" and shutil.which("sbatch") is None:
        raise UserError(f"--launcher {launcher}: no sbatch found; run the command on a machine with SLURM")


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
    threads = how.threads or cores()
    chosen = list(SETTINGS[how.launcher](how.jobs, threads))
    if how.launcher == "ray" and not how.on_cluster:
        chosen.append(f"+hydra.launcher.ray.init.num_cpus={how.jobs * threads}")  # a cluster of only this machine
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
    for name in ("hydra", "hydra_plugins", "submitit", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stdout.flush()
