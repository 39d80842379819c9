"""From the results's rows to mean and standard deviation over seeds, one line a combination of choices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
import pandas as pd
from scipy.stats import ttest_rel

from inkproof.studies.definition import Comparison
from inkproof.studies.grid import GridRun
from inkproof.studies.results import Row

SHARES = ("accuracy", "_low", "_high", "corruptions_clean", "corruptions_mca", "agreement", "auroc")
"""Endings of the metrics that are fractions of one and are shown in per cent."""


@dataclass(frozen=True)
class Seeds:
    """What came of one configuration: `values` has its metrics, one line a seed."""

    values: pd.DataFrame

    @property
    def n(self) -> int:
        """How many seeds are finished."""
        return len(self.values)

    def of(self, metric: str) -> pd.Series:
        """Return a metric by seed, without the seeds that lack it."""
        return self.values.get(metric, pd.Series(dtype=float)).dropna()

    def mean(self, metric: str) -> float | None:
        """Return the mean over seeds, None where no seed has the metric."""
        return spread(self.of(metric))[0]

    def sd(self, metric: str) -> float | None:
        """Return the standard deviation over seeds (n - 1), None below two."""
        return spread(self.of(metric))[1]

    def written(self, metric: str, n: int | None = None) -> str:
        """Return mean ± sd as a table shows it, with the number of seeds behind it where that is not `n`."""
        values = self.of(metric)
        said = written(metric, *spread(values))
        return f"{said} (n = {len(values)})" if said and n is not None and len(values) != n else said


@dataclass(frozen=True)
class Group(Seeds):
    """The grid runs of a study that differ by seed alone, and the choices they share."""

    labels: Mapping[str, str]

    def title(self, without: Sequence[str] = ()) -> str:
        """Return its labels as a figure shows them, axes in `without` left out."""
        return ", ".join(label for axis, label in self.labels.items() if axis not in without)


def spread(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation (n - 1) of `values`, None for what they are too few for."""
    known = list(values)
    return float(np.mean(known)) if known else None, float(np.std(known, ddof=1)) if len(known) > 1 else None


def groups_of(grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> list[Group]:
    """Return one group for each combination of choices, in the order of the grid."""
    by_labels: dict[tuple[tuple[str, str], ...], list[GridRun]] = {}
    for grid_run in grid_runs:
        by_labels.setdefault(tuple(grid_run.labels.items()), []).append(grid_run)
    groups = []
    for labels, members in by_labels.items():
        done = {
            grid_run.seed: rows[grid_run.key].metrics
            for grid_run in members
            if grid_run.done_by(rows.get(grid_run.key))
        }
        groups.append(Group(pd.DataFrame(list(done.values()), index=list(done)), dict(labels)))
    return groups


def is_share(metric: str) -> bool:
    """Return whether a metric is a fraction of one, shown in per cent."""
    return metric.endswith(SHARES)


def written(metric: str, mean: float | None, sd: float | None) -> str:
    """Write "99.52 ± 0.03" of a metric, shares in per cent; nothing where there is no mean."""
    if mean is None:
        return ""
    if is_share(metric):
        return f"{mean * 100:.2f}" + (f" ± {sd * 100:.2f}" if sd is not None else "")
    if metric.endswith("_kb"):
        return f"{mean:,.1f}"
    if metric in ("parameters", "epochs", "best_epoch") or metric.endswith("_errors"):
        return f"{mean:,.0f}" if mean == round(mean) else f"{mean:,.1f}"
    if abs(mean) >= 100:
        return f"{mean:,.0f}" + (f" ± {sd:,.0f}" if sd is not None else "")
    return f"{mean:.4g}" + (f" ± {sd:.2g}" if sd is not None else "")


def heading(metric: str) -> str:
    """Return a metric as a table's heading: drawn_pens_thin_classic_accuracy becomes "pens_thin, ink (%)"."""
    name = metric
    if metric.startswith("drawn_"):
        kind, method, _ = metric.removeprefix("drawn_").rsplit("_", 2)
        name = f"{kind}, {method}"
    elif is_share(metric):
        name = metric.removesuffix("_accuracy").replace("_", " ")
    else:
        name = metric.removesuffix("_kb").replace("_", " ")
    return name + (" (%)" if is_share(metric) else " (KB)" if metric.endswith("_kb") else "")


ROUNDING = 1e-9  # what differences of figures may miss each other by and be the same


@dataclass(frozen=True)
class Difference:
    """`this` minus `that` in one metric over the `n` seeds both have.

    `mean` and `sd` are of the differences; `p` is that of the two-sided paired t-test, `holm` the same after Holm's
    correction for all tests of the study; None where there is nothing to test by.
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
    """Return the two-sided p of the paired t-test; None below two pairs, and without any spread among the differences.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    differences = np.asarray(first, float) - np.asarray(second, float)
    if len(differences) < 2 or np.ptp(differences) < ROUNDING:
        return None
    return float(ttest_rel(first, second).pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number; SciPy has only corrections that control the false discovery rate.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6 (1979).
    """
    order = np.argsort(ps)
    stepped = np.maximum.accumulate(np.sort(ps) * np.arange(len(ps), 0, -1))
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected.tolist()


def differences(groups: Sequence[Group], plan: Comparison) -> list[Difference]:
    """Return the comparisons of a study for which there is anything yet, corrected for their number."""
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
    """Yield what is compared: where, this, that, metric, as of a Difference, and the figures of both by seed."""
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
