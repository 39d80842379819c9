"""The best single network and the best small ensemble: python src/record.py experiments/05-record STEP.

STEP is candidates (cross-validate; goes on where it was killed), choose (writes choice.yaml, to be committed) or
evaluate (trains the choice on all training digits and reads the test digits with it, once).
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from inkproof.entry import run
from inkproof.provenance import describe_machine, git_commit
from inkproof.record.choice import check_candidates, choose, teachers_of
from inkproof.record.choice_file import (
    FILE_NAME,
    check_committed,
    members_of,
    read_choice,
    write_choice,
    write_final_study,
)
from inkproof.record.earlier_choices import take_over
from inkproof.record.evaluation_runs import log_evaluation
from inkproof.record.evaluations import KINDS, add_evaluation, read_evaluations, summarise, write_evaluations
from inkproof.record.held_out import pool_cells
from inkproof.record.misread import write_misread
from inkproof.studies.cells import composing, plan
from inkproof.studies.definition import read_study, study_folder
from inkproof.studies.launch import Launching
from inkproof.studies.launch_options import NAMES, add_launch_options, launching
from inkproof.studies.ledger import now, read_ledger
from inkproof.tracking import Store
from study import study

SCRIPT = Path(__file__).name
# What each step has options of.
OF_STEP = {
    "candidates": (*NAMES, "force"),
    "choose": ("hours", "members", "seeds", "at_once", "again"),
    "evaluate": NAMES,
}


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog=SCRIPT, description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=study_folder, help="with a study.yaml whose only axis is the network")
    parser.add_argument("step", choices=("candidates", "choose", "evaluate"))
    add_launch_options(parser)
    parser.add_argument("--force", action="store_true", help="candidates: run every cell again")
    parser.add_argument("--hours", type=float, default=1.0, help="choose: longest training (default: %(default)s)")
    parser.add_argument("--members", type=int, default=5, help="choose: largest ensemble (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="choose: evaluations to average (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=1, help="choose: --jobs of the candidates, which were timed so")
    parser.add_argument("--again", action="store_true", help="choose: keep the present choice as an earlier one")
    options = parser.parse_intermixed_args()  # settings may stand on both sides of an option
    given = [name for name in vars(options) if getattr(options, name) not in (parser.get_default(name), [])]
    for name in given:
        steps = [step for step, names in OF_STEP.items() if name in names]
        if steps and options.step not in steps:
            word = options.settings[0] if name == "settings" else f"--{name.replace('_', '-')}"
            parser.error(f"{word}: does nothing for {options.step}; it belongs to {' and '.join(steps)}")
    if min(options.seeds, options.members - 1, options.at_once) < 1:
        parser.error("--seeds and --at-once are at least 1, --members at least 2")
    how = launching(parser, options)
    actions = {
        "candidates": lambda: candidates(options, how),
        "choose": lambda: choose_step(options),
        "evaluate": lambda: evaluate(options, how),
    }
    run(SCRIPT, actions[options.step])


def candidates(options: argparse.Namespace, how: Launching) -> None:
    """Cross-validate what is left of the candidates, as any study is run."""
    check_candidates(read_study(options.folder))
    since = now() if options.force else ""
    study(options.folder, how, options.retries, since)


def choose_step(options: argparse.Namespace) -> None:
    """Write choice.yaml by the held-out answers alone, and beside it what each network misread."""
    spec = read_study(options.folder)
    check_candidates(spec)
    pooled = pool_cells(plan(spec), read_ledger(spec.ledger))
    evidence = choose(pooled, teachers_of(spec), options.hours, options.members, options.at_once)
    path = write_choice(spec, evidence, options.seeds, options.again)
    write_misread(spec.folder, pooled)
    for kind in KINDS:
        one = evidence[kind]
        views = " with views" if one["views"] else ""
        print(
            f"{kind}: {' + '.join(one['members'])}{views}, {one['errors']} of {one['of']:,} wrong, {one['hours']:.2f} h"
        )
    print(f"{path}: commit it, then run `evaluate`")


def evaluate(options: argparse.Namespace, how: Launching) -> None:
    """Train the committed choice on all training digits, read the test digits and the drawings, write what came."""
    spec = read_study(options.folder)
    choice = read_choice(spec.folder)
    check_committed(spec.folder / FILE_NAME)
    if all(one["choice"] != choice["number"] for one in read_evaluations(spec.folder)):
        final = write_final_study(spec, choice)
        take_over(spec, choice)
        study(final, how, options.retries, "")
        cells = {(*cell.labels.values(), cell.seed): cell for cell in plan(read_study(final))}
        data = next(iter(cells.values())).config["data"]["name"]
        with composing() as compose:
            config = compose("ensemble", (f"data={data}",))
        from ensemble import ensemble

        store, found = Store(), {}
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


if __name__ == "__main__":
    main()
