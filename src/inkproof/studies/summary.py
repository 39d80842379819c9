"""From the ledger's rows to mean and standard deviation over seeds, one line a combination of choices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inkproof.studies.cells import Cell
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
