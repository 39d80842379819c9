"""experiments/leaderboard.md: the best configurations of all studies and runs, one line per configuration.

Seeds of a configuration count together, wherever they ran. The leaderboard of the pipeline's models, one line per
model, is that of `inkproof.reporting.tables`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Column, Table

from inkproof.reporting.tables import markdown_table
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT, has_tracking_store
from inkproof.runtime.progress import table_console
from inkproof.studies.comparison import Seeds
from inkproof.studies.evaluations import FILE_NAME, KINDS, read_evaluations
from inkproof.studies.metrics import closest, heading
from inkproof.studies.results import Row, read_results
from inkproof.tracking.identity import configuration_key
from inkproof.tracking.mlflow_tracker import LoggedRun, Tracker

COLUMNS = (
    "test_acc",
    "val_acc",
    "drawn_pens_classic_accuracy",
    "drawn_pens_validation_classic_accuracy",
    "parameters",
    "tflite_kb",
)
SEED = re.compile(r"( seed=| s|-s)\d+$")


@dataclass(frozen=True)
class Entry(Seeds):
    """One configuration on one dataset, split by digit or by writer. `runs` has the id of the MLflow run of each seed.

    `name` is its name where it was first found, `places` are the studies and MLflow experiments it was found in.
    `key` is the hash of the configuration.
    """

    name: str
    data: str
    split: str
    key: str
    places: Sequence[str]
    runs: Mapping[int, str]


class Run(NamedTuple):
    """One seed of a configuration, found in one place. `params` are those that MLflow holds, None for another place.

    The `grid_run` of its row is the name of the configuration, without the seed.
    """

    place: str
    row: Row
    params: Mapping[str, str] | None = None


def _entries(runs: Iterable[Run]) -> list[Entry]:
    """Return one entry per key. Of two runs with one seed the first counts; the second adds metrics that it lacks."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.row.configuration, []).append(run)
    found = []
    for key, own in by_key.items():
        rows = [run.row for run in own]
        values = pd.DataFrame([row.metrics for row in rows], [row.seed for row in rows]).groupby(level=0).first()
        linked = {row.seed: row.run for row in reversed(rows)}
        places = list(dict.fromkeys(run.place for run in own))
        found.append(Entry(values, rows[0].grid_run, rows[0].data, rows[0].data_split, key, places, linked))
    return found


def collect(experiments: Path, logged: Iterable[LoggedRun]) -> list[Entry]:
    """Return all configurations in the tables and evaluations of `experiments` and among `logged` runs of a tracker."""
    return _entries([*found_runs(experiments, logged), *_evaluated(experiments)])


def found_runs(experiments: Path, logged: Iterable[LoggedRun]) -> list[Run]:
    """Return the rows of all results tables of `experiments`, then the `logged` runs of a tracker.

    Runs without a configuration, such as those made by hand in the MLflow UI, are left out.
    """
    runs = [
        Run(path.parent.name, replace(row, grid_run=SEED.sub("", row.grid_run)))
        for path in sorted(experiments.glob("*/results.csv"))
        for row in read_results(path).values()
    ]
    known = {row.run: row.configuration for _, row, _ in runs}
    for one in logged:
        params, tags = one.params, one.tags
        if not {"seed", "model.name", "data.name"} <= set(params) or "data_sha" not in tags:
            continue
        key = known.get(one.run_id) or tags.get("configuration") or configuration_key(params, tags["data_sha"])
        row = Row(
            key=tags.get("key", ""),
            grid_run=SEED.sub("", one.name),
            seed=int(params["seed"]),
            run=one.run_id,
            commit=tags.get("git_commit", ""),
            machine=tags.get("machine", ""),
            configuration=key,
            data=params["data.name"],
            data_split=params.get("data.split", "digit"),  # runs of before had no other
            data_sha=tags["data_sha"],
            metrics=one.metrics,
        )
        runs.append(Run(one.experiment.removeprefix("study/"), row, params))
    return runs


def _evaluated(experiments: Path) -> Iterator[Run]:
    """Yield the evaluations of selections in every evaluations.yaml of `experiments`."""
    for path in sorted(experiments.glob(f"*/{FILE_NAME}")):
        place = path.parent.name
        for evaluation, kind in product(read_evaluations(path.parent), KINDS):
            one, title = evaluation.of_kind(kind), f"selection {evaluation.selection}, {kind}"
            for number, errors in enumerate(one.errors):
                row = Row(
                    key="",
                    grid_run=f"{title}: {one.members}",
                    seed=number,
                    run=one.runs[number] if one.runs else "",
                    configuration=f"{place} {title}",
                    data=evaluation.data,
                    metrics={"test_acc": 1 - errors / one.of, "test_errors": errors},
                )
                yield Run(place, row)


def ranked(entries: Sequence[Entry], metric: str, least: int) -> list[Entry]:
    """Return the entries with at least `least` seeds of `metric`, the best mean first; raises UserError for none.

    Entries with the same name, data and split, as a study leaves them when its fixed values change, get their key, too.
    """
    found = [entry for entry in entries if entry.of(metric).size >= least]
    if not found:
        known = {str(name) for entry in entries for name in entry.values}
        if metric in known:
            raise UserError(f"--by {metric}: no configuration has {least} seeds of it; give a smaller --seeds")
        hint = closest(metric, known) if known else "run a study, or train and evaluate a model"
        raise UserError(f"--by {metric}: no configuration has it; {hint}")
    lower = metric.endswith(("_nll", "_ece", "_errors", "loss", "_kb", "_us", "parameters"))
    named = Counter((entry.name, entry.data, entry.split) for entry in found)
    found = [
        replace(entry, name=f"{entry.name} [{entry.key}]") if named[entry.name, entry.data, entry.split] > 1 else entry
        for entry in found
    ]
    return sorted(found, key=lambda entry: (entry.mean(metric) or 0.0) * (1 if lower else -1))


def shown_columns(entries: Sequence[Entry], metric: str) -> list[str]:
    """Return the metrics that any entry has, `metric` first."""
    return [metric, *(name for name in COLUMNS if name != metric and any(name in entry.values for entry in entries))]


def markdown(entries: Sequence[Entry], metric: str, links: Mapping[str, str]) -> str:
    """Return the leaderboard as Markdown. `links` gives the address of each run that the tracker still has."""
    columns = shown_columns(entries, metric)
    heads = ["", "configuration", "data", "split", "n", *map(heading, columns), "found in", "runs by seed"]
    lines = []
    for place, entry in enumerate(entries, start=1):
        runs = [f"[{seed}]({links[run]})" if run in links else str(seed) for seed, run in sorted(entry.runs.items())]
        places = [f"[{name}]({name}/README.md)" if re.match(r"\d\d-", name) else f"`{name}`" for name in entry.places]
        n = entry.of(metric).size
        figures = [entry.formatted(name, n) for name in columns]
        about = [str(place), entry.name, entry.data, entry.split, str(n)]
        lines.append([*about, *figures, ", ".join(places), ", ".join(runs)])
    return markdown_table(heads, "rlllr" + "r" * len(columns) + "ll", lines) + "\n"


def leaderboard(by: str, seeds: int, top: int, ui: str, write: bool) -> None:
    """Print the ranking, and write it to experiments/leaderboard.md if `write` is set."""
    logged = Tracker().runs_with(by) if has_tracking_store() else []
    everything = ranked(collect(ROOT / "experiments", logged), by, seeds)
    entries = everything[:top]
    show(entries, by)
    if len(entries) < len(everything):
        print(f"the first {top} of {len(everything)}; --top {len(everything)} shows all")
    if not write:
        return
    links = {one.run_id: f"{ui}/#/experiments/{one.experiment_id}/runs/{one.run_id}" for one in logged}
    path = ROOT / "experiments" / "leaderboard.md"
    text = (
        f"# The best configurations by {by}\n\nMade by `make leaderboard` from the results tables of all studies and "
        "from MLflow: mean ± standard deviation over n seeds. The links open in `make ui`. Runs of another MLflow "
        "store have no link; their ids are in the results tables. A ranking by test metrics is only a report: choices "
        "are made on validation digits. Datasets have different test digits: see the column `data`. Configurations "
        f"without {by} are left out. A seed counts once, even if several studies or machines trained it. The first run "
        "that is found gives its metrics and link, others add metrics that the first lacks.\n\n"
    )
    write_text(path, text + markdown(entries, by, links))
    print(path)


def show(entries: Sequence[Entry], by: str) -> None:
    """Print the ranking as a table on the terminal."""
    columns = shown_columns(entries, by)[:3]  # more columns would leave no room for names in 80 letters per line
    numbers = [Column(title, justify="right", no_wrap=True) for title in ("n", *map(heading, columns))]
    texts = Column("configuration", overflow="fold"), Column("data", no_wrap=True)
    table = Table(*texts, *numbers, box=box.SIMPLE_HEAD, pad_edge=False)
    for entry in entries:
        n = entry.of(by).size
        table.add_row(escape(entry.name), entry.data, str(n), *(entry.formatted(name, n) for name in columns))
    table_console().print(table)
