"""study.yaml: the question, what is fixed, what varies, the seeds, and which figures are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT

FILE = "study.yaml"
STAGES = ("train", "held_out", "evaluate", "export", "drawn", "formats")
"""What a cell can run, in this order; `export` comes before `drawn`, which reads the exported file."""
NEEDS = {"drawn": "export"}
KEYS = ("question", "fixed", "grid", "seeds", "parts", "stages", "metrics", "keep", "compare", "figure")
PART_KEYS = ("fixed", "grid", "seeds")
COMPARE_KEYS = ("axis", "baseline", "metrics")
FIGURE_KEYS = ("x", "y", "lines", "pairs", "log", "wrong", "title", "target")


@dataclass(frozen=True)
class Choice:
    """One value of an axis: its label, and the overrides it stands for."""

    label: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """Every combination of the axes' choices, with every seed."""

    fixed: Mapping[str, Any]
    axes: Mapping[str, tuple[Choice, ...]]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """Which rows are held against each other.

    By `axis`, each choice against `baseline`, all other axes equal; without an axis each metric against the one
    before it, within each row. `metrics` are those compared.
    """

    axis: str | None
    baseline: str | None
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class FigurePlan:
    """What results.png shows: metrics `y` against an axis or metric `x`, one line a choice of the axes `lines`.

    Without `x` each row of the table has a point a metric. `pairs` of metrics (kilobytes, accuracy) are points of a
    frontier. `log` makes x logarithmic, `wrong` draws what shares lack to one, on a logarithmic axis; `target` draws a
    level line.
    """

    x: str | None
    y: tuple[str, ...]
    lines: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    log: bool
    wrong: bool
    title: str
    target: float | None


@dataclass(frozen=True)
class Study:
    """The content of a study.yaml; `metrics` are shown and compared, `keep` are patterns of others for the ledger."""

    name: str
    folder: Path
    question: str
    parts: tuple[Part, ...]
    stages: tuple[str, ...]
    metrics: tuple[str, ...]
    keep: tuple[str, ...]
    compare: Comparison | None
    figure: FigurePlan

    @property
    def experiment(self) -> str:
        """The MLflow experiment of its runs."""
        return f"study/{self.name}"

    @property
    def ledger(self) -> Path:
        """The file with a row for each finished cell."""
        return self.folder / "results.csv"

    def keeps(self, metric: str) -> bool:
        """Return whether the ledger is to hold a metric."""
        return metric in self.metrics or any(fnmatchcase(metric, pattern) for pattern in self.keep)

    @property
    def axes(self) -> list[str]:
        """The names of all axes, in the order they are first mentioned."""
        return list(dict.fromkeys(axis for part in self.parts for axis in part.axes))

    def labels(self, axis: str) -> list[str]:
        """Return the labels of an axis, in the order they are first mentioned; none where it does not vary."""
        return list(dict.fromkeys(choice.label for part in self.parts for choice in part.axes.get(axis, ())))


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
    spec = _mapping(path, "the file", found, KEYS)
    shared = {key: spec[key] for key in PART_KEYS if key in spec}
    listed = spec.get("parts", [{}])
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{path}: parts: expected a list of parts with fixed, grid or seeds")
    stages = _texts(path, "stages", spec.get("stages", ["train", "evaluate"]))
    _check_stages(path, stages)
    metrics = _texts(path, "metrics", spec.get("metrics"), least=1)
    study = Study(
        name=folder.resolve().name,
        folder=folder.resolve(),
        question=_text(path, "question", spec.get("question")),
        parts=tuple(_part(path, shared, part) for part in listed),
        stages=tuple(stage for stage in STAGES if stage in stages),
        metrics=metrics,
        keep=_texts(path, "keep", spec.get("keep", [])),
        compare=_comparison(path, spec.get("compare"), metrics),
        figure=_figure(path, spec.get("figure", {}), metrics),
    )
    _check_axes(path, study)
    return study


def _part(path: Path, shared: Mapping[str, Any], listed: Any) -> Part:
    own = _mapping(path, "a part", listed, PART_KEYS)
    fixed = {
        **_mapping(path, "fixed", shared.get("fixed", {})),
        **_mapping(path, "fixed", own.get("fixed", {})),
    }
    grid = _mapping(path, "grid", own.get("grid", shared.get("grid", {})))
    seeds = own.get("seeds", shared.get("seeds"))
    whole = isinstance(seeds, list) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds)
    if not seeds or not whole or len(set(seeds)) < len(seeds):
        raise UserError(f"{path}: seeds: expected a list of different whole numbers, such as [0, 1, 2]")
    axes = {str(axis): _choices(path, str(axis), values) for axis, values in grid.items()}
    chosen = {name for choices in axes.values() for choice in choices for name in choice.overrides}
    for name in ("seed", "force", "out", "register", "experiment_name"):
        if name in {*fixed, *axes, *chosen}:
            raise UserError(f"{path}: {name}: the study sets it itself; leave it out")
    return Part(fixed, axes, tuple(seeds))


def _choices(path: Path, axis: str, values: Any) -> tuple[Choice, ...]:
    """A list gives values of the override `axis`; a mapping gives labels, each with overrides of its own."""
    if isinstance(values, dict) and values:
        return tuple(
            Choice(label_of(name), _mapping(path, f"grid.{axis}.{name}", overrides))
            for name, overrides in values.items()
        )
    if isinstance(values, list) and values:
        choices = tuple(Choice(label_of(value), {axis: value}) for value in values)
        if len({choice.label for choice in choices}) == len(choices):
            return choices
        raise UserError(f"{path}: grid.{axis}: a value stands there twice")
    raise UserError(f"{path}: grid.{axis}: expected a list of values, or labels with overrides")


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


def _check_stages(path: Path, stages: tuple[str, ...]) -> None:
    for stage in stages:
        if stage not in STAGES:
            raise UserError(f"{path}: stages: {stage} is no stage; choose among {', '.join(STAGES)}")
        if stage in NEEDS and NEEDS[stage] not in stages:
            raise UserError(f"{path}: stages: {stage} reads what {NEEDS[stage]} makes; add it")
    if "train" not in stages:
        raise UserError(f"{path}: stages: every cell trains; add train")


def _check_axes(path: Path, study: Study) -> None:
    known = study.axes
    if study.compare and study.compare.axis is not None:
        axis, baseline = study.compare.axis, study.compare.baseline
        if axis not in known:
            raise UserError(f"{path}: compare.axis: {axis} does not vary; choose one of {', '.join(known)}")
        labels = study.labels(axis)
        if baseline not in labels:
            raise UserError(f"{path}: compare.baseline: {baseline} is no {axis}; choose one of {', '.join(labels)}")
    for label in study.labels(study.figure.x or ""):
        if number_of(label) is None:
            raise UserError(f"{path}: figure.x: {label} of {study.figure.x} is no number; leave x out")
    for axis in study.figure.lines:
        if axis not in known:
            raise UserError(f"{path}: figure.lines: {axis} does not vary; choose among {', '.join(known)}")


def _comparison(path: Path, spec: Any, metrics: tuple[str, ...]) -> Comparison | None:
    if spec is None:
        return None
    found = _mapping(path, "compare", spec, COMPARE_KEYS)
    axis, baseline = found.get("axis"), found.get("baseline")
    if (axis is None) != (baseline is None):
        raise UserError(f"{path}: compare: axis and baseline go together; without both, metrics are compared")
    compared = _texts(path, "compare.metrics", found.get("metrics", list(metrics)))
    return Comparison(axis, None if baseline is None else label_of(baseline), compared)


def _figure(path: Path, spec: Any, metrics: tuple[str, ...]) -> FigurePlan:
    found = _mapping(path, "figure", spec, FIGURE_KEYS)
    pairs = found.get("pairs", [])
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise UserError(f"{path}: figure.pairs: expected pairs of metrics, such as [[int8_kb, int8_accuracy]]")
    if found.get("wrong") and found.get("x") is None:
        raise UserError(f"{path}: figure.wrong: draws curves against an x; name one, or leave it out")
    target = found.get("target")
    if target is not None and not isinstance(target, int | float):
        raise UserError(f"{path}: figure.target: expected a number, such as 0.99")
    return FigurePlan(
        x=_text(path, "figure.x", found["x"]) if found.get("x") is not None else None,
        y=_texts(path, "figure.y", found.get("y", list(metrics[:1])), least=1),
        lines=_texts(path, "figure.lines", found.get("lines", [])),
        pairs=tuple((str(kb), str(accuracy)) for kb, accuracy in pairs),
        log=bool(found.get("log", False)),
        wrong=bool(found.get("wrong", False)),
        title=str(found.get("title", "")),
        target=target,
    )


def _mapping(path: Path, what: str, found: Any, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise UserError(f"{path}: {what}: expected keys with values")
    for key in found:
        if keys is not None and key not in keys:
            raise UserError(f"{path}: {key}: a key that does nothing; the keys of {what} are {', '.join(keys)}")
    return {str(key): value for key, value in found.items()}


def _text(path: Path, key: str, found: Any) -> str:
    if not isinstance(found, str) or not found.strip():
        raise UserError(f"{path}: {key}: expected a text")
    return " ".join(found.split())


def _texts(path: Path, key: str, found: Any, least: int = 0) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or len(found) < least:
        raise UserError(f"{path}: {key}: expected a list of names")
    return tuple(found)
