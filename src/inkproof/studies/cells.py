"""From a study to its cells: every combination composed, checked and given its key before anything runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from inkproof.config import check_training, flatten, identity, path_of, resolve
from inkproof.entry import explain
from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.run_record import configuration_key, run_key
from inkproof.sources.digits import data_sha
from inkproof.studies.definition import FILE, Part, Study
from inkproof.studies.ledger import Row
from inkproof.studies.metrics import closest, known_metrics
from inkproof.studies.overrides import override

Compose = Callable[[str, tuple[str, ...]], dict[str, Any]]
# Of the stages, these have a configuration file of another name.
CONFIGS = {"formats": "export"}


@dataclass(frozen=True)
class Cell:
    """One training and what follows it.

    `labels` are its choices by axis, `overrides` what Hydra is given, `config` the resolved training configuration,
    `later` the resolved configuration of each later stage; `known` are the metrics it can have, `wanted` those it must,
    `kept` those the ledger holds. `key` is "" as long as its data are not known; `teachers` are the keys of the cells
    that it learns from. `configuration` is the hash of what cells that differ by seed alone have in common.
    """

    study: str
    labels: Mapping[str, str]
    seed: int
    stages: tuple[str, ...]
    overrides: tuple[str, ...]
    config: Mapping[str, Any]
    later: Mapping[str, Mapping[str, Any]] = field(repr=False)
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
        """Where its products and reports lie; its training works in a run folder, as every training does."""
        return ROOT / "runs" / "studies" / self.study / self.key

    def done_by(self, row: Row | None) -> bool:
        """Return whether a row of the ledger holds all that this cell is to have."""
        return (
            row is not None
            and row.key == self.key
            and set(self.stages) <= set(row.stages)
            and all(name in row.metrics for name in self.wanted)
        )


def plan(study: Study, shas: Mapping[str, str] | None = None) -> list[Cell]:
    """Return the cells of a study in the order of its grid.

    `shas` gives the SHA-256 of data sets whose digits file is not here. Raises UserError where a combination is no
    training configuration, two cells are the same, two configurations have the same labels, or a metric is none that
    the stages measure.
    """
    cells: list[Cell] = []
    known: dict[tuple[tuple[str, str], ...], Mapping[str, Any]] = {}
    with _naming(study.folder / FILE), composing() as compose:
        for part in study.parts:
            for labels, overrides in _combinations(part):
                if known.setdefault(tuple(labels.items()), overrides) != overrides:
                    said = ", ".join(f"{axis}={label}" for axis, label in labels.items())
                    raise UserError(f"two configurations are called {said}; add an axis")
                for seed in part.seeds:
                    cells.append(_cell(study, labels, overrides, seed, cells, compose, shas or {}))
        _check_twins(cells)
        _check_metrics(study, cells)
    return cells


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


@contextmanager
def composing() -> Iterator[Compose]:
    """Yield a function that composes and resolves a file of conf/ with overrides."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):

        @cache
        def composed(primary: str, overrides: tuple[str, ...]) -> dict[str, Any]:
            try:
                return resolve(compose(primary, list(overrides)))
            except ValueError as error:  # such as a number where a file of conf/ is chosen
                raise UserError(f"{' '.join(overrides)}: {' '.join(str(error).split())}") from error

        yield composed


def _combinations(part: Part) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield (labels by axis, overrides) for each combination; a later axis wins over an earlier one."""
    for chosen in product(*part.axes.values()):
        overrides = dict(part.fixed)
        for choice in chosen:
            overrides |= choice.overrides
        yield {axis: choice.label for axis, choice in zip(part.axes, chosen, strict=True)}, overrides


def _teachers(study: Study, overrides: Mapping[str, Any], seed: int, cells: Sequence[Cell]) -> dict[str, Cell]:
    """Return the cells that teacher.runs names by their labels, "@wide", with the same seed."""
    found = {}
    listed = overrides.get("teacher.runs")
    for run in listed if isinstance(listed, list) else []:
        if isinstance(run, str) and run.startswith("@"):
            meant = [cell for cell in cells if cell.seed == seed and run[1:] in cell.labels.values()]
            if len(meant) != 1:
                raise UserError(f"teacher.runs: {len(meant)} cells before it are {run[1:]} with seed {seed}")
            found[run] = meant[0]
    return found


def _cell(
    study: Study,
    labels: Mapping[str, str],
    overrides: Mapping[str, Any],
    seed: int,
    before: Sequence[Cell],
    compose: Compose,
    shas: Mapping[str, str],
) -> Cell:
    """Compose one cell; `before` are those that stand before it in the study."""
    asked = tuple(override(key, value) for key, value in overrides.items())
    teachers = _teachers(study, overrides, seed, before)
    words = asked
    if teachers:
        folders = {run: cell.folder.relative_to(ROOT).as_posix() for run, cell in teachers.items()}
        runs = [folders.get(run, run) for run in overrides["teacher.runs"]]
        words = tuple(override(key, value) for key, value in {**overrides, "teacher.runs": runs}.items())
    # Composing is slow: once for all seeds, where nothing else is made of them.
    seeded = (override("seed", seed),) if any("${" in word for word in words) else ()
    config = {**compose("config", (*words, *seeded)), "seed": seed}
    check_training(config)
    if "held_out" in study.stages and config["folds"] is None:
        raise UserError("stages: held_out reads the fold left out; add folds, such as 4, to fixed")
    name, sha = config["data"]["name"], shas.get(config["data"]["name"], "")
    digits = path_of(config["digits"])
    if digits.exists():
        sha = data_sha(digits)
    later = {
        stage: compose(CONFIGS.get(stage, stage), (f"data={name}", f"model={config['model']['name']}"))
        for stage in study.stages
        if stage != "train"
    }
    # The number format stays as it was asked for ("auto"): a ledger holds on machines with and without AMX.
    policy = config["precision"]["policy"]
    known_as = config
    if teachers:  # known by their keys, in whichever study's folder they lie
        runs = [teachers[run].key if run in teachers else run for run in overrides["teacher.runs"]]
        known_as = {**config, "teacher": {**config["teacher"], "runs": runs}}
    # What is made of the seed, and which cell of that seed teaches, do not make another configuration.
    common = compose("config", (*asked, override("seed", 0))) if seeded or teachers else config
    # Whose drawings its models are tried on: another data set's, where it has none of its own.
    tried_on = compose("drawn", (f"data={Path(config['data']['frames']).name}",))
    known = known_metrics(study.stages, config["data"], tried_on["data"]["drawn_sets"], tried_on["rungs"])
    return Cell(
        study=study.name,
        labels=labels,
        seed=seed,
        stages=study.stages,
        overrides=(*words, override("seed", seed)),
        config=config,
        later=later,
        known=frozenset(known),
        wanted=tuple(metric for metric in study.metrics if metric in known),
        kept=tuple(sorted(name for name in known if study.keeps(name))),
        key=run_key(identity(known_as, policy), sha, "") if sha else "",
        configuration=configuration_key(flatten(identity(common, policy)), sha, policy) if sha else "",
        data_sha=sha,
        teachers=tuple(cell.key for cell in teachers.values()),
    )


def _check_twins(cells: Sequence[Cell]) -> None:
    """Raise UserError where two cells would compute the same."""
    seen: dict[str, Cell] = {}
    for cell in cells:
        twin = seen.setdefault(cell.key or cell.name, cell)
        if twin is not cell:
            raise UserError(f"two cells are the same: {twin.name} and {cell.name}")


def _check_metrics(study: Study, cells: list[Cell]) -> None:
    """Raise UserError where the study names a metric that no cell has, with those that are close."""
    known = set().union(*(cell.known for cell in cells))
    figure = study.figure
    named = {
        "metrics": study.metrics,
        "compare.metrics": study.compare.metrics if study.compare else (),
        "figure.y": figure.y,
        "figure.pairs": tuple(name for pair in figure.pairs for name in pair),
        "figure.x": () if figure.x is None or figure.x in study.axes else (figure.x,),
    }
    shown = {"test": "evaluate", "stress": "evaluate", "drawn": "drawn"}
    shown |= dict.fromkeys(("tflite", "canvas", "coreml"), "export")
    for where, names in named.items():
        for name in names:
            if name in known:
                if where != "metrics" and name not in study.metrics and not any(name in cell.kept for cell in cells):
                    raise UserError(f"{where}: {name} is not kept; add it to metrics or keep")
                continue
            stage = shown.get(name.split("_")[0], "")
            hint = f"; add the stage {stage}" if stage and stage not in study.stages else f"; {closest(name, known)}"
            raise UserError(f"{where}: no cell measures {name}{hint}")
    for pattern in study.keep:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UserError(f"keep: no cell measures {pattern}; {closest(pattern, known)}")
