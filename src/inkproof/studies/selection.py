"""Which network and which small ensemble predict the held-out digits best within a budget of training time.

The held-out answers of the folds are pooled here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inkproof.evaluation.metrics import summarize_test
from inkproof.evaluation.out_of_fold import FILE_NAME, SECONDS, WAYS, OutOfFold, read_out_of_fold
from inkproof.evaluation.statistics import mcnemar, wilson
from inkproof.reporting.tables import write_rows
from inkproof.runtime.errors import UserError
from inkproof.studies.definition import FILE, Study
from inkproof.studies.grid import TEACHERS, GridRun
from inkproof.studies.results import Row


@dataclass(frozen=True)
class PooledPredictions:
    """One network cross-validated once: the answers of its folds, pooled in the order of the training digits.

    `seconds` is what one training on all digits will take, by those on all but a fold.
    """

    network: str
    repeat: int
    labels: np.ndarray
    answers: Mapping[str, np.ndarray]
    seconds: float


def pool(network: str, repeat: int, folds: list[OutOfFold], seconds: list[float]) -> PooledPredictions:
    """Return the folds of one cross-validation as one; raises UserError where they are not a partition."""
    indices = np.concatenate([fold.indices for fold in folds])
    order = np.argsort(indices)
    if not np.array_equal(indices[order], np.arange(len(indices))):
        raise UserError(f"{network}: its {len(folds)} folds do not hold every training digit once")
    return PooledPredictions(
        network,
        repeat,
        np.concatenate([fold.labels for fold in folds])[order],
        {way: np.concatenate([fold.probabilities[way] for fold in folds])[order] for way in WAYS},
        # Of k folds a training sees k - 1.
        float(np.mean(seconds)) * len(folds) / (len(folds) - 1),
    )


def pool_grid_runs(grid_runs: list[GridRun], rows: Mapping[str, Row]) -> list[PooledPredictions]:
    """Return every cross-validation of a study whose grid runs are all done.

    Seed s is fold s modulo folds of repeat s // folds. A network that a study gives fewer seeds than there are folds
    was only looked at, and is left out. Raises UserError where a grid run is left to compute or nothing is whole.
    """
    by_run: dict[tuple[str, int], list[GridRun]] = {}
    for grid_run in grid_runs:
        (network,) = grid_run.labels.values()
        by_run.setdefault((network, grid_run.seed // grid_run.config.training.folds), []).append(grid_run)
    whole = {run: members for run, members in by_run.items() if len(members) == members[0].config.training.folds}
    missing = [
        grid_run.name
        for members in whole.values()
        for grid_run in members
        if not grid_run.done_by(rows.get(grid_run.key))
    ]
    if missing:
        raise UserError(
            f"{len(missing)} grid runs are not computed yet, {missing[0]} among them; run `candidates` first"
        )
    if not whole:
        raise UserError("no network has a seed for every fold; give it more seeds in study.yaml")
    return [
        pool(
            network,
            repeat,
            [read_out_of_fold(grid_run.folder / FILE_NAME) for grid_run in members],
            [rows[grid_run.key].metrics[SECONDS] for grid_run in members],
        )
        for (network, repeat), members in whole.items()
    ]


def write_misread(folder: Path, pooled: Iterable[PooledPredictions]) -> None:
    """Write a line for each network and way of reading, with the indices of what it misreads, to `folder`."""
    lines = []
    for one in pooled:
        for way, answers in one.probabilities.items():
            wrong = np.flatnonzero(answers.argmax(axis=1) != one.labels)
            lines.append((one.network, one.repeat, way, len(wrong), " ".join(map(str, wrong))))
    columns = ["network", "repeat", "way", "errors", "digits"]
    write_rows(folder / "misread.csv", pd.DataFrame(lines, columns=columns))


Teachers = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Entry:
    """Networks whose probabilities are averaged, read `way`, on all training digits when each was left out.

    `wrong` (N,) says which digits it misreads; `seconds` is what its networks and their teachers take to train.
    """

    members: tuple[str, ...]
    way: str
    wrong: np.ndarray
    nll: float
    seconds: float

    @property
    def errors(self) -> int:
        return int(self.wrong.sum())

    def evidence(self) -> dict[str, Any]:
        """Return what selection.yaml says of it."""
        n = len(self.wrong)
        low, high = wilson(n - self.errors, n)
        return {
            "members": list(self.members),
            "tta": self.way == "tta",
            "errors": self.errors,
            "of": n,
            "accuracy": round(1 - self.errors / n, 6),
            "low": round(low, 6),
            "high": round(high, 6),
            "nll": round(self.nll, 6),
            "hours": round(self.seconds / 3600, 3),
        }


def check_candidates(study: Study) -> None:
    """Raise UserError where networks could be trained as the study says, but no selection be made among them."""
    path = study.folder / FILE
    if len(study.axes) != 1 or "out_of_fold" not in study.stages:
        raise UserError(f"{path}: a selection needs one axis, the network, and the stage out_of_fold")
    if not study.keeps(SECONDS):
        raise UserError(f"{path}: the selection is one within a time: add {SECONDS} to metrics")
    teachers_of(study)


def teachers_of(study: Study) -> dict[str, tuple[str, ...]]:
    """Return the networks of the study that each network learns from.

    Raises UserError for a teacher that is no network of it: nobody would know its cost, or which digits it has seen.
    """
    found = {}
    for grid in study.grids:
        for value in (value for values in grid.axes.values() for value in values):
            runs = {**grid.fixed, **value.overrides}.get(TEACHERS) or ()
            for run in runs:
                if not run.startswith("@"):
                    raise UserError(f"{value.label}: {TEACHERS}: {run}: name a network of this study, such as @cnn")
            found[value.label] = tuple(run[1:] for run in runs)
    return found


def with_teachers(network: str, teachers: Teachers) -> set[str]:
    """Return `network` with all that teach it, and with those that teach these."""
    found: set[str] = set()
    left = [network]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += teachers.get(name, ())
    return found


def training_seconds(
    pooled: Sequence[PooledPredictions], members: Sequence[PooledPredictions], teachers: Teachers, at_once: int = 1
) -> float:
    """Return the seconds that training `members` takes, with all that teach them; each training counts once.

    Where `at_once` trainings shared the cores when they were timed, so they do here; a student waits for its teachers.
    """
    by_name = {(one.network, one.repeat): one.seconds for one in pooled}
    needed = {(name, one.repeat) for one in members for name in with_teachers(one.network, teachers)}
    for name, _ in needed - set(by_name):
        raise UserError(f"{name}: teaches, but was not cross-validated; give it a seed for every fold")

    def chain(name: str, repeat: int) -> float:
        waited = max((chain(teacher, repeat) for teacher in teachers.get(name, ())), default=0.0)
        return by_name[name, repeat] + waited

    longest = max(chain(one.network, one.repeat) for one in members)
    return max(longest, sum(by_name[one] for one in needed) / at_once)


def entries(pooled: Sequence[PooledPredictions], teachers: Teachers, most: int, at_once: int = 1) -> Iterator[Entry]:
    """Yield every network, and every ensemble of up to `most` of them, in each way of reading.

    Of a network that was cross-validated several times the repeats are used in order: an ensemble of two of its kind
    is that of repeats 0 and 1.
    """
    for count in range(1, most + 1):
        for members in combinations(pooled, count):
            used = Counter(one.network for one in members)
            if any(one.repeat >= used[one.network] for one in members):
                continue
            seconds = training_seconds(pooled, members, teachers, at_once)
            for way in WAYS:
                mean = np.mean([one.probabilities[way] for one in members], axis=0)
                labels = members[0].labels
                nll = float(summarize_test(mean, labels)["nll"])
                yield Entry(tuple(one.network for one in members), way, mean.argmax(axis=1) != labels, nll, seconds)


def best(found: Sequence[Entry], hours: float) -> Entry:
    """Return the entry with fewest errors, then lowest nll, among those within `hours`; UserError if there is none."""
    within = [entry for entry in found if entry.seconds <= hours * 3600]
    if not within:
        raise UserError(
            f"nothing trains within {hours:g} hours: the shortest takes {min(e.seconds for e in found):.0f} s"
        )
    return min(within, key=lambda entry: (entry.errors, entry.nll))


def choose(
    pooled: Sequence[PooledPredictions], teachers: Teachers, hours: float, most: int, at_once: int = 1
) -> dict[str, Any]:
    """Return the best single network and the best ensemble of two to `most`, each trained within `hours`, and why.

    Under `singles` stands every network in both ways, with McNemar's exact p against the chosen one: how sure the
    selection is. Digits that decide between a hundred ensembles flatter the winner; `compared` says how many there were.
    """
    found = list(entries(pooled, teachers, most, at_once))
    alone = [entry for entry in found if len(entry.members) == 1]
    together = [entry for entry in found if len(entry.members) > 1]
    if not together:
        raise UserError("one network alone makes no ensemble: cross-validate a second, or one with more seeds")
    single, ensemble = best(alone, hours), best(together, hours)
    return {
        "single": single.evidence(),
        "ensemble": {
            **ensemble.evidence(),
            "compared": len(together),
            "p_against_single": _p(ensemble, single),
        },
        "singles": [
            {**entry.evidence(), "p_against_chosen": _p(entry, single)}
            for entry in sorted(alone, key=lambda entry: (entry.errors, entry.nll))
        ],
    }


def _p(one: Entry, other: Entry) -> float:
    return float(f"{mcnemar(~one.wrong, ~other.wrong):.3g}")
