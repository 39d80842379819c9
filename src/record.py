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
from inkproof.record.evaluations import KINDS, add_evaluation, read_evaluations, summarise, write_evaluations
from inkproof.record.held_out import pool_cells
from inkproof.studies.cells import composing, plan
from inkproof.studies.definition import read_study, study_folder
from inkproof.studies.launch import LAUNCHERS, Launching, jobs_of
from inkproof.studies.ledger import now, read_ledger

SCRIPT = Path(__file__).name
# Options that belong to one step.
ONLY = {"candidates": ("force",), "choose": ("hours", "members", "seeds", "at_once", "again")}


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog=SCRIPT, description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=study_folder, help="with a study.yaml whose only axis is the network")
    parser.add_argument("step", choices=("candidates", "choose", "evaluate"))
    parser.add_argument("--launcher", choices=LAUNCHERS, default="basic", help="where trainings run")
    parser.add_argument(
        "--jobs", type=int, help="trainings at a time (default: as many as there are cores; basic: one)"
    )
    parser.add_argument("--retries", type=int, default=2, help="times that a failed training is tried again")
    parser.add_argument("--force", action="store_true", help="candidates: run every cell again")
    parser.add_argument("--hours", type=float, default=1.0, help="choose: longest training (default: %(default)s)")
    parser.add_argument("--members", type=int, default=5, help="choose: largest ensemble (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="choose: evaluations to average (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=1, help="choose: --jobs of the candidates, which were timed so")
    parser.add_argument("--again", action="store_true", help="choose: keep the present choice as an earlier one")
    options = parser.parse_args()
    for step, names in ONLY.items():
        for name in names:
            if options.step != step and getattr(options, name) != parser.get_default(name):
                parser.error(f"--{name.replace('_', '-')}: does nothing for {options.step}; it belongs to {step}")
    if min(options.seeds, options.members - 1, options.at_once) < 1:
        parser.error("--seeds and --at-once are at least 1, --members at least 2")
    steps = {"candidates": candidates, "choose": choose_step, "evaluate": evaluate}
    run(SCRIPT, lambda: steps[options.step](options))


def candidates(options: argparse.Namespace) -> None:
    """Cross-validate what is left of the candidates, as any study is run."""
    check_candidates(read_study(options.folder))
    since = now() if options.force else ""
    _study(options.folder, options, since)


def choose_step(options: argparse.Namespace) -> None:
    """Write choice.yaml by the held-out answers alone."""
    study = read_study(options.folder)
    check_candidates(study)
    pooled = pool_cells(plan(study), read_ledger(study.ledger))
    evidence = choose(pooled, teachers_of(study), options.hours, options.members, options.at_once)
    path = write_choice(study, evidence, options.seeds, options.again)
    for kind in KINDS:
        one = evidence[kind]
        views = " with views" if one["views"] else ""
        print(
            f"{kind}: {' + '.join(one['members'])}{views}, {one['errors']} of {one['of']:,} wrong, {one['hours']:.2f} h"
        )
    print(f"{path}: commit it, then run `evaluate`")


def evaluate(options: argparse.Namespace) -> None:
    """Train the committed choice on all training digits, read the test digits and the drawings, write what came."""
    study = read_study(options.folder)
    choice = read_choice(study.folder)
    check_committed(study.folder / FILE_NAME)
    if all(one["choice"] != choice["number"] for one in read_evaluations(study.folder)):
        final = write_final_study(study, choice)
        _study(final, options, "")
        cells = {(*cell.labels.values(), cell.seed): cell for cell in plan(read_study(final))}
        data = next(iter(cells.values())).config["data"]["name"]
        with composing() as compose:
            config = compose("ensemble", (f"data={data}",))
        from ensemble import ensemble

        found = {}
        for kind in KINDS:
            chosen, results = choice[kind], []
            for number in range(choice["seeds"]):
                runs = [str(cells[member].folder) for member in members_of(choice, kind, number)]
                results.append(ensemble({**config, "runs": runs, "views": chosen["views"]}))
            found[kind] = {"chosen": chosen, **summarise(results)}
        about = {"choice": choice["number"], "data": data, "date": datetime.now(UTC).date().isoformat()}
        where = {"commit": git_commit(), "machine": describe_machine()}
        add_evaluation(study.folder, {**about, **where, **found})
    print(write_evaluations(study.folder))


def _study(folder: Path, options: argparse.Namespace, since: str) -> None:
    from study import study

    how = Launching(options.launcher, jobs_of(options.launcher, options.jobs))
    study(folder, how, options.retries, since)


if __name__ == "__main__":
    main()
