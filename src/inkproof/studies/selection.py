"""The best single network and the best small ensemble: cross-validated and chosen."""

from pathlib import Path

from inkproof.studies.cells import plan
from inkproof.studies.choice import check_candidates, choose, pool_cells, teachers_of, write_misread
from inkproof.studies.choice_file import write_choice
from inkproof.studies.definition import read_study
from inkproof.studies.evaluations import KINDS
from inkproof.studies.launch import Launching
from inkproof.studies.ledger import read_ledger
from inkproof.studies.run_study import study


def candidates(folder: Path, how: Launching, retries: int, since: str) -> bool:
    """Cross-validate what is left of the candidates, as any study is run; return whether none was given up."""
    check_candidates(read_study(folder))
    return study(folder, how, retries, since)


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
