"""study.yaml: the question, what is fixed, what varies, the seeds, and which figures are compared."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import starmap
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
"""What a grid run can run, in this order; `export` comes before `drawn`, which reads the exported file."""
OWN = re.compile(r"seed|run(\..*)?")  # overrides that a study sets itself


def label_of(value: Any) -> str:
    """Return a value as tables and names show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(map(label_of, value)) + "]"
    return "null" if value is None else str(value)


def number_of(label: str) -> float | None:
    """Return the number that a label is, "10,000" for one; None where it is none."""
    try:
        return float(label.replace(",", ""))
    except ValueError:
        return None


def _labeled(grid: Any) -> Any:
    """Return a grid where each axis has labels with overrides: in a list each value is a label for itself."""
    if not isinstance(grid, dict):
        return grid
    made = dict(grid)
    for axis, values in grid.items():
        if isinstance(values, list):
            made[axis] = {label_of(value): {axis: value} for value in values}
            if len(made[axis]) < len(values):
                raise ValueError(f"{axis}: a value stands there twice")
        elif not isinstance(values, dict):
            raise ValueError(f"{axis}: expected a list of values, or labels with overrides")
    return made


# The kinds of value that study.yaml holds. Defaults are not checked, so that an empty one means that nothing is given.
Label = Annotated[str, BeforeValidator(label_of)]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(str.split), AfterValidator(" ".join)
]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Seeds = Annotated[tuple[StrictInt, ...], Field(min_length=1)]
Overrides = dict[Label, Any]
AxisLabels = Annotated[dict[Label, Annotated[dict[Label, Overrides], Field(min_length=1)]], BeforeValidator(_labeled)]


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis: its label, and the overrides it stands for."""

    label: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' choices, with every seed."""

    fixed: Overrides = field(default_factory=dict)
    grid: AxisLabels | None = None
    seeds: Seeds = ()

    @property
    def axes(self) -> Mapping[str, tuple[AxisValue, ...]]:
        """The choices of each axis."""
        return {axis: tuple(starmap(AxisValue, labels.items())) for axis, labels in (self.grid or {}).items()}


@dataclass(frozen=True)
class Comparison:
    """Which rows are held against each other.

    By `axis`, each choice against `baseline`, all other axes equal; without an axis each metric against the one
    before it, within each row. `metrics` are those compared.
    """

    axis: str | None = None
    baseline: Label | None = None
    metrics: Names = ()


@dataclass(frozen=True)
class FigurePlan:
    """What results.png shows: metrics `y` against an axis or metric `x`, one line a choice of the axes `lines`.

    Without `x` each row of the table has a point a metric. `pairs` of metrics (kilobytes, accuracy) are points of a
    frontier. `log` makes x logarithmic, `wrong` draws what shares lack to one, on a logarithmic axis; `target` draws a
    level line.
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
    """The keys of a study.yaml; `metrics` are shown and compared, `keep` are patterns of others for the results."""

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
    """A definition in its folder, where `grids`, `compare` and `figure` hold what they take from outside of them."""

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
        """The file with a row for each finished grid run."""
        return self.folder / "results.csv"

    def keeps(self, metric: str) -> bool:
        """Return whether the results is to hold a metric."""
        return metric in self.metrics or any(fnmatchcase(metric, pattern) for pattern in self.keep)

    @property
    def axes(self) -> list[str]:
        """The names of all axes, in the order they are first mentioned."""
        return list(dict.fromkeys(axis for grid in self.grids for axis in grid.axes))

    def labels(self, axis: str) -> list[str]:
        """Return the labels of an axis, in the order they are first mentioned; none where it does not vary."""
        return list(dict.fromkeys(choice.label for grid in self.grids for choice in grid.axes.get(axis, ())))


def study_folder(word: str) -> Path:
    """Return the folder that `word` names, itself, by its study.yaml, or as --list does, from here or from the root."""
    path = Path(word).parent if Path(word).name == FILE else Path(word)
    return next((found for found in (path, ROOT / path, ROOT / "experiments" / path) if found.exists()), path)


def read_study(folder: Path) -> Study:
    """Return the study that `folder/study.yaml` describes; raises UserError, naming file and key, where it cannot."""
    path = folder / FILE
    try:
        found = read_yaml(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder}: no {FILE} here; a study is a folder with one, such as experiments/02-augmentation"
        ) from None
    said = validated(Definition, found, path)
    grids = tuple(
        Grid({**said.fixed, **grid.fixed}, said.grid if grid.grid is None else grid.grid, grid.seeds or said.seeds)
        for grid in said.grids
    )
    stages = tuple(stage for stage in get_args(Stage) if stage in said.stages)
    compare = said.compare and replace(said.compare, metrics=said.compare.metrics or said.metrics)
    figure = replace(said.figure, y=said.figure.y or said.metrics[:1])
    given = {**vars(said), "grids": grids, "stages": stages, "compare": compare, "figure": figure}
    study = Study(**given, folder=folder.resolve())
    if mistake := next(_mistakes(study), None):
        raise UserError(f"{path}: {mistake}")
    return study


def _mistakes(study: Study) -> Iterator[str]:
    """Yield what pydantic cannot see: keys, or grids of the study, that do not go together."""
    for grid in study.grids:
        if not grid.seeds or len(set(grid.seeds)) < len(grid.seeds):
            yield "seeds: expected a list of different whole numbers, such as [0, 1, 2]"
        chosen = {name for choices in grid.axes.values() for choice in choices for name in choice.overrides}
        for name in sorted(name for name in {*grid.fixed, *grid.axes, *chosen} if OWN.fullmatch(name)):
            yield f"{name}: the study sets it itself; leave it out"
    if "train" not in study.stages:
        yield "stages: every grid_run trains; add train"
    if "drawn" in study.stages and "export" not in study.stages:
        yield "stages: drawn reads what export makes; add it"
    known = study.axes
    if study.compare:
        axis, baseline = study.compare.axis, study.compare.baseline
        if (axis is None) != (baseline is None):
            yield "compare: axis and baseline go together; without both, metrics are compared"
        elif axis is not None and axis not in known:
            yield f"compare.axis: {axis} does not vary; choose one of {', '.join(known)}"
        elif axis is not None and baseline not in (labels := study.labels(axis)):
            yield f"compare.baseline: {baseline} is no {axis}; choose one of {', '.join(labels)}"
    if study.figure.wrong and study.figure.x is None:
        yield "figure.wrong: draws curves against an x; name one, or leave it out"
    for label in study.labels(study.figure.x or ""):
        if number_of(label) is None:
            yield f"figure.x: {label} of {study.figure.x} is no number; leave x out"
    for axis in study.figure.lines:
        if axis not in known:
            yield f"figure.lines: {axis} does not vary; choose among {', '.join(known)}"
