"""From a study to its cells: every combination composed, checked and given its key before anything runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from inkproof.config import check_training, flatten, identity, path_of, resolve
from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.run_record import run_key
from inkproof.sources.digits import data_sha
from inkproof.studies.definition import FILE, Part, Study
from inkproof.studies.ledger import Row
from inkproof.studies.metrics import known_metrics
from inkproof.studies.overrides import override

Compose = Callable[[str, tuple[str, ...]], dict[str, Any]]
# Of the stages, these have a configuration file of another name.
CONFIGS = {"formats": "export"}


@dataclass(frozen=True)
class Cell:
    """One training and what follows it.

    `labels` are its choices by axis, `overrides` what Hydra is given, `config` the resolved training configuration,
    `later` the resolved configuration of each later stage; `known` are the metrics it can have, `wanted` those it must,
    `kept` those the ledger holds. `key` is "" as long as its data are not known.
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
    training configuration, two cells are the same, or a metric is none that the stages measure.
    """
    cells: list[Cell] = []
    with composing() as compose:
        for part in study.parts:
            for labels, overrides in _combinations(part):
                for seed in part.seeds:
                    taught = _with_teachers(study, overrides, seed, cells)
                    cells.append(_cell(study, part, labels, taught, seed, compose, shas or {}))
    seen: dict[str, Cell] = {}
    for cell in cells:
        twin = seen.setdefault(cell.key or cell.name, cell)
        if twin is not cell:
            raise UserError(f"{study.folder / FILE}: two cells are the same: {twin.name} and {cell.name}")
    _check_metrics(study, cells)
    return cells


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


def _with_teachers(study: Study, overrides: dict[str, Any], seed: int, cells: list[Cell]) -> dict[str, Any]:
    """Return `overrides` with the folders of cells in place of their labels in teacher.runs: "@wide", same seed.

    A student that is launched before its teacher has finished fails, and is tried again with the next round.
    """
    if "teacher.runs" not in overrides:
        return overrides
    runs = []
    for run in overrides["teacher.runs"]:
        if run.startswith("@"):
            found = [cell for cell in cells if cell.seed == seed and run[1:] in cell.labels.values()]
            if len(found) != 1:
                raise UserError(
                    f"{study.folder / FILE}: teacher.runs: {len(found)} cells before it are {run[1:]} with seed {seed}"
                )
            run = found[0].folder.relative_to(ROOT).as_posix()
        runs.append(run)
    return {**overrides, "teacher.runs": runs}


def _cell(
    study: Study,
    part: Part,
    labels: Mapping[str, str],
    chosen: Mapping[str, Any],
    seed: int,
    compose: Compose,
    shas: Mapping[str, str],
) -> Cell:
    words = tuple(override(key, value) for key, value in chosen.items())
    # Composing is slow: once for all seeds, where nothing else is made of them.
    seeded = (override("seed", seed),) if any("${" in word for word in words) else ()
    config = {**compose("config", (*words, *seeded)), "seed": seed}
    check_training(config)
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
    chosen_part = identity(config, config["precision"]["policy"])
    unseeded = {key: value for key, value in chosen_part.items() if key != "seed"}
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
        kept=tuple(sorted(n for n in known if n in study.metrics or any(fnmatchcase(n, p) for p in study.record))),
        key=run_key(chosen_part, sha, "") if sha else "",
        configuration=configuration_key(flatten(unseeded), sha) if sha else "",
        data_sha=sha,
    )


def configuration_key(params: Mapping[str, Any], sha: str) -> str:
    """Return the hash of a configuration and its data, whatever the seed and the number format.

    `params` are flattened, as MLflow holds them, so that runs in a ledger and in the store can be told to be alike.
    """
    left_out = ("seed", "precision.policy")
    return run_key({key: str(value) for key, value in params.items() if key not in left_out}, sha, "")


def _check_metrics(study: Study, cells: list[Cell]) -> None:
    """Raise UserError where study.yaml names a metric that no cell has, with those that are close."""
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
                    raise UserError(f"{study.folder / FILE}: {where}: {name} is not kept; add it to metrics or record")
                continue
            stage = shown.get(name.split("_")[0], "")
            hint = f"; add the stage {stage}" if stage and stage not in study.stages else f"; {_closest(name, known)}"
            raise UserError(f"{study.folder / FILE}: {where}: no cell measures {name}{hint}")


def _closest(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"there is {', '.join(sorted(known)[:8])}, ..."


def data_of(cells: list[Cell]) -> dict[str, Mapping[str, Any]]:
    """Return a training configuration for each data set that cells train on, by name."""
    return {cell.config["data"]["name"]: cell.config for cell in cells}
