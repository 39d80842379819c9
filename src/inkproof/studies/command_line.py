"""What study.py is asked for: its commands and their options, and where grid runs are to run."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from inkproof.runtime.processes import cores
from inkproof.studies.definition import study_folder
from inkproof.studies.launch import LAUNCHERS, Launching
from inkproof.studies.results import now

UI = "http://127.0.0.1:5000"  # where `make ui` serves
BY, SEEDS, TOP = "test_accuracy", 1, 30  # the order that experiments/leaderboard.md holds
SETTINGS = "Settings of the launcher are further words: hydra.launcher.partition=short"
ORDER = "Without --by, --seeds and --top the ranking is written to experiments/leaderboard.md, too."


def parse(words: Sequence[str], about: str) -> argparse.Namespace:
    """Return the `command` and its options, with `how` grid runs run for commands that run some; `about` is for --help.

    Ends the process where that cannot be.
    """
    top = argparse.ArgumentParser(prog="study.py", description=about)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    select = commands.add_parser("select", help="choose the best network and the best small ensemble of a study")
    steps = select.add_subparsers(title="steps, in this order", metavar="STEP", required=True)

    def add(group: Any, name: str, about: str, *parents: argparse.ArgumentParser, epilog: str | None = None) -> Any:
        one = group.add_parser(name, help=about, description=about, parents=parents, epilog=epilog)
        one.set_defaults(command=name, parser=one)
        return one

    folder, grid_runs, forced = _shared_options()
    add(
        commands,
        "run",
        "run the grid runs of a study that are left, write its table and figure",
        forced,
        epilog=SETTINGS,
    )
    add(commands, "table", "write table and figure of a study from results.csv, run nothing", folder)
    add(commands, "list", "show all studies, their state and what is left to compute")
    one = add(commands, "leaderboard", "rank the configurations in all results_tables and in MLflow", epilog=ORDER)
    one.add_argument("--by", default=BY, help="the metric that ranks (default: %(default)s)")
    seeds = "seeds a configuration has to have (default: %(default)s)"
    one.add_argument("--seeds", type=_at_least(1), default=SEEDS, help=seeds)
    one.add_argument("--top", type=_at_least(1), default=TOP, help="lines (default: %(default)s)")
    one.add_argument("--write", action="store_true", help="write another order to experiments/leaderboard.md, too")
    one.add_argument("--ui", default=UI, help="address of the MLflow UI, for links (default: %(default)s)")
    add(steps, "candidates", "cross-validate the networks of the study", forced, epilog=SETTINGS)
    one = add(steps, "choose", "write selection.yaml by the held-out answers alone, to be committed", folder)
    one.add_argument("--hours", type=float, default=1.0, help="longest training (default: %(default)s)")
    one.add_argument("--members", type=_at_least(2), default=5, help="largest ensemble (default: %(default)s)")
    one.add_argument("--seeds", type=_at_least(1), default=3, help="evaluations to average (default: %(default)s)")
    jobs = "--jobs of the candidates, which were timed so"
    one.add_argument("--at-once", type=_at_least(1), default=1, help=jobs)
    one.add_argument("--again", action="store_true", help="keep the present selection as an earlier one")
    evaluate = "train the committed selection on all digits and read the test digits with it, once"
    add(steps, "evaluate", evaluate, grid_runs, epilog=SETTINGS)

    options, settings = top.parse_known_args(words)
    if "launcher" in options:
        options.how = _launching(options, settings)
    elif settings:
        options.parser.error(f"{settings[0]}: does nothing for this command")
    if options.command == "leaderboard" and (options.by, options.seeds, options.top) == (BY, SEEDS, TOP):
        options.write = True
    return options


def _shared_options() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return what commands for a study take, what those take that run its grid runs, and that may run them again."""
    folder = argparse.ArgumentParser(add_help=False)
    example = "with a study.yaml, such as experiments/02-augmentation"
    folder.add_argument("folder", type=study_folder, help=example)
    grid_runs = argparse.ArgumentParser(add_help=False, parents=[folder])
    grid_runs.add_argument(
        "--launcher", choices=LAUNCHERS, default="basic", help="where grid runs run (default: %(default)s)"
    )
    grid_runs.add_argument(
        "--jobs", type=int, help="grid_runs at a time (default: as many as there are cores; basic: one)"
    )
    tries = "times that a failed grid_run is tried again (default: %(default)s)"
    grid_runs.add_argument("--retries", type=_at_least(0), default=2, help=tries)
    forced = argparse.ArgumentParser(add_help=False, parents=[grid_runs])
    again = "run every grid_run again, done or not"
    forced.add_argument("--force", action="store_const", dest="since", const=now(), default="", help=again)
    return folder, grid_runs, forced


def _at_least(least: int) -> Callable[[str], int]:
    """Return what makes a word of the command line a whole number from `least` on."""

    def number(word: str) -> int:
        found = int(word)
        if found < least:
            raise argparse.ArgumentTypeError(f"{word}: at least {least}")
        return found

    return number


def _launching(options: argparse.Namespace, settings: Sequence[str]) -> Launching:
    """Return where grid runs are to run; `settings` are the words that the parser does not know."""
    error = options.parser.error
    for word in settings:
        if word.startswith("-"):
            error(f"{word}: unknown option")
        if not word.lstrip("+").startswith("hydra.launcher.") or "=" not in word:
            error(f"{word}: settings are hydra.launcher.KEY=VALUE; what a grid run computes stands in study.yaml")
        if word.lstrip("+").startswith("hydra.launcher.n_jobs="):
            error(f"{word}: --jobs says how many grid runs run at a time")
    jobs = options.jobs if options.jobs is not None else 1 if options.launcher == "basic" else cores()
    return Launching(options.launcher, jobs, tuple(settings))
