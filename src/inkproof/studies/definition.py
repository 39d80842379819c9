"""study.yaml: the question, what is fixed, what varies, the seeds, and which metrics are compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    StringConstraints,
    with_config,
)

from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT

FILE = "study.yaml"
Stage = Literal["train", "out_of_fold", "evaluate", "export", "drawn", "formats"]
"""The stages of a grid run, in their order; `export` comes before `drawn`, which evaluates the exported file."""
FORMAT: Literal[2] = 2
"""The format of study.yaml that this version reads."""
OWN = re.compile(r"seed|run(\..*)?")  # overrides that a study sets itself


def label_of(value: Any) -> str:
    """Return a value of YAML as tables and names show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(map(label_of, value)) + "]"
    return "null" if value is None else str(value)


def number_of(label: str) -> float | None:
    """Return the number that a label such as "10,000" stands for, None if it is not a number."""
    try:
        return float(label.replace(",", ""))
    except ValueError:
        return None


def _labeled(grid: Any) -> Any:
    """Return a grid where each axis has labels with overrides. The values of a list are their own labels."""
    if not isinstance(grid, dict):
        return grid
    made = dict(grid)
    for axis, values in grid.items():
        if isinstance(values, list):
            made[axis] = {label_of(value): {axis: value} for value in values}
            if len(made[axis]) < len(values):
                raise ValueError(f"{axis}: the same value twice")
        elif not isinstance(values, dict):
            raise ValueError(f"{axis}: expected a list of values, or labels with overrides")
    return made


# The types of the values in study.yaml. Defaults are not validated: an empty one means that the key was left out.
Label = Annotated[str, BeforeValidator(label_of)]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(str.split), AfterValidator(" ".join)
]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Seeds = Annotated[tuple[StrictInt, ...], Field(min_length=1)]
Overrides = dict[Label, Any]
"""Keys of the training configuration, such as `training.epochs`, and the YAML values that a study gives them."""
AxisLabels = Annotated[dict[Label, Annotated[dict[Label, Overrides], Field(min_length=1)]], BeforeValidator(_labeled)]


@dataclass(frozen=True)
class Grid:
    """Every combination of the values of all axes, with every seed."""

    fixed: Overrides = field(default_factory=dict)
    grid: AxisLabels | None = None
    seeds: Seeds = ()

    @property
    def axes(self) -> AxisLabels:
        """The overrides that each label of each axis stands for."""
        return self.grid or {}


@dataclass(frozen=True)
class Comparison:
    """Which rows are compared, in `metrics`.

    With `axis`, each of its values is compared with the value `baseline`, where all other axes are equal. Without an
    axis, each metric is compared with the one before it, within each row.
    """

    axis: str | None = None
    baseline: Label | None = None
    metrics: Names = ()


@dataclass(frozen=True)
class FigurePlan:
    """What results.png shows: metrics `y` against an axis or metric `x`, one line per value of the axes `lines`.

    Without `x` each row of the table has a point per metric. `pairs` of metrics (kilobytes, accuracy) are points of a
    frontier. `log` makes x logarithmic. `wrong` draws error rates, one minus the share, on a logarithmic axis.
    `target` draws a level line.
    """

    x: Text | None = None
    y: Names = ()
    lines: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    log: StrictBool = False
    wrong: StrictBool = False
    title: str = ""
    target: Annotated[float, Strict()] | None = None


@with_config(extra="forbid")  # for the classes within it, too
@dataclass(frozen=True, kw_only=True)
class Definition:
    """The keys of a study.yaml. `metrics` are shown and compared, `keep` are patterns of others for results.csv."""

    format: Literal[2] = FORMAT
    question: Text
    fixed: Overrides = field(default_factory=dict)
    grid: AxisLabels = field(default_factory=dict)
    seeds: Seeds = ()
    grids: Annotated[tuple[Grid, ...], Field(min_length=1)] = (Grid(),)
    stages: tuple[Stage, ...] = ("train", "evaluate")
    metrics: Names
    keep: tuple[str, ...] = ()
    compare: Comparison | None = None
    figure: FigurePlan = FigurePlan()


@dataclass(frozen=True, kw_only=True)
class Study(Definition):
    """A definition with its folder. `grids`, `compare` and `figure` have the values they inherit from the top level."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def experiment(self) -> str:
        """The MLflow experiment of its runs."""
        return f"study/{self.name}"

    @property
    def results(self) -> Path:
        """The results table, with a row for each finished grid run."""
        return self.folder / "results.csv"

    def keeps(self, metric: str) -> bool:
        """Return whether the results table keeps a metric."""
        return metric in self.metrics or any(fnmatchcase(metric, pattern) for pattern in self.keep)

    @property
    def axes(self) -> list[str]:
        """The names of all axes, in the order of their first mention."""
        return list(dict.fromkeys(axis for grid in self.grids for axis in grid.axes))

    def labels(self, axis: str) -> list[str]:
        """Return the labels of an axis, in the order of their first mention; none where it does not vary."""
        return list(dict.fromkeys(label for grid in self.grids for label in grid.axes.get(axis, ())))


def study_folder(word: str) -> Path:
    """Return the folder of a study that `word` names.

    `word` is a path to the folder or its study.yaml, from here or from the root, or a name that `list` shows.
    """
    path = Path(word).parent if Path(word).name == FILE else Path(word)
    return next((found for found in (path, ROOT / path, ROOT / "experiments" / path) if found.exists()), path)


def read_study(folder: Path) -> Study:
    """Return the study of `folder/study.yaml`; raises UserError, naming file and key, for a mistake in it."""
    path = folder / FILE
    try:
        found = read_yaml(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder}: no {FILE} here; a study is a folder with one, such as experiments/02-augmentation"
        ) from None
    if isinstance(found, dict) and "parts" in found:
        raise UserError(f"{path}: made by 0.1: parts are now grids; docs/CHANGELOG.md has the new names")
    definition = validated(Definition, found, path)
    grids = tuple(
        Grid(
            {**definition.fixed, **grid.fixed},
            definition.grid if grid.grid is None else grid.grid,
            grid.seeds or definition.seeds,
        )
        for grid in definition.grids
    )
    stages = tuple(stage for stage in get_args(Stage) if stage in definition.stages)
    compare = definition.compare and replace(
        definition.compare, metrics=definition.compare.metrics or definition.metrics
    )
    figure = replace(definition.figure, y=definition.figure.y or definition.metrics[:1])
    given = {**vars(definition), "grids": grids, "stages": stages, "compare": compare, "figure": figure}
    study = Study(**given, folder=folder.resolve())
    if mistake := next(_mistakes(study), None):
        raise UserError(f"{path}: {mistake}")
    return study


def _mistakes(study: Study) -> Iterator[str]:
    """Yield what pydantic cannot check: keys of the study that do not go together."""
    for grid in study.grids:
        if not grid.seeds or len(set(grid.seeds)) < len(grid.seeds):
            yield "seeds: expected a list of different whole numbers, such as [0, 1, 2]"
        varied = {name for labels in grid.axes.values() for overrides in labels.values() for name in overrides}
        for name in sorted(name for name in {*grid.fixed, *grid.axes, *varied} if OWN.fullmatch(name)):
            yield f"{name}: the study sets it itself; leave it out"
    if "train" not in study.stages:
        yield "stages: every grid run trains; add train"
    if "drawn" in study.stages and "export" not in study.stages:
        yield "stages: drawn evaluates what export makes; add export"
    known = study.axes
    if study.compare:
        axis, baseline = study.compare.axis, study.compare.baseline
        if (axis is None) != (baseline is None):
            yield "compare: axis and baseline go together; leave both out to compare metrics"
        elif axis is not None and axis not in known:
            yield f"compare.axis: {axis} does not vary; choose one of {', '.join(known)}"
        elif axis is not None and baseline not in (labels := study.labels(axis)):
            yield f"compare.baseline: {baseline} is not a value of {axis}; choose one of {', '.join(labels)}"
    if study.figure.wrong and study.figure.x is None:
        yield "figure.wrong: needs an x to draw curves against; add x, or leave wrong out"
    for label in study.labels(study.figure.x or ""):
        if number_of(label) is None:
            yield f"figure.x: {label} of {study.figure.x} is not a number; leave x out"
    for axis in study.figure.lines:
        if axis not in known:
            yield f"figure.lines: {axis} does not vary; choose from {', '.join(known)}"
