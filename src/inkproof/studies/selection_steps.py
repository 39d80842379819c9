"""The best single network and the best small ensemble: cross-validated, chosen, and evaluated once it is committed."""

from datetime import UTC, datetime
from pathlib import Path

from inkproof.config.compose import composing
from inkproof.config.schema import EnsembleConfig
from inkproof.studies.definition import read_study
from inkproof.studies.evaluations import (
    KINDS,
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
    check_committed,
    members_of,
    read_selection,
    take_over,
    write_final_study,
    write_selection,
)
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.provenance import describe_machine, git_commit


def candidates(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Cross-validate what is left of the candidates, as any study is run; return whether none was given up."""
    check_candidates(read_study(folder))
    return run_study(folder, how, retries, since)


def choose_step(folder: Path, hours: float, members: int, seeds: int, at_once: int, again: bool) -> None:
    """Write selection.yaml by the held-out answers alone, and beside it what each network misread."""
    spec = read_study(folder)
    check_candidates(spec)
    pooled = pool_grid_runs(plan(spec), read_results(spec.results))
    evidence = choose(pooled, teachers_of(spec), hours, members, at_once)
    path = write_selection(spec, evidence, seeds, again)
    write_misread(spec.folder, pooled)
    for kind in KINDS:
        one = evidence[kind]
        views = " with views" if one["tta"] else ""
        print(
            f"{kind}: {' + '.join(one['members'])}{views}, {one['errors']} of {one['of']:,} wrong, {one['hours']:.2f} h"
        )
    print(f"{path}: commit it, then run `evaluate`")


def evaluate(folder: Path, how: Launching, retries: int) -> bool:
    """Train the committed selection on all training digits, read test digits and drawings with it, write what came.

    Returns False where a grid run was given up: then nothing is read.
    """
    spec = read_study(folder)
    selection = read_selection(spec.folder)
    check_committed(spec.folder / FILE_NAME)
    if all(one["selection"] != selection["number"] for one in read_evaluations(spec.folder)):
        final = write_final_study(spec, selection)
        take_over(spec, selection)
        if not run_study(final, how, retries, ""):
            return False
        grid_runs = {(*grid_run.labels.values(), grid_run.seed): grid_run for grid_run in plan(read_study(final))}
        data = next(iter(grid_runs.values())).config.data.name
        with composing() as compose:
            config = compose(EnsembleConfig, (f"data={data}",))
        tracker, found, ensemble = Tracker(), {}, stage_functions()["ensemble"]
        for kind in KINDS:
            chosen, results = selection[kind], []
            for number in range(selection["seeds"]):
                runs = [str(grid_runs[member].folder) for member in members_of(selection, kind, number)]
                result = ensemble(config.model_copy(update={"runs": tuple(runs), "tta": chosen["tta"]}))
                which = {"selection": selection["number"], "kind": kind, "number": number}
                run_id = log_evaluation(tracker, spec.experiment, which, config.method, result)
                results.append({**result, "run": run_id})
            found[kind] = {"chosen": chosen, **summarize(results)}
        about = {"selection": selection["number"], "data": data, "date": datetime.now(UTC).date().isoformat()}
        where = {"commit": git_commit(), "machine": describe_machine()}
        add_evaluation(spec.folder, {**about, **where, **found})
    print(write_evaluations(spec.folder))
    return True
