"""From the rows of a results table to mean and standard deviation over seeds, and paired tests between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
import pandas as pd
from scipy.stats import ttest_rel

from inkproof.evaluation.statistics import holm
from inkproof.studies.definition import Comparison
from inkproof.studies.grid import GridRun
from inkproof.studies.metrics import formatted
from inkproof.studies.results import Row


@dataclass(frozen=True)
class Seeds:
    """The results of one configuration: `values` has its metrics, one line per seed."""

    values: pd.DataFrame

    @property
    def n(self) -> int:
        """How many seeds are finished."""
        return len(self.values)

    def of(self, metric: str) -> pd.Series:
        """Return a metric by seed, without the seeds that lack it."""
        return self.values.get(metric, pd.Series(dtype=float)).dropna()

    def mean(self, metric: str) -> float | None:
        """Return the mean over seeds, None if no seed has the metric."""
        return spread(self.of(metric))[0]

    def sd(self, metric: str) -> float | None:
        """Return the standard deviation over seeds (n - 1), None below two."""
        return spread(self.of(metric))[1]

    def formatted(self, metric: str, n: int | None = None) -> str:
        """Return mean ± sd as a table shows it, with the number of seeds behind it where that is not `n`."""
        values = self.of(metric)
        text = formatted(metric, *spread(values))
        return f"{text} (n = {len(values)})" if text and n is not None and len(values) != n else text


@dataclass(frozen=True)
class Group(Seeds):
    """The grid runs of a study that differ by seed alone. `labels` are the values they share, by axis."""

    labels: Mapping[str, str]

    def title(self, without: Sequence[str] = ()) -> str:
        """Return its labels as a figure shows them, without those of the axes in `without`."""
        return ", ".join(label for axis, label in self.labels.items() if axis not in without)


def spread(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation (n - 1) of `values`; None for what needs more values than there are."""
    known = list(values)
    return float(np.mean(known)) if known else None, float(np.std(known, ddof=1)) if len(known) > 1 else None


def groups_of(grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> list[Group]:
    """Return one group for each combination of labels, in the order of the grid."""
    by_labels: dict[tuple[tuple[str, str], ...], dict[int, Mapping[str, float]]] = {}
    for grid_run in grid_runs:
        by_seed = by_labels.setdefault(tuple(grid_run.labels.items()), {})
        if row := grid_run.row_in(rows):
            by_seed[row.seed] = row.metrics
    return [
        Group(pd.DataFrame(list(by_seed.values()), index=list(by_seed)), dict(labels))
        for labels, by_seed in by_labels.items()
    ]


@dataclass(frozen=True)
class Difference:
    """`this` minus `that` in one metric, over the `n` seeds that both have. `where` is the row of the table.

    `p` is that of the two-sided paired t-test, `holm` the same after Holm's correction for all tests of the study.
    """

    where: str
    this: str
    that: str
    metric: str
    n: int
    mean: float
    sd: float | None
    p: float | None
    holm: float | None = None


def paired_t(first: Sequence[float] | pd.Series, second: Sequence[float] | pd.Series) -> float | None:
    """Return the two-sided p of the paired t-test; None for fewer than two pairs or where all differences are equal.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    differences = np.asarray(first, float) - np.asarray(second, float)
    if len(differences) < 2 or np.ptp(differences) < 1e-9:  # but for rounding they are equal
        return None
    return float(ttest_rel(first, second).pvalue)


def differences(groups: Sequence[Group], plan: Comparison) -> list[Difference]:
    """Return the comparisons of a study that have results already, with p-values corrected for their number."""
    found = []
    for where, this, that, metric, values, others in _pairs(groups, plan):
        gap = (values - others).dropna()  # over the seeds that both have
        mean, sd = spread(gap)
        if mean is not None:
            p = paired_t(values[gap.index], others[gap.index])
            found.append(Difference(where, this, that, metric, len(gap), mean, sd, p))
    corrected = iter(holm([one.p for one in found if one.p is not None]))
    return [one if one.p is None else replace(one, holm=next(corrected)) for one in found]


def _pairs(groups: Sequence[Group], plan: Comparison) -> Iterator[tuple[str, str, str, str, pd.Series, pd.Series]]:
    """Yield each comparison: where, this, that and metric, as in a Difference, and the values of both by seed."""
    for group in groups:
        if plan.axis is None:
            for before, metric in pairwise(plan.metrics):
                yield group.title(), metric, before, metric, group.of(metric), group.of(before)
        elif group.labels.get(plan.axis) not in (None, plan.baseline):
            that = str(plan.baseline)
            base = [other for other in groups if other.labels == {**group.labels, plan.axis: that}]
            for one, metric in product(base, plan.metrics):
                where = group.title(without=[plan.axis])
                yield where, group.labels[plan.axis], that, metric, group.of(metric), one.of(metric)
