"""selection.yaml: the selection, committed before its first test evaluation; it also holds all earlier selections.

And the final study of a selection, which trains its networks on all training digits.
"""

import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from inkproof.config.schema import Config
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, replacing, write_text
from inkproof.studies import definition
from inkproof.studies.definition import Overrides, Study, read_study
from inkproof.studies.evaluations import Kind, read_evaluations
from inkproof.studies.grid import plan
from inkproof.studies.results import read_results, write_row
from inkproof.studies.selection import (
    EnsembleEvidence,
    Evidence,
    Selected,
    SingleEvidence,
    teachers_of,
    with_teachers,
)
from inkproof.tracking.provenance import git_commit

FILE_NAME = "selection.yaml"
NOT_FINAL = ("training.folds", "training.fold")  # a cross-validation sets them, a training on all digits does not


class FinalTraining(Config):
    """The overrides of a network that is trained on all training digits, and its seeds."""

    seeds: tuple[int, ...]
    overrides: Overrides


class EarlierSelection(Config):
    """One selection: its number, when and at which commit it was made, what it is and why, and what it trains.

    `seeds` is the number of test evaluations, each with networks of its own. `trainings` are listed by network.
    """

    number: int
    date: str
    commit: str
    seeds: int
    single: Evidence
    ensemble: EnsembleEvidence
    singles: tuple[SingleEvidence, ...]
    trainings: dict[str, FinalTraining]

    def members_of(self, kind: Kind, evaluation: int) -> list[tuple[str, int]]:
        """Return (network, seed) of the members of an evaluation, from 0 on. No two evaluations share a training."""
        stride = max(len(one.seeds) for one in self.trainings.values()) // self.seeds
        used: Counter[str] = Counter()
        members = []
        for name in self.evidence(kind).members:
            members.append((name, evaluation * stride + used[name]))
            used[name] += 1
        return members

    def evidence(self, kind: Kind) -> Evidence | EnsembleEvidence:
        """Return the evidence for the single network or the ensemble."""
        return self.single if kind == "single" else self.ensemble


class Selection(EarlierSelection):
    """selection.yaml: the present selection, and those before it."""

    earlier: tuple[EarlierSelection, ...]


def read_selection(folder: Path) -> Selection:
    """Return the selection in `folder`; raises UserError where there is none or the file is broken."""
    path = folder / FILE_NAME
    try:
        found = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path}: nothing is selected yet; run `choose` first") from None
    try:
        return validated(Selection, found, path)
    except UserError as error:
        raise UserError(f"{error}; restore it with `git checkout`") from None


def write_selection(study: Study, selected: Selected, seeds: int, again: bool) -> Path:
    """Write selection.yaml with the trainings that the selection needs; return its path.

    Each of `seeds` evaluations has networks of its own. Raises UserError where there is a selection already. With
    `again` that becomes an earlier one, unless its evaluation has started and is not finished.
    """
    path = study.folder / FILE_NAME
    earlier: tuple[EarlierSelection, ...] = ()
    evaluated = {one.selection for one in read_evaluations(study.folder)}
    if path.exists():
        before = read_selection(study.folder)
        number = before.number
        if not again:
            raise UserError(f"{path}: there is a selection {number} already; --again keeps it as an earlier one")
        if number not in evaluated and final_folder(study, number).exists():
            raise UserError(f"{path}: the evaluation of selection {number} has started; run `evaluate` to finish it")
        fields = {name: value for name, value in before if name != "earlier"}
        earlier = (*before.earlier, EarlierSelection(**fields))
    selection = Selection(
        number=max([*(one.number for one in earlier), *evaluated], default=0) + 1,
        date=datetime.now(UTC).date().isoformat(),
        commit=git_commit(),
        seeds=seeds,
        single=selected.single,
        ensemble=selected.ensemble,
        singles=selected.singles,
        trainings=trainings(study, selected, seeds),
        earlier=earlier,
    )
    text = yaml.safe_dump(selection.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
    command = f"python src/study.py select choose experiments/{study.name}"
    write_text(path, f"# Written by `{command}`; do not edit it.\n{text}")
    return path


def trainings(study: Study, selected: Selected, seeds: int) -> dict[str, FinalTraining]:
    """Return, by network, the trainings on all digits that `seeds` evaluations need; teachers before their students.

    Evaluation e has the seeds from e * s on, where s is the largest number of networks of a kind in it. Teachers have
    the seed of their student, so that evaluations share no training of a teacher either.
    """
    teachers = teachers_of(study)
    counts: Counter[str] = Counter()
    for evidence in (selected.single, selected.ensemble):
        for name, count in Counter(evidence.members).items():
            counts |= Counter(dict.fromkeys(with_teachers(name, teachers), count))
    stride = max(counts.values())
    listed = {}
    for grid in study.grids:
        for value in (value for values in grid.axes.values() for value in values):
            if value.label in counts:
                overrides = {**grid.fixed, **value.overrides}
                kept = {key: setting for key, setting in overrides.items() if key not in NOT_FINAL}
                own = [stride * number + index for number in range(seeds) for index in range(counts[value.label])]
                listed[value.label] = FinalTraining(seeds=tuple(own), overrides=kept)
    return listed


def final_folder(study: Study, number: int) -> Path:
    """Return the folder of the final study of selection `number`, which is next to that of `study`."""
    return study.folder.with_name(f"{study.name}-{number}")


def write_final_study(study: Study, selection: EarlierSelection) -> Path:
    """Write the study that trains a selection's networks and evaluates them on the test digits; return its folder."""
    folder = final_folder(study, selection.number)
    grids = [
        {"grid": {"network": {name: training.overrides}}, "seeds": list(training.seeds)}
        for name, training in selection.trainings.items()
    ]
    spec = {
        "format": definition.FORMAT,
        "question": f"How accurate are the networks of selection {selection.number} of {study.name} on test digits?",
        "grids": grids,
        "stages": ["train", "evaluate"],
        "metrics": ["test_accuracy", "test_errors", "parameters"],
        "keep": ["accuracy", "test_nll", "test_ece", "corruptions_mca"],
        "figure": {"y": ["test_accuracy"], "title": "Accuracy on test digits"},
    }
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120)
    write_text(folder / "study.yaml", f"# python src/study.py run experiments/{folder.name} --launcher joblib\n{text}")
    return folder


def check_committed(path: Path) -> None:
    """Raise UserError unless git has `path` committed exactly as it is."""
    command = ["git", "status", "--porcelain", "--ignored", "--untracked-files=all", "--", path.name]
    try:
        found = subprocess.run(command, cwd=path.parent, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"{path}: `git status` failed, and a selection is evaluated only once committed") from error
    if found.strip():
        raise UserError(f"{path}: not committed as it is; commit it, then evaluate: a selection comes before its test")


def take_over(study: Study, selection: Selection) -> None:
    """Copy rows and artifacts from the final studies of earlier selections to that of `selection`.

    A network whose artifacts are missing here is trained again.
    """
    final = read_study(final_folder(study, selection.number))
    grid_runs, done = plan(final), set(read_results(final.results))
    for number in (one.number for one in selection.earlier):
        before = final_folder(study, number)
        rows = read_results(before / final.results.name)
        for grid_run in grid_runs:
            trained = replace(grid_run, study=before.name).folder
            if grid_run.key in rows and grid_run.key not in done and (trained / "run.json").exists():
                with replacing(grid_run.folder) as folder:
                    shutil.copytree(trained, folder)
                write_row(final.results, rows[grid_run.key])
                done.add(grid_run.key)
