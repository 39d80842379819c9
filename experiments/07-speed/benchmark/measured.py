"""One figure of the benchmark, how thoroughly to measure, and the table."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.pairs import Paired
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT

# Digits of an epoch are some of the embedded ones over and over: whole batches, and no download.
TRAIN_SIZE, REPEAT, BATCH = 1152, 18, 128
SHORT_REPEAT = 5


@dataclass(frozen=True)
class Measured:
    """One figure of a row: ours, the baseline's where there is one, and the target, None where there is none.

    `value` is compared with `target`: a ratio where there is a baseline, else ours. `low` and `high` are the range over
    the runs.
    """

    what: str
    unit: str
    value: float
    low: float
    high: float
    runs: int
    target: float | None
    at_least: bool
    ours: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    against: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is cleared, as it always is where there is none."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        """All of it, and whether the target is cleared."""
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True)
class Setting:
    """How thoroughly to measure: the number of pairs or runs, and whether everything is made small."""

    pairs: int
    short: bool
    scratch: Path
    tick: Callable[[], None] = lambda: None

    @property
    def repeat(self) -> int:
        """Passes over the digits that make an epoch."""
        return SHORT_REPEAT if self.short else REPEAT

    @property
    def epochs(self) -> int:
        """Epochs of a timed training; the first is not counted."""
        return 2 if self.short else 4

    @property
    def images(self) -> int:
        """Digits in an epoch."""
        return TRAIN_SIZE * self.repeat


def paired_figure(
    what: str, paired: Paired, target: float | None, at_least: bool, against: str, less: float = 0.0, scale: float = 1.0
) -> Measured:
    """Return the figure of `paired`: its ratios, less `less` and times `scale`; 100 makes percent of them."""
    ratios = [scale * (ratio - less) for ratio in paired.ratios]
    return Measured(
        what,
        "% more" if scale == 100 else "times",
        float(np.median(ratios)),
        min(ratios),
        max(ratios),
        len(ratios),
        target,
        at_least,
        paired.ours,
        paired.baseline,
        against,
    )


def figure_of(what: str, unit: str, figures: list[float], target: float, at_least: bool = False) -> Measured:
    """Return the figure of something that has no baseline."""
    return Measured(
        what, unit, float(np.median(figures)), min(figures), max(figures), len(figures), target, at_least, figures
    )


def needs_mnist() -> None:
    """Raise UserError where MNIST is not here."""
    if not (ROOT / "data" / "mnist" / "digits.npz").exists():
        raise UserError(
            "data/mnist/digits.npz is not here; run `python src/download.py data=mnist`, or leave out the row"
        )


def table(results: dict[str, Any]) -> str:
    """Return bench.json as a Markdown table."""
    lines = [
        "| row | what | against | median (range) | runs | target | | measured |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in results["rows"].items():
        for one in row["figures"]:
            sign = "≥" if one["at_least"] else "≤"
            span = f"{one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g}) {one['unit']}"
            against = one["against"] or "-"
            target = f"{sign} {one['target']:g}" if one["target"] is not None else "-"
            verdict = "" if one["target"] is None or results["short"] else "met" if one["met"] else "**missed**"
            when = f"{row['date']}, {row['commit'][:7]}, load {row['load']:.1f}"
            lines.append(
                f"| {name} | {one['what']} | {against} | {span} | {one['runs']} | {target} | {verdict} | {when} |"
            )
    return "\n".join(lines) + "\n"


def write_table(results: dict[str, Any], path: Path) -> None:
    """Write the table of `results` to `path`."""
    machine = results["machine"]
    features = ", ".join(machine["features"]) or "no vector features known"
    title = "# How fast" if not results["short"] else "# How fast: a short look, no figures"
    said = (
        f"{machine['processor']} ({features}). Ours against a baseline, in turn on the same machine; ratios are those "
        "of pairs. Where there is no baseline there is a target alone. Load: what else ran as the benchmark began. What "
        "is missed, and why, stands in `experiments/07-speed`."
    )
    write_text(path, f"{title}\n\n{fill_markdown(said)}\n{table(results)}")
