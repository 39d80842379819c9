"""selection.yaml: the selection, written and committed before its first test evaluation; earlier choices stay in it."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, replacing, write_text
from inkproof.studies.definition import Study, read_study
from inkproof.studies.evaluations import KINDS, read_evaluations
from inkproof.studies.grid import plan
from inkproof.studies.results import read_results, write_row
from inkproof.studies.selection import teachers_of, with_teachers
from inkproof.tracking.provenance import git_commit

FILE_NAME = "selection.yaml"
NOT_FINAL = ("training.folds", "training.fold")  # what a cross-validation sets and a training on all digits does not


def read_selection(folder: Path) -> dict[str, Any]:
    """Return the selection in `folder`; raises UserError where there is none or it is no selection."""
    path = folder / FILE_NAME
    try:
        found = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path}: nothing is chosen yet; run `choose` first") from None
    if not isinstance(found, dict) or not {"number", "single", "ensemble", "trainings", "earlier"} <= set(found):
        raise UserError(f"{path}: not a selection; restore it with `git checkout`")
    return found


def write_selection(study: Study, evidence: Mapping[str, Any], seeds: int, again: bool) -> Path:
    """Write selection.yaml with the trainings that it asks for; return its path.

    Each of `seeds` evaluations has networks of its own. Raises UserError where there is a selection already, unless
    `again`: then that is moved to the list of earlier ones, but not while its evaluation is under way.
    """
    path = study.folder / FILE_NAME
    earlier: list[Any] = []
    evaluated = {one["selection"] for one in read_evaluations(study.folder)}
    if path.exists():
        before = read_selection(study.folder)
        number = before["number"]
        if not again:
            raise UserError(f"{path}: selection {number} is there already; --again keeps it as an earlier one")
        if number not in evaluated and final_folder(study, number).exists():
            raise UserError(
                f"{path}: test digits were read for selection {number}; `evaluate` has to report them first"
            )
        earlier = [*before.pop("earlier"), before]
    selection = {
        "number": max([*(one["number"] for one in earlier), *evaluated], default=0) + 1,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git_commit(),
        "seeds": seeds,
        **evidence,
        "trainings": trainings(study, evidence, seeds),
        "earlier": earlier,
    }
    text = yaml.safe_dump(selection, sort_keys=False, allow_unicode=True, width=120)
    write_text(
        path, f"# Written by `python src/study.py select choose experiments/{study.name}`; not to be edited.\n{text}"
    )
    return path


def trainings(study: Study, evidence: Mapping[str, Any], seeds: int) -> dict[str, Any]:
    """Return, by network, the overrides and the seeds of trainings on all digits; teachers before their students.

    Evaluation e has the seeds from e * s on, s being the largest number of networks of a kind in it: a student, taught
    by those of its own seed, shares no training with another evaluation either.
    """
    teachers = teachers_of(study)
    counts: Counter[str] = Counter()
    for kind in KINDS:
        for name, count in Counter(evidence[kind]["members"]).items():
            counts |= Counter(dict.fromkeys(with_teachers(name, teachers), count))
    stride = max(counts.values())
    listed = {}
    for grid in study.grids:
        for choices in grid.axes.values():
            for one in choices:
                if one.label in counts:
                    overrides = {**grid.fixed, **one.overrides}
                    kept = {key: value for key, value in overrides.items() if key not in NOT_FINAL}
                    own = [stride * number + index for number in range(seeds) for index in range(counts[one.label])]
                    listed[one.label] = {"seeds": own, "overrides": kept}
    return listed


def final_folder(study: Study, number: int) -> Path:
    """Return the folder of the study that trains selection `number` on all training digits, beside that of `study`."""
    return study.folder.with_name(f"{study.name}-{number}")


def write_final_study(study: Study, selection: Mapping[str, Any]) -> Path:
    """Write the study that trains a selection's networks and reads the test digits with them; return its folder."""
    folder = final_folder(study, selection["number"])
    grids = [
        {"grid": {"network": {name: one["overrides"]}}, "seeds": one["seeds"]}
        for name, one in selection["trainings"].items()
    ]
    spec = {
        "question": f"What do the networks of selection {selection['number']} of {study.name} read of the test digits?",
        "grids": grids,
        "stages": ["train", "evaluate"],
        "metrics": ["test_accuracy", "test_errors", "parameters"],
        "keep": ["accuracy", "test_nll", "test_ece", "corruptions_mca"],
        "figure": {"y": ["test_accuracy"], "title": "Accuracy on test digits"},
    }
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120)
    write_text(folder / "study.yaml", f"# python src/study.py run experiments/{folder.name} --launcher joblib\n{text}")
    return folder


def members_of(selection: Mapping[str, Any], kind: str, evaluation: int) -> list[tuple[str, int]]:
    """Return (network, seed) of the members of a selection's `evaluation`, 0 on: no two evaluations share a training."""
    stride = max(len(one["seeds"]) for one in selection["trainings"].values()) // selection["seeds"]
    used: Counter[str] = Counter()
    chosen = []
    for name in selection[kind]["members"]:
        chosen.append((name, evaluation * stride + used[name]))
        used[name] += 1
    return chosen


def check_committed(path: Path) -> None:
    """Raise UserError unless git holds `path` just as it is here."""
    command = ["git", "status", "--porcelain", "--ignored", "--untracked-files=all", "--", path.name]
    try:
        found = subprocess.run(command, cwd=path.parent, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"{path}: git does not say that it is committed, and nothing is evaluated before") from error
    if found.strip():
        raise UserError(f"{path}: not committed as it is; commit it, then evaluate: a selection comes before its test")


def take_over(study: Study, selection: Mapping[str, Any]) -> None:
    """Copy rows and artifacts that final studies of earlier choices have to that of `selection`.

    What is in an earlier results, but whose network is not here, is trained again.
    """
    final = read_study(final_folder(study, selection["number"]))
    grid_runs, done = plan(final), set(read_results(final.results))
    for number in (one["number"] for one in selection["earlier"]):
        before = final_folder(study, number)
        rows = read_results(before / final.results.name)
        for grid_run in grid_runs:
            trained = replace(grid_run, study=before.name).folder
            if grid_run.key in rows and grid_run.key not in done and (trained / "run.json").exists():
                with replacing(grid_run.folder) as folder:
                    shutil.copytree(trained, folder)
                write_row(final.results, rows[grid_run.key])
                done.add(grid_run.key)
