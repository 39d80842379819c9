"""Run studies and compare their results: python src/study.py run experiments/02-augmentation.

Run the same command again to resume: grid runs in results.csv are not run again, and a killed training resumes at its
next epoch.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)

# isort: split
import argparse
import sys

from inkproof.config.one_line import run
from inkproof.studies.command_line import parse


def main() -> None:
    """Run the command that was typed; the exit code is 1 if grid runs were given up."""
    options = parse(sys.argv[1:], str(__doc__).splitlines()[0])
    run("study.py", lambda: sys.exit(1 if command(options) is False else 0))


def command(options: argparse.Namespace) -> bool | None:
    """Run a command, with the imports it needs; return False if it gave up grid runs."""
    match options.command:
        case "run":
            from inkproof.studies.run_study import run_study

            return run_study(options.folder, options.how, options.retries, options.since)
        case "grid-run":
            from inkproof.studies.worker import work

            work(options.folder, options.key, options.parent, options.threads, options.since)
        case "table":
            from inkproof.studies.run_study import write_table

            print(write_table(options.folder))
        case "list":
            from inkproof.studies.live import print_all

            print_all()
        case "leaderboard":
            from inkproof.studies.leaderboard import leaderboard

            leaderboard(options.by, options.seeds, options.top, options.ui, options.write)
        case "candidates":
            from inkproof.studies.selection_steps import candidates

            return candidates(options.folder, options.how, options.retries, options.since)
        case "choose":
            from inkproof.studies.selection_steps import choose_step

            choose_step(options.folder, options.hours, options.members, options.seeds, options.at_once, options.again)
        case "evaluate":
            from inkproof.studies.selection_steps import evaluate

            return evaluate(options.folder, options.how, options.retries)
    return None


if __name__ == "__main__":
    main()
