"""The steps of a model selection: cross-validate candidates, choose, and evaluate the choice once it is committed.

selection.yaml holds the selection and all earlier ones. Its final study trains the networks on all training digits.
"""

import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from inkproof.config.compose import composing
from inkproof.config.schema import Config
from inkproof.config.stages import EnsembleConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.studies import definition
from inkproof.studies.definition import Overrides, Study, read_study
from inkproof.studies.evaluations import (
    KINDS,
    METHOD,
    Evaluation,
    Kind,
    add_evaluation,
    log_evaluation,
    read_committed,
    read_evaluations,
    summarize,
    write_yaml,
)
from inkproof.studies.grid import plan
from inkproof.studies.grid_run import stage_functions
from inkproof.studies.launch import Launching
from inkproof.studies.readme import write_evaluations
from inkproof.studies.results import read_results, write_row
from inkproof.studies.run_study import run_study
from inkproof.studies.selection import (
    EnsembleEvidence,
    Evidence,
    Selected,
    SingleEvidence,
    check_candidates,
    choose,
    networks_of,
    pool_grid_runs,
    teachers_of,
    with_teachers,
    write_misread,
)
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.provenance import describe_machine, git_commit
from inkproof.tracking.run_metadata import RunMetadata

FILE_NAME = "selection.yaml"
NOT_FINAL = ("training.folds", "training.fold")  # a cross-validation sets them, a training on all digits does not


class FinalTraining(Config):
    """The overrides of a network that is trained on all training digits, and its seeds."""

    seeds: tuple[int, ...]
    overrides: Overrides


class Selection(Config):
    """One selection. `seeds` is the number of test evaluations, each with networks of its own.

    selection.yaml is the present one, with all `earlier` ones.
    """

    number: int
    date: str
    commit: str
    seeds: int
    single: Evidence
    ensemble: EnsembleEvidence
    singles: tuple[SingleEvidence, ...]
    trainings: dict[str, FinalTraining]
    earlier: tuple["Selection", ...] = ()

    def members_of(self, kind: Kind, evaluation: int) -> list[tuple[str, int]]:
        """Return (network, seed) of the members of an evaluation, from 0 on. No two evaluations share a training."""
        stride = max(len(one.seeds) for one in self.trainings.values()) // self.seeds
        names = self.evidence(kind).members
        return [(name, evaluation * stride + names[:place].count(name)) for place, name in enumerate(names)]

    def evidence(self, kind: Kind) -> Evidence | EnsembleEvidence:
        """Return the evidence for the single network or the ensemble."""
        return self.single if kind == "single" else self.ensemble


def read_selection(folder: Path) -> Selection:
    """Return the selection in `folder`; raises UserError if there is none or the file is broken."""
    path = folder / FILE_NAME
    if not path.exists():
        raise UserError(f"{path}: nothing is selected yet; run `choose` first")
    return read_committed(Selection, path)


def write_selection(study: Study, selected: Selected, seeds: int, again: bool) -> Path:
    """Write selection.yaml with the trainings that the selection needs; return its path.

    Each of `seeds` evaluations has networks of its own. Raises UserError if there is a selection already. With
    `again` that becomes an earlier one, unless its evaluation has started and is not finished.
    """
    path = study.folder / FILE_NAME
    earlier: tuple[Selection, ...] = ()
    evaluated = {one.selection for one in read_evaluations(study.folder)}
    if path.exists():
        before = read_selection(study.folder)
        number = before.number
        if not again:
            raise UserError(f"{path}: there is a selection {number} already; --again keeps it as an earlier one")
        if number not in evaluated and final_folder(study, number).exists():
            raise UserError(f"{path}: the evaluation of selection {number} has started; run `evaluate` to finish it")
        earlier = (*before.earlier, before.model_copy(update={"earlier": ()}))
    selection = Selection(
        number=max([*(one.number for one in earlier), *evaluated], default=0) + 1,
        date=datetime.now(UTC).date().isoformat(),
        commit=git_commit(),
        seeds=seeds,
        **dict(selected),
        trainings=trainings(study, selected, seeds),
        earlier=earlier,
    )
    command = f"python src/study.py select choose experiments/{study.name}"
    content = selection.model_dump(mode="json", exclude={"earlier": {"__all__": {"earlier"}}})
    write_yaml(path, content, f"Written by `{command}`; do not edit it.")
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
    return {
        name: FinalTraining(
            seeds=tuple(stride * number + index for number in range(seeds) for index in range(counts[name])),
            overrides={key: setting for key, setting in overrides.items() if key not in NOT_FINAL},
        )
        for name, overrides in networks_of(study).items()
        if name in counts
    }


def final_folder(study: Study, number: int) -> Path:
    """Return the folder of the final study of selection `number`, which is next to that of `study`."""
    return study.folder.with_name(f"{study.name}-{number}")


def write_final_study(study: Study, selection: Selection) -> Path:
    """Write the study that trains a selection's networks and evaluates them on the test digits; return its folder."""
    folder = final_folder(study, selection.number)
    spec = {
        "format": definition.FORMAT,
        "question": f"How accurate are the networks of selection {selection.number} of {study.name} on test digits?",
        "grids": [
            {"grid": {"network": {name: training.overrides}}, "seeds": list(training.seeds)}
            for name, training in selection.trainings.items()
        ],
        "stages": ["train", "evaluate"],
        "metrics": ["test_acc", "test_errors", "parameters"],
        "keep": ["accuracy", "test_nll", "test_ece", "corr_acc"],
        "figure": {"y": ["test_acc"], "title": "Accuracy on test digits"},
    }
    write_yaml(folder / definition.FILE, spec, f"python src/study.py run experiments/{folder.name} --launcher joblib")
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
    for earlier in selection.earlier:
        before = final_folder(study, earlier.number)
        rows = read_results(before / final.results.name)
        for grid_run in grid_runs:
            trained = replace(grid_run, study=before.name).folder
            if grid_run.key in rows and grid_run.key not in done and (trained / "run.json").exists():
                with replacing(grid_run.folder) as folder:
                    shutil.copytree(trained, folder)
                write_row(final.results, rows[grid_run.key])
                done.add(grid_run.key)


def candidates(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Cross-validate the candidates that are left, as any study is run; return whether none was given up."""
    check_candidates(read_study(folder))
    return run_study(folder, how, retries, since)


def choose_step(folder: Path, hours: float, members: int, seeds: int, at_once: int, again: bool) -> None:
    """Write selection.yaml by the out-of-fold predictions alone, and misread.csv with the errors of each network."""
    study = read_study(folder)
    check_candidates(study)
    pooled = pool_grid_runs(plan(study), read_results(study.results))
    selected = choose(pooled, teachers_of(study), hours, members, at_once)
    path = write_selection(study, selected, seeds, again)
    write_misread(study.folder, pooled)
    for kind, one in zip(KINDS, (selected.single, selected.ensemble), strict=True):
        names = " + ".join(one.members) + (" with test-time augmentation" if one.tta else "")
        print(f"{kind}: {names}, {one.errors} of {one.of:,} wrong, {one.hours:.2f} h")
    print(f"{path}: commit it, then run `evaluate`")


def evaluate(folder: Path, how: Launching, retries: int) -> bool:
    """Train the committed selection on all training digits, evaluate it on test digits and drawings, write the table.

    Returns False where a grid run was given up. Then nothing is evaluated.
    """
    study = read_study(folder)
    selection = read_selection(study.folder)
    check_committed(study.folder / FILE_NAME)
    if all(one.selection != selection.number for one in read_evaluations(study.folder)):
        final = write_final_study(study, selection)
        take_over(study, selection)
        if not run_study(final, how, retries, ""):
            return False
        add_evaluation(study.folder, _evaluation(study, read_study(final), selection))
    print(write_evaluations(study.folder))
    return True


def _evaluation(study: Study, final: Study, selection: Selection) -> Evaluation:
    """Evaluate the networks of `selection`, which the grid runs of the study `final` have trained."""
    grid_runs = {(*grid_run.labels.values(), grid_run.seed): grid_run for grid_run in plan(final)}
    data = next(iter(grid_runs.values())).config.data.name
    with composing() as compose:
        config = compose(EnsembleConfig, (f"data={data}", f"method={METHOD}"))
    tracker, ensemble, found = Tracker(), stage_functions()["ensemble"], {}
    for kind in KINDS:
        chosen, results, runs = selection.evidence(kind), [], []
        for number in range(selection.seeds):
            folders = tuple(str(grid_runs[member].folder) for member in selection.members_of(kind, number))
            members = [RunMetadata.read_finished(Path(folder)) for folder in folders]
            result = ensemble(members, config.model_copy(update={"runs": folders, "tta": chosen.tta}))
            results.append(result)
            about = study.experiment, selection.number, kind, number
            runs.append(log_evaluation(tracker, *about, config.method, result))
        found[kind] = summarize(chosen, results, runs)
    return Evaluation(
        selection=selection.number,
        data=data,
        date=datetime.now(UTC).date().isoformat(),
        commit=git_commit(),
        machine=describe_machine(),
        **found,
    )
