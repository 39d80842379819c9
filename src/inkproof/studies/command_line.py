"""The command line of study.py: its commands, their options, and how grid runs are launched."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from inkproof.runtime.accelerators import gpus
from inkproof.runtime.paths import UI
from inkproof.runtime.processes import cores
from inkproof.studies.definition import study_folder
from inkproof.studies.launch import CLUSTER, LAUNCHERS, Launching
from inkproof.studies.results import now

BY, SEEDS, TOP = "test_acc", 1, 30  # the ranking in experiments/leaderboard.md
SETTINGS = (
    "Add settings of SLURM as further arguments, such as slurm_partition=short; joblib's begin with hydra.launcher."
)
ORDER = "Without --by, --seeds and --top the ranking is also written to experiments/leaderboard.md."


def parse(words: Sequence[str], about: str) -> argparse.Namespace:
    """Return the `command` and its options, with `how` to launch grid runs for commands that run some.

    `about` is for --help. Ends the process with exit code 2 where `words` are not a valid command line.
    """
    top = argparse.ArgumentParser(prog="study.py", description=about, allow_abbrev=False)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    select = commands.add_parser("select", help="select the best network and the best small ensemble of a study")
    steps = select.add_subparsers(title="steps, in this order", metavar="STEP", required=True)

    # Of type Any, because argparse has no public name for the type of `commands` and `steps`.
    def add(group: Any, name: str, about: str, *parents: argparse.ArgumentParser, epilog: str | None = None) -> Any:
        one = group.add_parser(name, help=about, description=about, parents=parents, epilog=epilog, allow_abbrev=False)
        one.set_defaults(command=name, parser=one)
        return one

    folder, grid_runs, forced = _shared_options()
    run = "run the grid runs of a study that are not done, write its table and figure"
    add(commands, "run", run, forced, epilog=SETTINGS)
    one = add(commands, "grid-run", "do one grid run on a machine of a cluster; `run` queues it", folder)
    for name in ("key", "parent", "threads", "since"):
        one.add_argument(name, type=int if name == "threads" else str)
    add(commands, "table", "write table, figure and verdict of a study from results.csv, and run nothing", folder)
    add(commands, "list", "show all studies, their state and the time that is left")
    one = add(commands, "leaderboard", "rank the configurations in all results tables and in MLflow", epilog=ORDER)
    one.add_argument("--by", default=BY, help="the metric that ranks (default: %(default)s)")
    seeds = "least number of seeds of a configuration (default: %(default)s)"
    one.add_argument("--seeds", type=_at_least(1), default=SEEDS, help=seeds)
    one.add_argument("--top", type=_at_least(1), default=TOP, help="number of lines (default: %(default)s)")
    one.add_argument("--write", action="store_true", help="write this ranking to experiments/leaderboard.md")
    one.add_argument("--ui", default=UI, help="address of the MLflow UI, for links (default: %(default)s)")
    add(steps, "candidates", "cross-validate the networks of the study", forced, epilog=SETTINGS)
    one = add(steps, "choose", "write selection.yaml by the out-of-fold predictions alone; then commit it", folder)
    one.add_argument("--hours", type=float, default=1.0, help="budget of training time (default: %(default)s)")
    one.add_argument("--members", type=_at_least(2), default=5, help="largest ensemble (default: %(default)s)")
    one.add_argument("--seeds", type=_at_least(1), default=3, help="number of evaluations (default: %(default)s)")
    jobs = "the --jobs that the candidates were trained and timed with (default: %(default)s)"
    one.add_argument("--at-once", type=_at_least(1), default=1, help=jobs)
    again = "select again and keep the present selection as an earlier one"
    one.add_argument("--again", action="store_true", help=again)
    evaluate = "train the committed selection on all digits and evaluate it on the test digits, once"
    add(steps, "evaluate", evaluate, grid_runs, epilog=SETTINGS)

    options, settings = top.parse_known_args(words)
    if "launcher" in options:
        options.how = _launching(options, settings)
    elif settings:
        options.parser.error(f"{settings[0]}: has no effect for this command")
    if options.command == "leaderboard" and (options.by, options.seeds, options.top) == (BY, SEEDS, TOP):
        options.write = True
    return options


def _shared_options() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return the options of commands for a study, of those that run grid runs, and of those that may run them again."""
    folder = argparse.ArgumentParser(add_help=False)
    example = "folder with a study.yaml, such as experiments/02-augmentation"
    folder.add_argument("folder", type=study_folder, help=example)
    grid_runs = argparse.ArgumentParser(add_help=False, parents=[folder])
    grid_runs.add_argument(
        "--launcher", choices=LAUNCHERS, default="basic", help="what launches grid runs (default: %(default)s)"
    )
    jobs = "grid runs at a time (default: the number of GPUs or, without one, of cores; basic: one)"
    grid_runs.add_argument("--jobs", type=int, help=jobs)
    grid_runs.add_argument("--threads", type=_at_least(1), help="cores of a grid run (on a cluster: 2)")
    grid_runs.add_argument("--address", help="of a Ray cluster, HOST:PORT (default: a cluster of this machine alone)")
    tries = "how often a failed grid run is tried again (default: %(default)s)"
    grid_runs.add_argument("--retries", type=_at_least(0), default=2, help=tries)
    forced = argparse.ArgumentParser(add_help=False, parents=[grid_runs])
    again = "run every grid run again, done or not"
    forced.add_argument("--force", action="store_const", dest="since", const=now(), default="", help=again)
    return folder, grid_runs, forced


def _at_least(least: int) -> Callable[[str], int]:
    """Return a function that converts an argument to a whole number of at least `least`."""

    def number(word: str) -> int:
        found = int(word)
        if found < least:
            raise argparse.ArgumentTypeError(f"{word}: at least {least}")
        return found

    return number


def _launching(options: argparse.Namespace, settings: Sequence[str]) -> Launching:
    """Return how grid runs are launched. `settings` are the arguments that the parser does not know."""
    error = options.parser.error
    for word in settings:
        if word.startswith("-"):
            error(f"{word}: unknown option")
        begin = "slurm_" if options.launcher == "slurm" else "hydra.launcher."
        if not word.lstrip("+").startswith(begin) or "=" not in word or options.launcher == "ray":
            error(f"{word}: settings are {begin}KEY=VALUE; study.yaml sets what grid runs compute")
        if word.lstrip("+").startswith("hydra.launcher.n_jobs="):
            error(f"{word}: use --jobs for the number of grid runs at a time")
    jobs = options.jobs if options.jobs is not None else 1 if options.launcher == "basic" else len(gpus()) or cores()
    if options.launcher in CLUSTER and options.command != "run":
        error(f"--launcher {options.launcher}: a model selection runs on one machine; use joblib")
    if options.address and options.launcher != "ray":
        error(f"--address {options.address}: only for --launcher ray")
    return Launching(options.launcher, jobs, tuple(settings), options.threads, options.address)
