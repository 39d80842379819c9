"""The grid runs of a study: all are composed, checked and given a key before the first one runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from inkproof.config.compose import Compose, composing, path_of
from inkproof.config.one_line import explain
from inkproof.config.schema import TrainConfig
from inkproof.config.stages import (
    DrawnConfig,
    EvaluateConfig,
    ExportConfig,
    FormatsConfig,
    OutOfFoldConfig,
    PreprocessConfig,
    StageConfig,
)
from inkproof.data.digits import data_sha
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import HOME
from inkproof.studies.definition import FILE, Grid, Overrides, Study
from inkproof.studies.metrics import check_metrics, known_metrics
from inkproof.studies.results import Row
from inkproof.tracking.identity import configuration_key, identity, run_key
from inkproof.tracking.naming import override

CONFIGS: Mapping[str, type[StageConfig]] = {
    kind.primary: kind for kind in (OutOfFoldConfig, EvaluateConfig, ExportConfig, DrawnConfig, FormatsConfig)
}
"""The configuration of each stage after training."""


@dataclass(frozen=True)
class GridRun:
    """One training and the stages after it.

    `labels` are its values by axis. `config` is the training's configuration, `later` that of each later stage.
    `known` are the metrics it can have, `wanted` those it must have, `kept` those in the results table. `key` is "" as
    long as the SHA-256 of its data is unknown. `configuration` is a hash that grid runs share if only the seed differs.
    `teachers` are the keys of the grid runs that it learns from.
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
        """The name of its MLflow run: its labels and its seed."""
        return _name(self.labels, self.seed)

    @property
    def folder(self) -> Path:
        """The folder of its artifacts and reports. Its training works in a run folder, as every training does."""
        return HOME / "runs" / "studies" / self.study / self.key

    def row_in(self, rows: Mapping[str, Row], since: str = "") -> Row | None:
        """Return its row of a results table, None if that lacks a stage or metric or is older than `since`."""
        row = rows.get(self.key)
        if row is None or row.finished < since or not set(self.stages) <= set(row.stages):
            return None
        return row if all(name in row.metrics for name in self.wanted) else None


def _name(labels: Mapping[str, str], seed: int) -> str:
    return " ".join([*(f"{axis}={label}" for axis, label in labels.items()), f"seed={seed}"])


def plan(study: Study, rows: Mapping[str, Row] | None = None) -> list[GridRun]:
    """Return the grid runs of a study in the order of its grids.

    Datasets whose digits file is missing are taken to be those of the `rows` of its results table: of the row of the
    same grid run, else of one with a dataset of the same name. Raises UserError
    where a combination is not a valid training configuration, two grid runs are the same, two configurations have the
    same labels, or no stage measures a metric.
    """
    known = (rows or {}).values()
    shas = {row.data: row.data_sha for row in known} | {row.grid_run: row.data_sha for row in known}
    grid_runs: list[GridRun] = []
    by_labels: dict[tuple[tuple[str, str], ...], Overrides] = {}
    with _naming(study.folder / FILE), composing() as compose:
        for grid in study.grids:
            for labels, overrides in combinations(grid):
                if by_labels.setdefault(tuple(labels.items()), overrides) != overrides:
                    name = ", ".join(f"{axis}={label}" for axis, label in labels.items())
                    raise UserError(f"two configurations are called {name}; add an axis")
                for seed in grid.seeds:
                    grid_runs.append(_grid_run(study, labels, overrides, seed, grid_runs, compose, shas))
        seen: dict[str, GridRun] = {}
        for grid_run in grid_runs:
            twin = seen.setdefault(grid_run.key or grid_run.name, grid_run)
            if twin is not grid_run:
                raise UserError(f"two grid runs are the same: {twin.name} and {grid_run.name}")
        check_metrics(study, set().union(*(grid_run.known for grid_run in grid_runs)))
    return grid_runs


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of the study's file in front of the user's mistakes."""
    try:
        yield
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        raise UserError(f"{path}: {line}") from error


def combinations(grid: Grid) -> Iterator[tuple[dict[str, str], Overrides]]:
    """Yield (labels by axis, overrides) for each combination; later axes override earlier ones."""
    for labels in product(*grid.axes.values()):
        chosen = dict(zip(grid.axes, labels, strict=True))
        overrides = dict(grid.fixed)
        for axis, label in chosen.items():
            overrides |= grid.axes[axis][label]
        yield chosen, overrides


TEACHERS = "training.teacher.runs"


def _teachers(overrides: Overrides, seed: int, before: Sequence[GridRun]) -> dict[str, GridRun]:
    """Return the grid runs among `before`, with the same seed, that training.teacher.runs names by a label, "@wide"."""
    found = {}
    listed = overrides.get(TEACHERS)
    for run in listed if isinstance(listed, list) else []:
        if isinstance(run, str) and run.startswith("@"):
            label = run.removeprefix("@")
            matches = [one for one in before if one.seed == seed and label in one.labels.values()]
            if len(matches) != 1:
                raise UserError(f"{TEACHERS}: {len(matches)} grid runs before it are called {label} with seed {seed}")
            found[run] = matches[0]
    return found


def _grid_run(
    study: Study,
    labels: Mapping[str, str],
    overrides: Overrides,
    seed: int,
    before: Sequence[GridRun],
    compose: Compose,
    shas: Mapping[str, str],
) -> GridRun:
    """Compose one grid run; `before` are the grid runs before it in the study."""
    asked = tuple(override(key, value) for key, value in overrides.items())
    teachers = _teachers(overrides, seed, before)
    folders = {run: grid_run.folder.relative_to(HOME).as_posix() for run, grid_run in teachers.items()}
    distilled = {TEACHERS: [folders.get(run, run) for run in overrides[TEACHERS]]} if teachers else {}
    words = tuple(override(key, value) for key, value in {**overrides, **distilled}.items())
    # One composition serves all seeds, unless an override is made of the seed.
    seeded = (override("seed", seed),) if any("${" in word for word in words) else ()
    config = compose(TrainConfig, (*words, *seeded)).model_copy(update={"seed": seed})
    if "out_of_fold" in study.stages and config.training.folds is None:
        raise UserError(
            "stages: out_of_fold predicts the fold that was left out; add training.folds, such as 4, to fixed"
        )
    name = config.data.name
    digits = path_of(config.run.digits)
    sha = data_sha(digits) if digits.exists() else shas.get(_name(labels, seed), shas.get(name, ""))
    chosen = (f"data={name}", f"model={config.model.name}")
    later: dict[str, StageConfig] = {
        stage: compose(CONFIGS[stage], chosen) for stage in study.stages if stage != "train"
    }
    # The number format stays as it was asked for ("auto"): keys are the same on machines with and without AMX.
    policy = config.precision.policy
    # Teachers count by their keys, not by their folders, which have the name of a study.
    keys = [teachers[run].key if run in teachers else run for run in overrides[TEACHERS]] if teachers else None
    # Values made of the seed, and the key of the teacher with that seed, do not make another configuration.
    common = compose(TrainConfig, (*asked, override("seed", 0))) if seeded or teachers else config
    # A dataset without drawings of its own is evaluated on those of another one.
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
