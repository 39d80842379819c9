"""All runs as one pandas frame, for notebooks: those of the committed results tables and those of the MLflow store.

from inkproof.studies.frame import all_runs

runs = all_runs()
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from inkproof.config.compose import Compose, composing
from inkproof.config.one_line import explain_tracking
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT, has_tracking_store
from inkproof.studies.definition import FILE, read_study
from inkproof.studies.grid import combinations
from inkproof.studies.leaderboard import Run, found_runs
from inkproof.tracking.identity import configuration_key
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.naming import GROUPS, chosen_files, override

OF_ROW = ("key", "configuration", "run", "commit", "machine")
ABOUT = ("name", "data", "split", "model", "aug", "seed", "overrides", "places", "source", *OF_ROW)
"""The columns that every frame has, before those of overrides and metrics."""

Flat = Mapping[str, str]
"""A configuration with dotted keys and values as texts, as MLflow holds it."""


def all_runs(experiments: Path = ROOT / "experiments") -> pd.DataFrame:
    """Return all finished runs, one per row: those of the results tables in `experiments`, then those of the store.

    A seed of a configuration is one row, wherever it was trained: a run that is in a table and in the store, or in
    two studies, appears once. The first place gives its metrics, and others add metrics that it lacks.

    Columns are those of ABOUT, one for each key that any run overrides, and one for each metric: docs/tracking.md tells
    what is in them. The names of the last two kinds are in `attrs["overrides"]` and `attrs["metrics"]`. Shares are
    fractions, and what a run lacks is NaN.

    Needs no network, unless MLFLOW_TRACKING_URI names a server. Raises UserError if a results table or a study.yaml
    is damaged, or if the store cannot be read.
    """
    try:
        stored = Tracker().runs_with() if has_tracking_store() else []
    except Exception as error:  # a notebook has no command line around it that explains this
        if line := explain_tracking(error):
            raise UserError(line) from None
        raise
    found = found_runs(experiments, stored)
    with composing() as compose:
        rows = list(_rows(found, _studies(experiments, compose), compose))
    overridden = sorted({key for _, changes, _, _ in rows for key in changes})
    measured = sorted({name for _, _, _, metrics in rows for name in metrics})
    lines = [
        {**about, **{key: _value(flat[key]) for key in overridden if key in flat}, **metrics}
        for about, _, flat, metrics in rows
    ]
    frame = pd.DataFrame(lines, columns=[*ABOUT, *overridden, *measured])
    frame.attrs |= {"overrides": overridden, "metrics": measured}
    return frame


def _rows(
    found: list[Run], studies: Mapping[tuple[str, str], Flat], compose: Compose
) -> Iterator[tuple[dict[str, Any], Flat, Flat, dict[str, float]]]:
    """Yield each run: what the columns of ABOUT say, its overrides, its configuration and its metrics."""

    @cache
    def defaults(*names: str) -> Flat:
        """Return the default configuration of a dataset, model and augmentation, {} if conf/ does not have them."""
        words = chosen_files(dict(zip(GROUPS, names, strict=True)), seed=0)
        return _flat(compose(TrainConfig, words).identity().flat()) if len(words) > len(GROUPS) else {}

    groups: dict[tuple[str, int], list[Run]] = {}
    for run in found:
        groups.setdefault((run.row.configuration, run.row.seed), []).append(run)
    for own in groups.values():
        first = own[0].row
        flat = next((flat for run in own if (flat := _configuration(run, studies))), {})
        default = defaults(*(flat.get(f"{group}.name", "") for group in GROUPS))
        changes = {key: value for key, value in flat.items() if default and default.get(key) != value}
        in_table = {run.params is None for run in own}
        about = {name: getattr(first, name) for name in ("data", "seed", *OF_ROW)} | {
            "name": first.grid_run,
            "split": first.data_split,
            "model": flat.get("model.name"),
            "aug": flat.get("aug.name"),
            "overrides": " ".join(f"{key}={value}" for key, value in changes.items()),
            "places": ", ".join(dict.fromkeys(run.place for run in own)),
            "source": "both" if len(in_table) > 1 else "table" if True in in_table else "store",
        }
        yield about, changes, flat, {name: value for run in reversed(own) for name, value in run.row.metrics.items()}


def _studies(experiments: Path, compose: Compose) -> dict[tuple[str, str], Flat]:
    """Return the configuration of each grid run by the name of its study and its own name, which lacks the seed."""
    found = {}
    for path in sorted(experiments.glob(f"*/{FILE}")):
        if not path.with_name("results.csv").exists():
            continue
        for grid in read_study(path.parent).grids:
            for labels, overrides in combinations(grid):
                words = tuple(override(key, value) for key, value in overrides.items())
                name = " ".join(f"{axis}={label}" for axis, label in labels.items())
                found[path.parent.name, name] = _flat(compose(TrainConfig, words).identity().flat())
    return found


def _configuration(run: Run, studies: Mapping[tuple[str, str], Flat]) -> Flat:
    """Return the configuration of a run; {} for a row that its study does not ask for any more."""
    if run.params is None:
        return studies.get((run.place, run.row.grid_run), {})
    # MLflow has the number format that was used. The hash tells whether it was asked for.
    auto = configuration_key(run.params, run.row.data_sha) == run.row.configuration
    return _flat({**run.params, **({"precision.policy": "auto"} if auto else {})})


def _flat(config: Mapping[str, Any]) -> Flat:
    """Return a configuration as texts, without the seed, and with the names of its callbacks in one value."""
    flat = {key: str(value) for key, value in config.items() if key != "seed" and not key.endswith("._target_")}
    names = {key.split(".")[1] for key in config if key.startswith("callbacks.")}
    return {**flat, "callbacks": "+".join(sorted(names)) or "none"}


def _value(text: str) -> Any:
    """Return the number, True, False or None that a text stands for, else the text. A list could not be grouped by."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | None) else text
