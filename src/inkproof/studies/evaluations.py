"""evaluations.yaml: the accuracy of each selection on test digits and drawings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

import pandas as pd
import yaml

from inkproof.config.schema import Config
from inkproof.config.validation import validated
from inkproof.evaluation.results import EnsembleResult
from inkproof.reporting.tables import TEST_METRICS
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, write_text
from inkproof.studies.selection import EnsembleEvidence, Evidence
from inkproof.tracking.mlflow_tracker import Tracker

FILE_NAME = "evaluations.yaml"
Kind = Literal["single", "ensemble"]
KINDS: tuple[Kind, ...] = get_args(Kind)
METHOD = "classic"  # of the drawings in all evaluations, so that a new one can be compared with the committed ones
Content = TypeVar("Content")


class Spread(Config):
    """Mean and standard deviation (n - 1) over evaluations; a single one has no deviation."""

    mean: float
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return that of `values`, with six decimals."""
        series = pd.Series(values)
        return cls(mean=round(series.mean(), 6), sd=round(series.std(), 6) if len(values) > 1 else None)

    def percent(self, digits: int) -> str:
        """Return it in percent, with so many decimals."""
        sd = "" if self.sd is None else f" ± {self.sd * 100:.{digits}f}"
        return f"{self.mean * 100:.{digits}f}{sd}"


class KindEvaluation(Config):
    """The evaluation of the selected network or ensemble, `chosen` by this evidence. `n` share no training.

    `runs` are the ids of MLflow runs, `errors` the misclassified test digits out of `of`, one for each of the `n`.
    """

    chosen: Evidence | EnsembleEvidence
    n: int
    runs: tuple[str, ...] = ()  # the first evaluations have none
    errors: tuple[int, ...]
    of: int
    accuracy: Spread
    drawn: dict[str, Spread]

    @property
    def members(self) -> str:
        """The names of the networks whose probabilities are averaged, as tables show them."""
        return " + ".join(self.chosen.members) + (" (test-time augmentation)" if self.chosen.tta else "")


class Evaluation(Config):
    """The evaluation of one selection, by its number."""

    selection: int
    data: str
    date: str
    commit: str
    machine: str
    single: KindEvaluation
    ensemble: KindEvaluation

    def of_kind(self, kind: Kind) -> KindEvaluation:
        """Return the evaluation of the single network or the ensemble."""
        return self.single if kind == "single" else self.ensemble


def read_evaluations(folder: Path) -> tuple[Evaluation, ...]:
    """Return all evaluations so far, the first one first; raises UserError if the file is broken."""
    path = folder / FILE_NAME
    return read_committed(tuple[Evaluation, ...], path) if path.exists() else ()


def read_committed(kind: type[Content], path: Path) -> Content:
    """Return what a program wrote to the YAML file `path`; raises UserError if it is broken."""
    found = read_yaml(path)
    try:
        return validated(kind, found, path)
    except UserError as error:
        raise UserError(f"{error}; restore it with `git checkout`") from None


def write_yaml(path: Path, content: Any, comment: str = "") -> None:
    """Write `content` as YAML to `path`, whole or not at all, with a `comment` line at its top."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    write_text(path, f"# {comment}\n{text}" if comment else text)


def add_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Append an evaluation; raises UserError if its selection has one: a selection is evaluated only once."""
    before = read_evaluations(folder)
    if any(one.selection == evaluation.selection for one in before):
        raise UserError(f"{folder / FILE_NAME}: selection {evaluation.selection} was evaluated before")
    entries = [one.model_dump(mode="json", exclude_defaults=True) for one in (*before, evaluation)]
    write_yaml(folder / FILE_NAME, entries)


def summarize(
    chosen: Evidence | EnsembleEvidence, results: Sequence[EnsembleResult], runs: Sequence[str]
) -> KindEvaluation:
    """Return the evaluation of one kind: its results, each logged in one of `runs`, as mean and deviation."""
    return KindEvaluation(
        chosen=chosen,
        n=len(results),
        runs=tuple(runs),
        errors=tuple(result.test.errors for result in results),
        of=results[0].test.n,
        accuracy=Spread.of([result.test.accuracy for result in results]),
        drawn={
            name: Spread.of([result.drawn[name].accuracy for result in results if name in result.drawn])
            for name in results[0].drawn
        },
    )


def log_evaluation(
    tracker: Tracker, experiment: str, selection: int, kind: Kind, number: int, method: str, result: EnsembleResult
) -> str:
    """Return the id of the run that holds `result`; a run of an earlier attempt is reused.

    The result is evaluation `number` of the network or ensemble of a `selection`. `method` is the preprocessing method
    that it classifies drawings with.
    """
    name = f"selection {selection}, {kind} {number}"
    run = tracker.start_again(experiment, name, f"evaluation: {name}")
    params = {"selection": selection, "kind": kind, "number": number}
    tracker.params(run, {**params, "tta": result.tta, "members": ", ".join(result.members)})
    test = {name: getattr(result.test, metric) for name, metric in TEST_METRICS.items()}
    drawn = {f"drawn_{name}_{method}_accuracy": one.accuracy for name, one in result.drawn.items()}
    tracker.metrics(run, {**test, "test_errors": result.test.errors, **drawn})
    tracker.finish(run)
    return run
