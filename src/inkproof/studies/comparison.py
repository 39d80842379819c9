"""Paired tests between rows of a study's table: the same seeds, so that what they share cancels out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inkproof.studies.definition import Comparison
from inkproof.studies.summary import Group, spread

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
