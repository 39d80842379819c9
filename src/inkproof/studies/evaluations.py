"""evaluations.yaml and the README's table: what each selection read of test digits and drawings, whatever it is."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from inkproof.reporting.tables import markdown_table
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, write_text
from inkproof.studies.comparison import spread
from inkproof.studies.table import split
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.provenance import describe_machine, git_commit

FILE_NAME = "evaluations.yaml"
BEGIN, END = "<!-- evaluations: written by src/study.py select -->", "<!-- end of evaluations -->"
KINDS = ("single", "ensemble")
YARDSTICKS = (
    " Yardsticks on MNIST, of C. Deotte's MNIST-CNN-99.75: 99.641 ± 0.047 for a single network, "
    "99.745 ± 0.020 for fifteen."
)
SHOWN = ("pens", "pens_thin", "pens_pixels", "pens_validation", "starter")


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """Return all evaluations so far, the first one first; raises UserError where the file is broken."""
    path = folder / FILE_NAME
    try:
        found = read_yaml(path)
    except FileNotFoundError:
        return []
    if not isinstance(found, list):
        raise UserError(f"{path}: not a list of evaluations; restore it with `git checkout`")
    return found


def add_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Append an evaluation; raises UserError where its selection has one already: a selection is evaluated once."""
    before = read_evaluations(folder)
    if any(one["selection"] == evaluation["selection"] for one in before):
        raise UserError(f"{folder / FILE_NAME}: selection {evaluation['selection']} was evaluated before")
    text = yaml.safe_dump([*before, dict(evaluation)], sort_keys=False, allow_unicode=True, width=120)
    write_text(folder / FILE_NAME, text)


def summarize(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one kind's evaluation: of what `ensemble` found, and the `run` it is logged in, every figure."""
    return {
        "n": len(results),
        "runs": [result["run"] for result in results],
        "errors": [result["test"]["errors"] for result in results],
        "of": results[0]["test"]["n"],
        "accuracy": _spread([result["test"]["accuracy"] for result in results]),
        "drawn": {
            name: _spread([result["drawn"][name]["accuracy"] for result in results if name in result["drawn"]])
            for name in results[0]["drawn"]
        },
    }


def members(chosen: Mapping[str, Any]) -> str:
    """Return the names of what is averaged, as tables show them."""
    return " + ".join(chosen["members"]) + (" (views)" if chosen["tta"] else "")


def _spread(values: Sequence[float]) -> dict[str, Any]:
    found = dict(zip(("mean", "sd"), spread(values), strict=True))
    return {name: None if value is None else round(value, 6) for name, value in found.items()}


def write_evaluations(folder: Path) -> Path:
    """Write the table of all evaluations into the README between its markers; return the README's path."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else f"# {folder.name}\n"
    before, after = split(readme, text, BEGIN, END)
    write_text(readme, f"{before}{BEGIN}\n\n{table(read_evaluations(folder), folder.name)}\n{END}{after}")
    return readme


def table(evaluations: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the table, one line a selection and kind, the latest selection first."""
    if not evaluations:
        return "Nothing is evaluated yet.\n"
    shown = [key for key in SHOWN if any(key in one[kind]["drawn"] for one in evaluations for kind in KINDS)]
    heads = ["selection", "what", "members", "cross-validated (%)", "hours", "n", "test (%)", "errors", *shown]
    lines = []
    for evaluation, kind in product(reversed(evaluations), KINDS):
        one = evaluation[kind]
        chosen = one["chosen"]
        lines.append(
            [
                f"{evaluation['selection']}, {evaluation['date']}",
                kind,
                members(chosen),
                f"{chosen['accuracy'] * 100:.3f} ({chosen['low'] * 100:.3f} to {chosen['high'] * 100:.3f})",
                f"{chosen['hours']:.2f}",
                str(one["n"]),
                _written(one["accuracy"], 3),
                ", ".join(map(str, one["errors"])),
                *(_written(one["drawn"][key], 1) if key in one["drawn"] else "" for key in shown),
            ]
        )
    yardsticks = YARDSTICKS if any(one["data"] == "mnist" for one in evaluations) else ""
    said = (
        "Mean ± standard deviation over n networks or ensembles that share no training. Hours: of training on all "
        "digits, teachers included, side by side as the candidates were timed. Drawn sets: per cent on the method "
        f"`ink`.{yardsticks} Made by `python src/study.py select evaluate experiments/{name}`."
    )
    return f"{markdown_table(heads, 'lll' + 'r' * (len(heads) - 3), lines)}\n\n{fill_markdown(said)}"


def _written(spread: Mapping[str, Any], digits: int) -> str:
    sd = "" if spread["sd"] is None else f" ± {spread['sd'] * 100:.{digits}f}"
    return f"{spread['mean'] * 100:.{digits}f}{sd}"


def log_evaluation(
    tracker: Tracker, experiment: str, about: Mapping[str, Any], method: str, result: Mapping[str, Any]
) -> str:
    """Return the id of the run that holds `result`, which `ensemble` found; a run of an earlier attempt is reused.

    `about` says which `selection` and `kind` it is, and the `number` of the evaluation of that kind.
    """
    name = f"selection {about['selection']}, {about['kind']} {about['number']}"
    tags = {"key": f"evaluation: {name}", "git_commit": git_commit(), "machine": describe_machine()}
    run = tracker.start_again(experiment, name, tags)
    tracker.params(run, {**about, "tta": result["tta"], "members": ", ".join(result["members"])})
    test = {f"test_{metric}": result["test"][metric] for metric in ("accuracy", "errors", "nll", "ece")}
    drawn = {f"drawn_{name}_{method}_accuracy": one["accuracy"] for name, one in result["drawn"].items()}
    tracker.metrics(run, {**test, **drawn})
    tracker.finish(run)
    return run
