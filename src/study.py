"""Run studies and compare their results: python src/study.py run experiments/02-augmentation.

Started again it goes on: cells in results.csv are not run again, and a killed training goes on with its next epoch.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from inkproof.config.one_line import run
from inkproof.runtime.paths import ROOT
from inkproof.runtime.startup import start_tensorflow
from inkproof.studies.definition import study_folder
from inkproof.studies.launch import Launching, add_launch_options, launching
from inkproof.studies.ledger import now

SCRIPT = Path(__file__).name
UI = "http://127.0.0.1:5000"  # where `make ui` serves
BY, SEEDS, TOP = "test_accuracy", 1, 30  # the order that experiments/leaderboard.md holds


def main() -> None:
    """Parse the command line and do what it says; the exit code is 1 where cells were given up."""
    options, how = parse()
    run(SCRIPT, lambda: sys.exit(1 if options.command(options, how) is False else 0))


def parse(words: Sequence[str] | None = None) -> tuple[argparse.Namespace, Launching | None]:
    """Return what the command line asks for, its function as `command`, and where cells run, for what runs cells.

    Ends the process where that cannot be.
    """
    top = argparse.ArgumentParser(prog=SCRIPT, description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    select = commands.add_parser("select", help="choose the best network and the best small ensemble of a study")
    steps = select.add_subparsers(title="steps, in this order", metavar="STEP", required=True)
    made: dict[object, argparse.ArgumentParser] = {}
    for group, name, about, command in (
        (commands, "run", "run the cells of a study that are left, write its table and figure", run_study),
        (commands, "table", "write table and figure of a study from results.csv, run nothing", table),
        (commands, "list", "show all studies, their state and what is left to compute", list_studies),
        (commands, "leaderboard", "rank the configurations in all ledgers and in MLflow", leaderboard),
        (steps, "candidates", "cross-validate the networks of the study", candidates),
        (steps, "choose", "write choice.yaml by the held-out answers alone, to be committed", choose),
        (
            steps,
            "evaluate",
            "train the committed choice on all digits and read the test digits with it, once",
            evaluate,
        ),
    ):
        one = made[command] = group.add_parser(name, help=about, description=about)
        one.set_defaults(command=command)
        if command not in (list_studies, leaderboard):
            one.add_argument("folder", type=study_folder, help="with a study.yaml, such as experiments/02-augmentation")
        if command in (run_study, candidates, evaluate):
            add_launch_options(one)
        if command in (run_study, candidates):
            one.add_argument("--force", action="store_true", help="run every cell again, done or not")
    one = made[choose]
    one.add_argument("--hours", type=float, default=1.0, help="longest training (default: %(default)s)")
    one.add_argument("--members", type=int, default=5, help="largest ensemble (default: %(default)s)")
    one.add_argument("--seeds", type=int, default=3, help="evaluations to average (default: %(default)s)")
    one.add_argument("--at-once", type=int, default=1, help="--jobs of the candidates, which were timed so")
    one.add_argument("--again", action="store_true", help="keep the present choice as an earlier one")
    one = made[leaderboard]
    one.epilog = "Without --by, --seeds and --top the ranking is written to experiments/leaderboard.md, too."
    one.add_argument("--by", default=BY, help="the metric that ranks (default: %(default)s)")
    one.add_argument(
        "--seeds", type=int, default=SEEDS, help="seeds a configuration has to have (default: %(default)s)"
    )
    one.add_argument("--top", type=int, default=TOP, help="lines (default: %(default)s)")
    one.add_argument("--write", action="store_true", help="write another order to experiments/leaderboard.md, too")
    one.add_argument("--ui", default=UI, help="address of the MLflow UI, for links (default: %(default)s)")
    options, settings = top.parse_known_args(words)
    parser = made[options.command]
    for name, least in {"seeds": 1, "members": 2, "at_once": 1, "top": 1}.items():
        if getattr(options, name, least) < least:
            parser.error(f"--{name.replace('_', '-')} {getattr(options, name)}: at least {least}")
    if hasattr(options, "launcher"):
        return options, launching(parser, options, settings)
    if settings:
        parser.error(f"{settings[0]}: does nothing for this command")
    return options, None


def run_study(options: argparse.Namespace, how: Launching) -> bool:
    """Run what is left of a study; return whether no cell was given up."""
    from inkproof.studies.run_study import study

    return study(options.folder, how, options.retries, now() if options.force else "")


def table(options: argparse.Namespace, _: None) -> None:
    """Write table and figure of a study."""
    from inkproof.studies.definition import read_study
    from inkproof.studies.run_study import write_table

    print(write_table(read_study(options.folder)))


def list_studies(_: argparse.Namespace, __: None) -> None:
    """Print all studies, their state and what is left to compute."""
    from inkproof.studies.live import print_all

    print_all(ROOT / "experiments")


def leaderboard(options: argparse.Namespace, _: None) -> None:
    """Print the ranking, and write it where it is the committed one's order or that is asked for."""
    from inkproof.studies.leaderboard import leaderboard

    own = (options.by, options.seeds, options.top) == (BY, SEEDS, TOP)
    leaderboard(options.by, options.seeds, options.top, options.ui, options.write or own)


def candidates(options: argparse.Namespace, how: Launching) -> bool:
    """Cross-validate what is left of the candidates; return whether no cell was given up."""
    from inkproof.studies.selection import candidates

    return candidates(options.folder, how, options.retries, now() if options.force else "")


def choose(options: argparse.Namespace, _: None) -> None:
    """Choose by the held-out answers."""
    from inkproof.studies.selection import choose_step

    choose_step(options.folder, options.hours, options.members, options.seeds, options.at_once, options.again)


def evaluate(options: argparse.Namespace, how: Launching) -> bool:
    """Evaluate the committed choice; return whether no cell was given up."""
    start_tensorflow()
    from inkproof.studies.choice_evaluation import evaluate

    return evaluate(options.folder, how, options.retries)


if __name__ == "__main__":
    main()
