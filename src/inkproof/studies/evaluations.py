"""evaluations.yaml and its table in the README: the accuracy of each selection on test digits and drawings."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Literal, Self, TypeVar, get_args

import pandas as pd
import yaml

from inkproof.config.schema import Config
from inkproof.config.validation import validated
from inkproof.evaluation.results import EnsembleResult
from inkproof.reporting.tables import TEST_METRICS, markdown_table
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, write_text
from inkproof.studies.selection import EnsembleEvidence, Evidence
from inkproof.studies.table import split
from inkproof.tracking.mlflow_tracker import Tracker

FILE_NAME = "evaluations.yaml"
BEGIN, END = "<!-- evaluations: written by src/study.py select -->", "<!-- end of evaluations -->"
Kind = Literal["single", "ensemble"]
KINDS: tuple[Kind, ...] = get_args(Kind)
METHOD = "classic"  # of the drawings in all evaluations, so that a new one can be compared with the committed ones
Content = TypeVar("Content")
YARDSTICKS = (
    " Published results on MNIST, of C. Deotte's MNIST-CNN-99.75: 99.641 ± 0.047 for a single network, "
    "99.745 ± 0.020 for fifteen."
)
SHOWN = ("pens", "pens_thin", "pens_pixels", "pens_validation", "starter")


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
    """The evaluation of the selected network or ensemble: `n` networks or ensembles that share no training.

    `chosen` is the evidence it was selected by. `runs` are the ids of MLflow runs, `errors` the misclassified test
    digits out of `of`, one for each of the `n`. `accuracy` is on test digits, `drawn` on each set of drawings.
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


def add_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Append an evaluation; raises UserError if its selection has one: a selection is evaluated only once."""
    before = read_evaluations(folder)
    if any(one.selection == evaluation.selection for one in before):
        raise UserError(f"{folder / FILE_NAME}: selection {evaluation.selection} was evaluated before")
    entries = [one.model_dump(mode="json", exclude_defaults=True) for one in (*before, evaluation)]
    write_text(folder / FILE_NAME, yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120))


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


def write_evaluations(folder: Path) -> Path:
    """Write the table of all evaluations into the README between its markers; return the README's path."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else f"# {folder.name}\n"
    before, after = split(readme, text, BEGIN, END)
    write_text(readme, f"{before}{BEGIN}\n\n{table(read_evaluations(folder), folder.name)}\n{END}{after}")
    return readme


def table(evaluations: Sequence[Evaluation], name: str) -> str:
    """Return the table, one line per selection and kind, the latest selection first."""
    if not evaluations:
        return "Nothing is evaluated yet.\n"
    drawn = {key for evaluation in evaluations for kind in KINDS for key in evaluation.of_kind(kind).drawn}
    shown = [key for key in SHOWN if key in drawn]
    heads = ["selection", "what", "members", "cross-validated (%)", "hours", "n", "test (%)", "errors", *shown]
    lines = []
    for evaluation, kind in product(reversed(evaluations), KINDS):
        one = evaluation.of_kind(kind)
        chosen = one.chosen
        lines.append(
            [
                f"{evaluation.selection}, {evaluation.date}",
                kind,
                one.members,
                f"{chosen.accuracy * 100:.3f} ({chosen.low * 100:.3f} to {chosen.high * 100:.3f})",
                f"{chosen.hours:.2f}",
                str(one.n),
                one.accuracy.percent(3),
                ", ".join(map(str, one.errors)),
                *(one.drawn[key].percent(1) if key in one.drawn else "" for key in shown),
            ]
        )
    yardsticks = YARDSTICKS if any(one.data == "mnist" for one in evaluations) else ""
    caption = (
        "Mean ± standard deviation over n networks or ensembles that share no training. In brackets: the 95% Wilson "
        "interval, which treats all digits as independent, also those of one writer. Hours: the time of training "
        "on all digits, teachers included, with as many trainings at once as the candidates had. Drawn sets: accuracy "
        f"in percent with the method `{METHOD}`.{yardsticks} "
        f"Made by `python src/study.py select evaluate experiments/{name}`."
    )
    return f"{markdown_table(heads, 'lll' + 'r' * (len(heads) - 3), lines)}\n\n{fill_markdown(caption)}"


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
