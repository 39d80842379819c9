"""Model selection: which network and which small ensemble predict best within a budget of training time.

The out-of-fold predictions of a cross-validation decide. The predictions of its folds are pooled here.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd

from inkproof.config.schema import Config
from inkproof.evaluation.calibration import nll
from inkproof.evaluation.out_of_fold import FILE_NAME, SECONDS, WAYS, OutOfFold, read_out_of_fold
from inkproof.evaluation.statistics import mcnemar, wilson
from inkproof.reporting.tables import write_rows
from inkproof.runtime.errors import UserError
from inkproof.studies.definition import FILE, Overrides, Study
from inkproof.studies.grid import TEACHERS, GridRun, combinations
from inkproof.studies.results import Row


@dataclass(frozen=True)
class PooledPredictions:
    """The out-of-fold predictions of one cross-validation of a network, in the order of the training digits.

    `probabilities` float32 (N, 10) are given by way: plain, or with test-time augmentation. `seconds` is the
    estimated time of one training on all digits.
    """

    network: str
    repeat: int
    labels: np.ndarray
    probabilities: Mapping[str, np.ndarray]
    seconds: float


def pool(network: str, repeat: int, folds: list[OutOfFold], seconds: list[float]) -> PooledPredictions:
    """Return the folds of one cross-validation as one; raises UserError if they are not a partition."""
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
    """Return every complete cross-validation of a study.

    Seed s leaves out fold s modulo folds, in repeat s // folds. A network with fewer seeds than folds is not a
    candidate and is left out. Raises UserError if a grid run is not finished or no cross-validation is complete.
    """
    by_run: dict[tuple[str, int, int], list[GridRun]] = {}
    for grid_run in grid_runs:
        (network,) = grid_run.labels.values()
        count = grid_run.config.training.folds
        assert count is not None  # the plan checks it for the stage out_of_fold
        by_run.setdefault((network, grid_run.seed // count, count), []).append(grid_run)
    whole = {run: members for run, members in by_run.items() if len(members) == run[2]}
    members = [grid_run for members in whole.values() for grid_run in members]
    missing = [grid_run.name for grid_run in members if not grid_run.row_in(rows)]
    if missing:
        raise UserError(f"{len(missing)} grid runs are not finished, such as {missing[0]}; run `candidates` first")
    if not whole:
        raise UserError("no network has a seed for every fold; give it more seeds in study.yaml")
    pooled = []
    for (network, repeat, _), members in whole.items():
        folds = [read_out_of_fold(grid_run.folder / FILE_NAME) for grid_run in members]
        pooled.append(pool(network, repeat, folds, [rows[grid_run.key].metrics[SECONDS] for grid_run in members]))
    return pooled


def write_misread(folder: Path, pooled: Iterable[PooledPredictions]) -> None:
    """Write misread.csv to `folder`: for each network and way the indices of the digits that it misclassifies."""
    lines = []
    for one in pooled:
        for way, probabilities in one.probabilities.items():
            wrong = np.flatnonzero(probabilities.argmax(axis=1) != one.labels)
            lines.append((one.network, one.repeat, way, len(wrong), " ".join(map(str, wrong))))
    columns = ["network", "repeat", "way", "errors", "digits"]
    write_rows(folder / "misread.csv", pd.DataFrame(lines, columns=columns))


class Evidence(Config):
    """The figures of one network or ensemble on all `of` training digits, out of fold, as selection.yaml has them.

    `low` and `high` are Wilson's interval of the accuracy. `hours` of training include its teachers'.
    """

    members: tuple[str, ...]
    tta: bool
    errors: int
    of: int
    accuracy: float
    low: float
    high: float
    nll: float
    hours: float


class SingleEvidence(Evidence):
    """A single network with McNemar's exact p against the selected one."""

    p_against_chosen: float


class EnsembleEvidence(Evidence):
    """The selected ensemble: out of how many it was selected, and McNemar's exact p against the selected network."""

    compared: int
    p_against_single: float


class Selected(Config):
    """The selected network and ensemble, and the figures of every single network in both ways."""

    single: Evidence
    ensemble: EnsembleEvidence
    singles: tuple[SingleEvidence, ...]


Teachers = Mapping[str, Sequence[str]]  # the networks that each network learns from


@dataclass(frozen=True)
class Entry:
    """A network, or several whose probabilities are averaged, as evaluated in one `way` on all training digits.

    `wrong` (N,) marks the digits that it misclassifies. `seconds` is the time of its trainings, teachers included.
    """

    members: tuple[str, ...]
    way: str
    wrong: np.ndarray
    nll: float
    seconds: float

    @property
    def errors(self) -> int:
        """The number of digits that it misclassifies."""
        return int(self.wrong.sum())

    def evidence(self) -> Evidence:
        """Return its figures as selection.yaml holds them."""
        n = len(self.wrong)
        low, high = wilson(n - self.errors, n)
        return Evidence(
            members=self.members,
            tta=self.way == "tta",
            errors=self.errors,
            of=n,
            accuracy=round(1 - self.errors / n, 6),
            low=round(low, 6),
            high=round(high, 6),
            nll=round(self.nll, 6),
            hours=round(self.seconds / 3600, 3),
        )


ORDER = attrgetter("errors", "nll")  # fewest errors first, then lowest nll


def check_candidates(study: Study) -> None:
    """Raise UserError if no selection can be made among the networks of a study, before they are trained."""
    path = study.folder / FILE
    if len(study.axes) != 1 or "out_of_fold" not in study.stages:
        raise UserError(f"{path}: a selection needs one axis, the network, and the stage out_of_fold")
    if not study.keeps(SECONDS):
        raise UserError(f"{path}: a selection needs the time of trainings: add {SECONDS} to metrics")
    teachers_of(study)


def teachers_of(study: Study) -> dict[str, tuple[str, ...]]:
    """Return the networks of the study that each network learns from.

    Raises UserError for a teacher that is not a network of the study: its training time, and the digits that it was
    trained on, are unknown.
    """
    named = {name: overrides.get(TEACHERS) or () for name, overrides in networks_of(study).items()}
    for name, runs in named.items():
        for run in runs:
            if not run.startswith("@"):
                raise UserError(f"{name}: {TEACHERS}: {run}: name a network of this study, such as @cnn")
    return {name: tuple(run.removeprefix("@") for run in runs) for name, runs in named.items()}


def networks_of(study: Study) -> dict[str, Overrides]:
    """Return the overrides of each network of a study, the only axis of which it is."""
    every = (combination for grid in study.grids for combination in combinations(grid))
    return {label: overrides for labels, overrides in every for label in labels.values()}


def with_teachers(network: str, teachers: Teachers) -> set[str]:
    """Return `network` with its teachers, their teachers, and so on."""
    return {network}.union(*(with_teachers(teacher, teachers) for teacher in teachers.get(network, ())))


def training_seconds(
    pooled: Sequence[PooledPredictions], members: Sequence[PooledPredictions], teachers: Teachers, at_once: int = 1
) -> float:
    """Return the seconds that training `members` and all their teachers takes. Each training counts once.

    `at_once` trainings share the cores, as they did when they were timed. A student waits for its teachers.
    """
    by_name = {(one.network, one.repeat): one.seconds for one in pooled}
    needed = {(name, one.repeat) for one in members for name in with_teachers(one.network, teachers)}
    for name, _ in needed - set(by_name):
        raise UserError(f"{name}: a teacher that was not cross-validated; give it a seed for every fold")

    def chain(name: str, repeat: int) -> float:
        waited = max((chain(teacher, repeat) for teacher in teachers.get(name, ())), default=0.0)
        return by_name[name, repeat] + waited

    longest = max(chain(one.network, one.repeat) for one in members)
    return max(longest, sum(by_name[one] for one in needed) / at_once)


def entries(pooled: Sequence[PooledPredictions], teachers: Teachers, most: int, at_once: int = 1) -> Iterator[Entry]:
    """Yield every network and every ensemble of up to `most` of them, in each way.

    The repeats of a network are used in order: an ensemble with two networks of a kind has repeats 0 and 1.
    """
    for count in range(1, most + 1):
        for members in itertools.combinations(pooled, count):
            used = Counter(one.network for one in members)
            if any(one.repeat >= used[one.network] for one in members):
                continue
            seconds = training_seconds(pooled, members, teachers, at_once)
            for way in WAYS:
                mean = np.mean([one.probabilities[way] for one in members], axis=0)
                labels = members[0].labels
                wrong = mean.argmax(axis=1) != labels
                yield Entry(tuple(one.network for one in members), way, wrong, nll(mean, labels), seconds)


def best(found: Sequence[Entry], hours: float) -> Entry:
    """Return the entry with fewest errors, then lowest nll, that trains within `hours`; UserError if none does."""
    within = [entry for entry in found if entry.seconds <= hours * 3600]
    if not within:
        shortest = min(entry.seconds for entry in found)
        raise UserError(f"nothing trains within {hours:g} hours: the shortest takes {shortest:.0f} s")
    return min(within, key=ORDER)


def choose(
    pooled: Sequence[PooledPredictions], teachers: Teachers, hours: float, most: int, at_once: int = 1
) -> Selected:
    """Return the best single network and the best ensemble of two to `most`, each trained within `hours`.

    The p-values tell how sure the selection is. The figures of an ensemble are optimistic where many were compared:
    `compared` is their number.
    """
    found = list(entries(pooled, teachers, most, at_once))
    alone = [entry for entry in found if len(entry.members) == 1]
    together = [entry for entry in found if len(entry.members) > 1]
    if not together:
        raise UserError("one network alone makes no ensemble: cross-validate a second, or one with more seeds")
    single, ensemble = best(alone, hours), best(together, hours)

    def p(entry: Entry) -> float:
        return float(f"{mcnemar(~entry.wrong, ~single.wrong):.3g}")

    return Selected(
        single=single.evidence(),
        ensemble=EnsembleEvidence(**dict(ensemble.evidence()), compared=len(together), p_against_single=p(ensemble)),
        singles=tuple(
            SingleEvidence(**dict(entry.evidence()), p_against_chosen=p(entry)) for entry in sorted(alone, key=ORDER)
        ),
    )
