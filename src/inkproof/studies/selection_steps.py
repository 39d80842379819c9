"""The steps of a model selection: cross-validate candidates, choose, and evaluate the choice once it is committed."""

from datetime import UTC, datetime
from pathlib import Path

from inkproof.config.compose import composing
from inkproof.config.schema import EnsembleConfig
from inkproof.studies.definition import Study, read_study
from inkproof.studies.evaluations import (
    KINDS,
    Evaluation,
    add_evaluation,
    log_evaluation,
    read_evaluations,
    summarize,
    write_evaluations,
)
from inkproof.studies.grid import plan
from inkproof.studies.grid_run import stage_functions
from inkproof.studies.launch import Launching
from inkproof.studies.results import read_results
from inkproof.studies.run_study import run_study
from inkproof.studies.selection import check_candidates, choose, pool_grid_runs, teachers_of, write_misread
from inkproof.studies.selection_file import (
    FILE_NAME,
    Selection,
    check_committed,
    read_selection,
    take_over,
    write_final_study,
    write_selection,
)
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.provenance import describe_machine, git_commit


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
        config = compose(EnsembleConfig, (f"data={data}",))
    tracker, ensemble, found = Tracker(), stage_functions()["ensemble"], {}
    for kind in KINDS:
        chosen, results, runs = selection.evidence(kind), [], []
        for number in range(selection.seeds):
            folders = tuple(str(grid_runs[member].folder) for member in selection.members_of(kind, number))
            result = ensemble(config.model_copy(update={"runs": folders, "tta": chosen.tta}))
            results.append(result)
            runs.append(
                log_evaluation(tracker, study.experiment, selection.number, kind, number, config.method, result)
            )
        found[kind] = summarize(chosen, results, runs)
    return Evaluation(
        selection=selection.number,
        data=data,
        date=datetime.now(UTC).date().isoformat(),
        commit=git_commit(),
        machine=describe_machine(),
        single=found["single"],
        ensemble=found["ensemble"],
    )
