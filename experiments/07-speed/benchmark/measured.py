"""The figures of a benchmark, how thoroughly to measure, and the table."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from benchmark.machine import Machine
from benchmark.pairs import Paired
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT

# An epoch repeats some of the optdigits, so that it has whole batches and needs no download.
TRAIN_SIZE, REPEAT, BATCH = 1152, 18, 128
SHORT_REPEAT = 5


class Figure(TypedDict):
    """A `Measured` as bench.json has it."""

    what: str
    unit: str
    value: float
    low: float
    high: float
    runs: int
    target: float | None
    at_least: bool
    ours: list[float]
    baseline: list[float]
    against: str
    met: bool


class Benchmark(TypedDict):
    """The results of one benchmark: when and at which commit it ran, the load of the machine before, its figures."""

    date: str
    commit: str
    load: float
    figures: list[Figure]


class Results(TypedDict):
    """The content of bench.json."""

    machine: Machine
    short: bool
    benchmarks: dict[str, Benchmark]


@dataclass(frozen=True)
class Measured:
    """One figure of a benchmark: the runs of ours and of the baseline, if there is one, and the target, if any.

    `value` is compared with `target`: the median ratio where there is a baseline, else the median of ours. `low` and
    `high` are the range over the runs.
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
        """Whether the target is met; true where there is none."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target

    def figure(self) -> Figure:
        """Return it as bench.json has it."""
        return {**asdict(self), "met": self.met}  # type: ignore[typeddict-item]


@dataclass(frozen=True)
class Setting:
    """How thoroughly to measure: the number of pairs or runs, and whether everything is made small."""

    pairs: int
    short: bool
    scratch: Path
    tick: Callable[[], None] = lambda: None

    @property
    def repeat(self) -> int:
        """How often an epoch repeats the digits."""
        return SHORT_REPEAT if self.short else REPEAT

    @property
    def epochs(self) -> int:
        """Epochs of a timed training, of which the first is not counted."""
        return 2 if self.short else 4

    @property
    def images(self) -> int:
        """Images in an epoch."""
        return TRAIN_SIZE * self.repeat


def paired_figure(
    what: str, paired: Paired, target: float | None, at_least: bool, against: str, less: float = 0.0, scale: float = 1.0
) -> Measured:
    """Return the figure of `paired`: scale * (ratio - less) for each ratio; a scale of 100 makes percent."""
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
    """Return a figure without a baseline."""
    return Measured(
        what, unit, float(np.median(figures)), min(figures), max(figures), len(figures), target, at_least, figures
    )


def needs_mnist() -> None:
    """Raise UserError where MNIST is missing."""
    if not (ROOT / "data" / "mnist" / "digits.npz").exists():
        raise UserError(
            "data/mnist/digits.npz: missing; run `python src/download.py data=mnist`, or leave out this benchmark"
        )


def table(results: Results) -> str:
    """Return `results` as a Markdown table."""
    lines = [
        "| benchmark | what | against | median (range) | runs | target | | measured |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, benchmark in results["benchmarks"].items():
        for one in benchmark["figures"]:
            sign = "≥" if one["at_least"] else "≤"
            span = f"{one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g}) {one['unit']}"
            against = one["against"] or "-"
            target = f"{sign} {one['target']:g}" if one["target"] is not None else "-"
            verdict = "" if one["target"] is None or results["short"] else "met" if one["met"] else "**missed**"
            when = f"{benchmark['date']}, {benchmark['commit'][:7]}, load {benchmark['load']:.1f}"
            lines.append(
                f"| {name} | {one['what']} | {against} | {span} | {one['runs']} | {target} | {verdict} | {when} |"
            )
    return "\n".join(lines) + "\n"


def write_table(results: Results, path: Path) -> None:
    """Write the table of `results` to `path`."""
    machine = results["machine"]
    features = ", ".join(machine["features"]) or "no vector features known"
    title = "# How fast" if not results["short"] else "# How fast: a short check"
    caption = (
        f"{machine['processor']} ({features}). Ours and a baseline alternate on the same machine, and each ratio is "
        "that of a pair. Where there is no baseline, the figure is compared with a target alone. Load: the load of the "
        "machine before the benchmark. `experiments/07-speed` explains the missed targets."
    )
    write_text(path, f"{title}\n\n{fill_markdown(caption)}\n{table(results)}")
