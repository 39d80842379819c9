"""A study's grid: every combination composed, checked and given its key before anything runs."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from inkproof.config.compose import Compose, composing, path_of
from inkproof.config.one_line import explain
from inkproof.config.schema import (
    METHODS,
    DataConfig,
    DrawnConfig,
    EvaluateConfig,
    ExportConfig,
    OutOfFoldConfig,
    PreprocessConfig,
    StageConfig,
    TrainConfig,
)
from inkproof.data.digits import data_sha
from inkproof.evaluation.out_of_fold import SECONDS, WAYS
from inkproof.exporting.files import QUANTIZATIONS
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.studies.definition import FILE, Grid, Study
from inkproof.studies.results import Row
from inkproof.tracking.identity import configuration_key, identity, run_key

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_KEYWORDS = ("null", "true", "false", "nan", "inf")


def override(key: str, value: Any) -> str:
    """Return `key=value` for Hydra, where `value` came from YAML: a text, number, null, list or mapping."""
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_text(one)}" for key, one in value.items()) + "}"
    text = str(value)
    # A quoted text stays one: "1" must not become the number, nor "a,b" two choices.
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


ENDINGS = ("accuracy", "low", "high")


def closest(name: str, known: Iterable[str]) -> str:
    """Return what to say of a metric that there is not: those of a like name, or some of those there are."""
    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"there is {', '.join(sorted(known)[:8])}, ..."


def known_metrics(stages: Sequence[str], data: DataConfig, drawn_sets: Sequence[str]) -> set[str]:
    """Return the names of all metrics of a grid run with these `stages`.

    `data` is the configuration of its dataset, `drawn_sets` are those that its models are evaluated on.
    """
    names = {"accuracy", "loss", "best_epoch", "epochs", "parameters"}
    if data.val != 0:
        names |= {"val_accuracy", "val_loss"}
    if "out_of_fold" in stages:
        names |= {f"out_of_fold_{way}_{name}" for way in WAYS for name in ("accuracy", "errors", "nll")}
        names |= {SECONDS}
    if "evaluate" in stages:
        names |= {f"test_{name}" for name in ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece", "errors")}
        names |= {"corruptions_clean", "corruptions_mca"}
    if "export" in stages:
        for form in QUANTIZATIONS:
            ending = "" if form == "float32" else f"_{form}"
            names |= {f"tflite{ending}_{name}" for name in ("kb", "us", "accuracy", "agreement")}
            names |= {f"canvas{ending}_{name}" for name in ("kb", "us", "agreement")}
        # Where coremltools is installed, Core ML as well.
        names |= {"saved_model_kb", "rejection_auroc", *(f"coreml_{name}" for name in ("kb", "accuracy", "agreement"))}
    if "drawn" in stages:
        names |= {f"drawn_{name}_{method}_{ending}" for name in drawn_sets for method in METHODS for ending in ENDINGS}
    if "formats" in stages:
        for form in QUANTIZATIONS:
            names |= {f"{form}_kb", f"{form}_accuracy", *(f"{form}_{name}_accuracy" for name in drawn_sets)}
    return names


CONFIGS: Mapping[str, type[StageConfig]] = {
    "out_of_fold": OutOfFoldConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
    "drawn": DrawnConfig,
    "formats": ExportConfig,
}
"""The configuration of each stage after training."""


@dataclass(frozen=True)
class GridRun:
    """One training and what follows it.

    `labels` are its values by axis, `config` is the training's configuration, `later` that of each later stage.
    `known` are the metrics it can have, `wanted` those it must, `kept` those in the results table. `key` is "" as long as
    its data are not known. `teachers` are the keys of the grid runs that it learns from. `configuration` is the hash of
    what grid runs that differ by seed alone have in common.
    """

    study: str
    labels: Mapping[str, str]
    seed: int
    stages: tuple[str, ...]
    config: TrainConfig
    later: Mapping[str, StageConfig] = field(repr=False)
    known: frozenset[str] = field(repr=False)
    wanted: tuple[str, ...]
    kept: tuple[str, ...]
    key: str
    configuration: str
    data_sha: str
    teachers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What varies: the name of its MLflow run."""
        return " ".join([*(f"{axis}={label}" for axis, label in self.labels.items()), f"seed={self.seed}"])

    @property
    def folder(self) -> Path:
        """Where its artifacts and reports lie; its training works in a run folder, as every training does."""
        return ROOT / "runs" / "studies" / self.study / self.key

    def done_by(self, row: Row | None) -> bool:
        """Return whether a row of the results holds all that this grid_run is to have."""
        return (
            row is not None
            and row.key == self.key
            and set(self.stages) <= set(row.stages)
            and all(name in row.metrics for name in self.wanted)
        )


def plan(study: Study, shas: Mapping[str, str] | None = None) -> list[GridRun]:
    """Return the grid runs of a study in the order of its grid.

    `shas` gives the SHA-256 of datasets whose digits file is not here. Raises UserError where a combination is no
    training configuration, two grid runs are the same, two configurations have the same labels, or a metric is none that
    the stages measure.
    """
    grid_runs: list[GridRun] = []
    known: dict[tuple[tuple[str, str], ...], Mapping[str, Any]] = {}
    with _naming(study.folder / FILE), composing() as compose:
        for grid in study.grids:
            for labels, overrides in _combinations(grid):
                if known.setdefault(tuple(labels.items()), overrides) != overrides:
                    said = ", ".join(f"{axis}={label}" for axis, label in labels.items())
                    raise UserError(f"two configurations are called {said}; add an axis")
                for seed in grid.seeds:
                    grid_runs.append(_grid_run(study, labels, overrides, seed, grid_runs, compose, shas or {}))
        _check_twins(grid_runs)
        _check_metrics(study, grid_runs)
    return grid_runs


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let what is wrong with a study say which file it stands in."""
    try:
        yield
    except Exception as error:
        said = explain(error)
        if said is None:
            raise
        raise UserError(f"{path}: {said}") from error


def _combinations(grid: Grid) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield (labels by axis, overrides) for each combination; a later axis wins over an earlier one."""
    for chosen in product(*grid.axes.values()):
        overrides = dict(grid.fixed)
        for value in chosen:
            overrides |= value.overrides
        yield {axis: value.label for axis, value in zip(grid.axes, chosen, strict=True)}, overrides


TEACHERS = "training.teacher.runs"


def _teachers(overrides: Mapping[str, Any], seed: int, grid_runs: Sequence[GridRun]) -> dict[str, GridRun]:
    """Return the grid runs that training.teacher.runs names by their labels, "@wide", with the same seed."""
    found = {}
    listed = overrides.get(TEACHERS)
    for run in listed if isinstance(listed, list) else []:
        if isinstance(run, str) and run.startswith("@"):
            meant = [
                grid_run for grid_run in grid_runs if grid_run.seed == seed and run[1:] in grid_run.labels.values()
            ]
            if len(meant) != 1:
                raise UserError(f"{TEACHERS}: {len(meant)} grid runs before it are {run[1:]} with seed {seed}")
            found[run] = meant[0]
    return found


def _grid_run(
    study: Study,
    labels: Mapping[str, str],
    overrides: Mapping[str, Any],
    seed: int,
    before: Sequence[GridRun],
    compose: Compose,
    shas: Mapping[str, str],
) -> GridRun:
    """Compose one grid run; `before` are those that stand before it in the study."""
    asked = tuple(override(key, value) for key, value in overrides.items())
    teachers = _teachers(overrides, seed, before)
    folders = {run: grid_run.folder.relative_to(ROOT).as_posix() for run, grid_run in teachers.items()}
    distilled = {TEACHERS: [folders.get(run, run) for run in overrides[TEACHERS]]} if teachers else {}
    words = tuple(override(key, value) for key, value in {**overrides, **distilled}.items())
    # Once for all seeds, where nothing else is made of them.
    seeded = (override("seed", seed),) if any("${" in word for word in words) else ()
    config = compose(TrainConfig, (*words, *seeded)).model_copy(update={"seed": seed})
    if "out_of_fold" in study.stages and config.training.folds is None:
        raise UserError("stages: out_of_fold predicts the fold left out; add training.folds, such as 4, to fixed")
    name = config.data.name
    digits = path_of(config.run.digits)
    sha = data_sha(digits) if digits.exists() else shas.get(name, "")
    chosen = (f"data={name}", f"model={config.model.name}")
    later: dict[str, StageConfig] = {
        stage: compose(CONFIGS[stage], chosen) for stage in study.stages if stage != "train"
    }
    # The number format stays as it was asked for ("auto"): a results table holds on machines with and without AMX.
    policy = config.precision.policy
    # Teachers are known by their keys, in whichever study's folder they are.
    keys = [teachers[run].key if run in teachers else run for run in overrides[TEACHERS]] if teachers else None
    # What is made of the seed, and which grid run of that seed teaches, do not make another configuration.
    common = compose(TrainConfig, (*asked, override("seed", 0))) if seeded or teachers else config
    # Drawings of another dataset, where it has none of its own.
    eval_data = compose(PreprocessConfig, (f"data={Path(config.data.eval_data or '').name}",)).data.evaluation
    known = known_metrics(study.stages, config.data, eval_data.drawn_sets if eval_data else ())
    return GridRun(
        study=study.name,
        labels=labels,
        seed=seed,
        stages=study.stages,
        config=config,
        later=later,
        known=frozenset(known),
        wanted=tuple(metric for metric in study.metrics if metric in known),
        kept=tuple(sorted(name for name in known if study.keeps(name))),
        key=run_key(identity(config, policy, keys), sha, "") if sha else "",
        configuration=configuration_key(identity(common, policy).flat(), sha, policy) if sha else "",
        data_sha=sha,
        teachers=tuple(grid_run.key for grid_run in teachers.values()),
    )


def _check_twins(grid_runs: Sequence[GridRun]) -> None:
    """Raise UserError where two grid runs would compute the same."""
    seen: dict[str, GridRun] = {}
    for grid_run in grid_runs:
        twin = seen.setdefault(grid_run.key or grid_run.name, grid_run)
        if twin is not grid_run:
            raise UserError(f"two grid runs are the same: {twin.name} and {grid_run.name}")


def _check_metrics(study: Study, grid_runs: list[GridRun]) -> None:
    """Raise UserError where the study names a metric that no grid run has, with those that are close."""
    known = set().union(*(grid_run.known for grid_run in grid_runs))
    figure = study.figure
    named = {
        "metrics": study.metrics,
        "compare.metrics": study.compare.metrics if study.compare else (),
        "figure.y": figure.y,
        "figure.pairs": tuple(name for pair in figure.pairs for name in pair),
        "figure.x": () if figure.x is None or figure.x in study.axes else (figure.x,),
    }
    shown = {"test": "evaluate", "corruptions": "evaluate", "drawn": "drawn"}
    shown |= dict.fromkeys(("tflite", "canvas", "coreml"), "export")
    for where, names in named.items():
        for name in names:
            if name in known:
                if (
                    where != "metrics"
                    and name not in study.metrics
                    and not any(name in grid_run.kept for grid_run in grid_runs)
                ):
                    raise UserError(f"{where}: {name} is not kept; add it to metrics or keep")
                continue
            stage = shown.get(name.split("_")[0], "")
            hint = f"; add the stage {stage}" if stage and stage not in study.stages else f"; {closest(name, known)}"
            raise UserError(f"{where}: no grid run measures {name}{hint}")
    for pattern in study.keep:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UserError(f"keep: no grid run measures {pattern}; {closest(pattern, known)}")
