"""The best configurations of all studies and runs: seeds of one configuration are one line, wherever they ran.

That is experiments/leaderboard.md; `inkproof.reporting.tables` makes the pipeline's own, one line a model.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Column, Table

from inkproof.reporting.tables import markdown_table
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT, has_tracking_store
from inkproof.runtime.progress import table_console
from inkproof.studies.comparison import Seeds, heading
from inkproof.studies.evaluations import FILE_NAME, KINDS, members, read_evaluations
from inkproof.studies.grid import closest
from inkproof.studies.results import read_results
from inkproof.tracking.identity import configuration_key
from inkproof.tracking.mlflow_tracker import Tracker

COLUMNS = (
    "test_accuracy",
    "val_accuracy",
    "drawn_pens_classic_accuracy",
    "drawn_pens_validation_classic_accuracy",
    "parameters",
    "tflite_kb",
)
SEED = re.compile(r"( seed=|-s)\d+$")


@dataclass(frozen=True)
class Entry(Seeds):
    """One configuration on one dataset; `runs` has the MLflow run of each seed.

    `name` says what varied where it was first found, `places` are the studies or MLflow experiments it was found in,
    `key` is the hash of the configuration.
    """

    name: str
    data: str
    key: str
    places: Sequence[str]
    runs: Mapping[int, str]


Run = tuple[str, str, str, str, int, str, Mapping[str, float]]
"""One run as (key, name, data, place, seed, run, metrics); see `Entry`."""


def _entries(runs: Iterable[Run]) -> list[Entry]:
    """Return one entry a key; of two runs with one seed the first stays, and the other lends what only it has."""
    found = []
    table = pd.DataFrame(runs, columns=["key", "name", "data", "place", "seed", "run", "metrics"])
    for key, own in table.groupby("key", sort=False):
        values = pd.DataFrame(own["metrics"].tolist(), index=own["seed"]).groupby(level=0).first()
        first, by_seed = own.iloc[0], own.drop_duplicates("seed")
        linked = dict(zip(by_seed["seed"], by_seed["run"], strict=True))
        found.append(Entry(values, first["name"], first["data"], str(key), list(own["place"].unique()), linked))
    return found


def collect(experiments: Path, logged: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Return all configurations in the results_tables below `experiments` and among the `logged` runs of a tracker.

    A logged run is as `tracking.Tracker.runs_with` gives it. Runs that lack what makes a configuration (made by hand in
    the MLflow UI, say) are passed over.
    """
    runs: list[Run] = [
        (row.configuration, SEED.sub("", row.grid_run), row.data, path.parent.name, row.seed, row.run, row.metrics)
        for path in sorted(experiments.glob("*/results.csv"))
        for row in read_results(path).values()
    ]
    known = {run: key for key, *_, run, _ in runs}  # of runs that are grid_runs
    for run in logged:
        params, tags = run["params"], run["tags"]
        if not {"seed", "model.name", "data.name"} <= set(params) or "data_sha" not in tags:
            continue
        key = known.get(run["run_id"]) or tags.get("configuration") or configuration_key(params, tags["data_sha"])
        name, place = SEED.sub("", run["name"]), run["experiment"].removeprefix("study/")
        runs.append((key, name, params["data.name"], place, int(params["seed"]), run["run_id"], run["metrics"]))
    return _entries(runs)


def ranked(entries: Sequence[Entry], metric: str, least: int) -> list[Entry]:
    """Return the entries with at least `least` seeds of `metric`, the best mean first; raises UserError without any.

    Those of one name, as a study has that fixed something else before, are told apart by their keys.
    """
    found = [entry for entry in entries if entry.of(metric).size >= least]
    if not found:
        known = {str(name) for entry in entries for name in entry.values}
        if metric in known:
            raise UserError(f"--by {metric}: no configuration has {least} seeds of it; give a smaller --seeds")
        there = closest(metric, known) if known else "run a study, or train and evaluate a model"
        raise UserError(f"--by {metric}: no configuration has it; {there}")
    lower = metric.endswith(("_nll", "_ece", "_errors", "loss", "_kb", "_us", "parameters"))
    named = Counter((entry.name, entry.data) for entry in found)
    found = [
        replace(entry, name=f"{entry.name} [{entry.key}]") if named[entry.name, entry.data] > 1 else entry
        for entry in found
    ]
    return sorted(found, key=lambda entry: (entry.mean(metric) or 0.0) * (1 if lower else -1))


def shown_columns(entries: Sequence[Entry], metric: str) -> list[str]:
    """Return the columns that any entry has a figure for, `metric` first."""
    return [metric, *(name for name in COLUMNS if name != metric and any(name in entry.values for entry in entries))]


def markdown(entries: Sequence[Entry], metric: str, links: Mapping[str, str]) -> str:
    """Return the leaderboard as Markdown; `links` gives the address of each run that the tracker still has."""
    columns = shown_columns(entries, metric)
    heads = ["", "configuration", "data", "n", *map(heading, columns), "found in", "runs by seed"]
    lines = []
    for place, entry in enumerate(entries, start=1):
        runs = [f"[{seed}]({links[run]})" if run in links else str(seed) for seed, run in sorted(entry.runs.items())]
        places = [f"[{name}]({name}/README.md)" if re.match(r"\d\d-", name) else f"`{name}`" for name in entry.places]
        n = entry.of(metric).size
        figures = [entry.written(name, n) for name in columns]
        lines.append([str(place), entry.name, entry.data, str(n), *figures, ", ".join(places), ", ".join(runs)])
    return markdown_table(heads, "rllr" + "r" * len(columns) + "ll", lines) + "\n"


def evaluated(experiments: Path) -> list[Entry]:
    """Return what stands in every evaluations.yaml below `experiments` as entries of the leaderboard."""
    runs: list[Run] = []
    for path in sorted(experiments.glob(f"*/{FILE_NAME}")):
        place = path.parent.name
        for evaluation, kind in product(read_evaluations(path.parent), KINDS):
            one, title = evaluation[kind], f"selection {evaluation['selection']}, {kind}"
            name, data, key = f"{title}: {members(one['chosen'])}", evaluation["data"], f"{place} {title}"
            for number, (errors, run) in enumerate(zip_longest(one["errors"], one.get("runs", []), fillvalue="")):
                metrics = {"test_accuracy": 1 - errors / one["of"], "test_errors": errors}
                runs.append((key, name, data, place, number, run, metrics))
    return _entries(runs)


def leaderboard(by: str, seeds: int, top: int, ui: str, write: bool) -> None:
    """Print the ranking, and write it where `write` says so."""
    logged = Tracker().runs_with(by) if has_tracking_store() else []
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
        f"# The best configurations by {by}\n\nFrom the results_tables of all studies and the MLflow tracker, by `make "
        "leaderboard`: mean ± standard deviation over n seeds. The links open in `make ui`; runs of "
        "another tracker have none, their ids stand in the results_tables. A ranking by test figures "
        "is a report: choices are made on validation digits. Two datasets may have other test digits: look at `data`. "
        f"What has no {by} is left out. A seed counts once, even where several studies or machines trained it: the "
        "first that is found gives its figures and link, another those that the first lacks.\n\n"
    )
    write_text(path, text + markdown(entries, by, links))
    print(path)


def show(entries: Sequence[Entry], by: str) -> None:
    """Print the ranking as a table on the terminal."""
    columns = shown_columns(entries, by)[:3]  # more would leave no room for names in 80 letters a line
    numbers = [Column(title, justify="right", no_wrap=True) for title in ("n", *map(heading, columns))]
    texts = Column("configuration", overflow="fold"), Column("data", no_wrap=True)
    table = Table(*texts, *numbers, box=box.SIMPLE_HEAD, pad_edge=False)
    for entry in entries:
        n = entry.of(by).size
        table.add_row(escape(entry.name), entry.data, str(n), *(entry.written(name, n) for name in columns))
    table_console().print(table)
