"""Rank the configurations of all studies and runs: python src/leaderboard.py [--by METRIC] [--seeds 3].

The order by test accuracy is written to experiments/leaderboard.md; another is printed, and written with --write.
"""

import argparse
from pathlib import Path

from inkproof.atomic import write_text
from inkproof.entry import run
from inkproof.paths import ROOT

SCRIPT = Path(__file__).name
UI = "http://127.0.0.1:5000"  # where `make ui` serves
BY, SEEDS, TOP = "test_accuracy", 1, 30  # the order that experiments/leaderboard.md holds


def main() -> None:
    """Parse the command line, print the table and write it."""
    parser = argparse.ArgumentParser(
        prog=SCRIPT,
        description="Rank the configurations in all ledgers and in MLflow. Without --by, --seeds and --top the "
        "ranking is written to experiments/leaderboard.md, too.",
    )
    parser.add_argument("--by", default=BY, help="the metric that ranks (default: %(default)s)")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="seeds a configuration has to have (default: %(default)s)"
    )
    parser.add_argument("--top", type=int, default=TOP, help="lines (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write another order to experiments/leaderboard.md, too")
    parser.add_argument("--ui", default=UI, help="address of the MLflow UI, for links (default: %(default)s)")
    options = parser.parse_args()
    if min(options.seeds, options.top) < 1:
        parser.error("--seeds and --top are at least 1")
    write = options.write or (options.by, options.seeds, options.top) == (BY, SEEDS, TOP)
    run(SCRIPT, lambda: leaderboard(options.by, options.seeds, options.top, options.ui, write))


def leaderboard(by: str, seeds: int, top: int, ui: str, write: bool) -> None:
    """Print the ranking, and write it where `write` says so."""
    from inkproof.record.evaluations import entries as evaluated
    from inkproof.store_address import has_store
    from inkproof.studies.leaderboard import collect, markdown, ranked
    from inkproof.tracking import Store

    logged = Store().runs_with(by) if has_store() else []
    found = [*collect(ROOT / "experiments", logged), *evaluated(ROOT / "experiments")]
    everything = ranked(found, by, seeds)
    entries = everything[:top]
    show(entries, by)
    if len(entries) < len(everything):
        print(f"the first {top} of {len(everything)}; --top {len(everything)} shows all")
    if not write:
        return
    links = {one["run_id"]: f"{ui}/#/experiments/{one['experiment_id']}/runs/{one['run_id']}" for one in logged}
    path = ROOT / "experiments" / "leaderboard.md"
    text = (
        f"# The best configurations by {by}\n\nFrom the ledgers of all studies and the MLflow store, by `make "
        "leaderboard`: mean ± standard deviation over n seeds. The links open in `make ui`; runs of "
        "another store have none, their ids stand in the ledgers. A ranking by test figures "
        "is a report: choices are made on validation digits. Two data sets may have other test digits: look at `data`. "
        f"What has no {by} is left out. A seed counts once, even where several studies or machines trained it: the "
        "first that is found gives its figures and link, another those that the first lacks.\n\n"
    )
    write_text(path, text + markdown(entries, by, links))
    print(path)


def show(entries: list, by: str) -> None:
    """Print the ranking as a table on the terminal."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from inkproof.console import table_console
    from inkproof.studies.leaderboard import shown_columns
    from inkproof.studies.summary import heading

    columns = shown_columns(entries, by)[:3]  # more would leave no room for names in 80 letters a line
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("configuration", overflow="fold")
    table.add_column("data", no_wrap=True)
    for title in ("n", *map(heading, columns)):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in entries:
        n = len(entry.values[by])
        table.add_row(escape(entry.name), entry.data, str(n), *(entry.written(name, n) for name in columns))
    table_console().print(table)


if __name__ == "__main__":
    main()
