"""The studies that the repository holds: they can be planned, their ledgers are of one kind, and their READMEs say
what stands in them."""

import math
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT
from inkproof.studies import cells as planning
from inkproof.studies.comparison import groups_of
from inkproof.studies.definition import Study, read_study
from inkproof.studies.ledger import Row, read_ledger
from inkproof.studies.live import planned
from inkproof.studies.table import BEGIN, END, results

FOLDERS = [path.parent for path in sorted((ROOT / "experiments").glob("*/study.yaml"))]
RUN = [folder for folder in FOLDERS if (folder / "results.csv").exists()]


@pytest.fixture(autouse=True)
def no_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan as a fresh clone does: with the digits that the ledgers were made on."""
    monkeypatch.setattr(planning, "path_of", lambda value: tmp_path / "absent.npz")


def read(folder: Path) -> tuple[Study, dict[str, Row]]:
    study = read_study(folder)
    return study, read_ledger(study.ledger)


def test_ledgers_of_one_data_set_were_made_on_the_same_digits():
    found: dict[str, dict[str, list[str]]] = {}
    for folder in RUN:
        for row in read(folder)[1].values():
            found.setdefault(row.data, {}).setdefault(row.data_sha, []).append(f"{folder.name}: {row.cell}")
    for name, by_sha in found.items():
        assert len(by_sha) == 1, f"{name}: {[cells[0] for cells in by_sha.values()]}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_study_can_be_planned_and_its_readme_says_what_its_ledger_holds(folder: Path):
    study, rows = read(folder)
    cells = planned(study, rows)  # of hundreds of cells, which takes seconds: once for both
    assert len(cells) == sum(
        math.prod(len(choices) for choices in part.axes.values()) * len(part.seeds) for part in study.parts
    )
    if folder not in RUN:
        return
    assert any(cell.done_by(rows.get(cell.key)) for cell in cells), "its cells have other keys than its rows"
    said = (folder / "README.md").read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert said.strip() == results(study, cells, rows, groups_of(cells, rows)).strip()
