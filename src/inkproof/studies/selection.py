"""The best single network and the best small ensemble: cross-validated, chosen, and evaluated once it is committed."""

from datetime import UTC, datetime
from pathlib import Path

from inkproof.config.compose import composing
from inkproof.studies.cells import plan
from inkproof.studies.choice import check_candidates, choose, pool_cells, teachers_of, write_misread
from inkproof.studies.choice_file import (
    FILE_NAME,
    check_committed,
    members_of,
    read_choice,
    take_over,
    write_choice,
    write_final_study,
)
from inkproof.studies.definition import read_study
from inkproof.studies.evaluations import (
    KINDS,
    add_evaluation,
    log_evaluation,
    read_evaluations,
    summarise,
    write_evaluations,
)
from inkproof.studies.launch import Launching
from inkproof.studies.ledger import read_ledger
from inkproof.studies.run_cell import stage_functions
from inkproof.studies.run_study import run_study
from inkproof.tracking.mlflow_store import Store
from inkproof.tracking.provenance import describe_machine, git_commit


def candidates(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Cross-validate what is left of the candidates, as any study is run; return whether none was given up."""
    check_candidates(read_study(folder))
    return run_study(folder, how, retries, since)


def choose_step(folder: Path, hours: float, members: int, seeds: int, at_once: int, again: bool) -> None:
    """Write choice.yaml by the held-out answers alone, and beside it what each network misread."""
    spec = read_study(folder)
    check_candidates(spec)
    pooled = pool_cells(plan(spec), read_ledger(spec.ledger))
    evidence = choose(pooled, teachers_of(spec), hours, members, at_once)
    path = write_choice(spec, evidence, seeds, again)
    write_misread(spec.folder, pooled)
    for kind in KINDS:
        one = evidence[kind]
        views = " with views" if one["views"] else ""
        print(
            f"{kind}: {' + '.join(one['members'])}{views}, {one['errors']} of {one['of']:,} wrong, {one['hours']:.2f} h"
        )
    print(f"{path}: commit it, then run `evaluate`")


def evaluate(folder: Path, how: Launching, retries: int) -> bool:
    """Train the committed choice on all training digits, read test digits and drawings with it, write what came.

    Returns False where a cell was given up: then nothing is read.
    """
    spec = read_study(folder)
    choice = read_choice(spec.folder)
    check_committed(spec.folder / FILE_NAME)
    if all(one["choice"] != choice["number"] for one in read_evaluations(spec.folder)):
        final = write_final_study(spec, choice)
        take_over(spec, choice)
        if not run_study(final, how, retries, ""):
            return False
        cells = {(*cell.labels.values(), cell.seed): cell for cell in plan(read_study(final))}
        data = next(iter(cells.values())).config["data"]["name"]
        with composing() as compose:
            config = compose("ensemble", (f"data={data}",))
        store, found, ensemble = Store(), {}, stage_functions()["ensemble"]
        for kind in KINDS:
            chosen, results = choice[kind], []
            for number in range(choice["seeds"]):
                runs = [str(cells[member].folder) for member in members_of(choice, kind, number)]
                result = ensemble({**config, "runs": runs, "views": chosen["views"]})
                which = {"choice": choice["number"], "kind": kind, "number": number}
                run_id = log_evaluation(store, spec.experiment, which, config["rung"], result)
                results.append({**result, "run": run_id})
            found[kind] = {"chosen": chosen, **summarise(results)}
        about = {"choice": choice["number"], "data": data, "date": datetime.now(UTC).date().isoformat()}
        where = {"commit": git_commit(), "machine": describe_machine()}
        add_evaluation(spec.folder, {**about, **where, **found})
    print(write_evaluations(spec.folder))
    return True
