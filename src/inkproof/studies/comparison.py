"""From the ledger's rows to mean and standard deviation over seeds, one line a combination of choices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inkproof.studies.cells import Cell
from inkproof.studies.definition import Comparison
from inkproof.studies.ledger import Row

SHARES = ("accuracy", "_low", "_high", "stress_clean", "stress_mca", "agreement", "auroc")
"""Endings of the metrics that are fractions of one and are shown in per cent."""


@dataclass(frozen=True)
class Group:
    """The cells that differ by seed alone, and what came of those that are finished, by metric and seed."""

    labels: Mapping[str, str]
    cells: tuple[Cell, ...]
    values: Mapping[str, Mapping[int, float]]
    seconds: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many of its cells are finished."""
        return len(self.seconds)

    def mean(self, metric: str) -> float | None:
        """Return the mean over seeds, None where no cell has the metric."""
        return spread(self.values.get(metric, {}).values())[0]

    def sd(self, metric: str) -> float | None:
        """Return the standard deviation over seeds (n - 1), None below two."""
        return spread(self.values.get(metric, {}).values())[1]

    def title(self, without: Sequence[str] = ()) -> str:
        """Return its labels as a figure shows them, axes in `without` left out."""
        return ", ".join(label for axis, label in self.labels.items() if axis not in without)


def spread(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation (n - 1) of `values`, None for what they are too few for."""
    known = list(values)
    return float(np.mean(known)) if known else None, float(np.std(known, ddof=1)) if len(known) > 1 else None


def groups_of(cells: Sequence[Cell], rows: Mapping[str, Row]) -> list[Group]:
    """Return one group for each combination of choices, in the order of the grid."""
    by_labels: dict[tuple[tuple[str, str], ...], list[Cell]] = {}
    for cell in cells:
        by_labels.setdefault(tuple(cell.labels.items()), []).append(cell)
    groups = []
    for labels, members in by_labels.items():
        done = {cell.seed: rows[cell.key] for cell in members if cell.done_by(rows.get(cell.key))}
        names = {name for row in done.values() for name in row.metrics}
        values = {
            name: {seed: row.metrics[name] for seed, row in done.items() if name in row.metrics} for name in names
        }
        seconds = tuple(row.seconds for row in done.values())
        groups.append(Group(dict(labels), tuple(members), values, seconds))
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
    """Return a metric as a table's heading: drawn_pens_thin_ink_accuracy becomes "pens_thin, ink (%)"."""
    name = metric
    if metric.startswith("drawn_"):
        kind, rung, _ = metric.removeprefix("drawn_").rsplit("_", 2)
        name = f"{kind}, {rung}"
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


def paired_t(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the two-sided p of the paired t-test; None below two pairs, and without any spread among the differences.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    from scipy.stats import ttest_rel

    differences = np.asarray(first, float) - np.asarray(second, float)
    if len(differences) < 2 or np.ptp(differences) < ROUNDING:
        return None
    return float(ttest_rel(first, second).pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6 (1979).
    """
    corrected = [0.0] * len(ps)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda one: ps[one])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


def differences(groups: Sequence[Group], plan: Comparison) -> list[Difference]:
    """Return the comparisons of a study for which there is anything yet, corrected for their number."""
    found = list(_by_axis(groups, plan) if plan.axis is not None else _by_metric(groups, plan))
    tested = [index for index, one in enumerate(found) if one.p is not None]
    corrected = holm([found[index].p or 0.0 for index in tested])
    by_index = dict(zip(tested, corrected, strict=True))
    return [replace(one, holm=by_index.get(index)) for index, one in enumerate(found)]


def _by_axis(groups: Sequence[Group], plan: Comparison) -> Iterator[Difference]:
    axis = str(plan.axis)
    for group in groups:
        if group.labels.get(axis) in (None, plan.baseline):
            continue
        wanted = {**group.labels, axis: plan.baseline}
        base = next((other for other in groups if dict(other.labels) == wanted), None)
        for metric in plan.metrics if base else ():
            assert base is not None
            where, this, that = group.title(without=[axis]), group.labels[axis], str(plan.baseline)
            yield from _difference(where, this, that, metric, group.values.get(metric, {}), base.values.get(metric, {}))


def _by_metric(groups: Sequence[Group], plan: Comparison) -> Iterator[Difference]:
    for group in groups:
        for before, metric in zip(plan.metrics, plan.metrics[1:], strict=False):
            values, others = group.values.get(metric, {}), group.values.get(before, {})
            yield from _difference(group.title(), metric, before, metric, values, others)


def _difference(
    where: str, this: str, that: str, metric: str, values: Mapping[int, float], others: Mapping[int, float]
) -> Iterator[Difference]:
    shared = sorted(set(values) & set(others))
    if shared:
        first, second = [values[seed] for seed in shared], [others[seed] for seed in shared]
        mean, sd = spread(np.subtract(first, second))
        assert mean is not None
        yield Difference(where, this, that, metric, len(shared), mean, sd, paired_t(first, second))
