"""The studies of the repository can be planned, and their READMEs show what their results tables hold."""

import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT
from inkproof.studies import evaluations
from inkproof.studies import grid as planning
from inkproof.studies.definition import Study, read_study
from inkproof.studies.grid import plan
from inkproof.studies.readme import (
    EVALUATIONS,
    RESULTS,
    TEMPLATE,
    VERDICT,
    StudyResults,
    evaluations_table,
    results,
    verdict,
)
from inkproof.studies.results import Row, read_results
from support.committed import committed_folder

NAMES = [path.parent.name for path in sorted((ROOT / "experiments").glob("*/study.yaml"))]


@pytest.fixture(scope="module")
def experiments(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The folder of the studies as it is committed: a study that runs changes its own, row by row."""
    return once("committed-experiments", partial(committed_folder, "experiments")) / "experiments"


@pytest.fixture(autouse=True)
def no_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan as a fresh clone does: with the digits that the results tables were made on."""
    monkeypatch.setattr(planning, "path_of", lambda value: tmp_path / "absent.npz")


def study_of(folder: Path) -> tuple[Study, dict[str, Row]]:
    study = read_study(folder)
    return study, read_results(study.results)


def test_results_of_one_dataset_were_made_on_the_same_digits(experiments: Path):
    found: dict[str, dict[str, list[str]]] = {}
    for table in experiments.glob("*/results.csv"):
        folder = table.parent
        for row in study_of(folder)[1].values():
            found.setdefault(row.data, {}).setdefault(row.data_sha, []).append(f"{folder.name}: {row.grid_run}")
    for name, by_sha in found.items():
        assert len(by_sha) == 1, f"{name}: {[grid_runs[0] for grid_runs in by_sha.values()]}"


@pytest.mark.parametrize("name", NAMES)
def test_every_study_can_be_planned_and_its_readme_shows_its_results_and_its_verdict(name: str, experiments: Path):
    folder = experiments / name
    if not (folder / "study.yaml").exists():
        pytest.skip("not committed yet")
    study, rows = study_of(folder)
    grid_runs = plan(study, rows)  # of hundreds of grid runs, which takes seconds: once for both
    assert len(grid_runs) == sum(
        math.prod(len(choices) for choices in grid.axes.values()) * len(grid.seeds) for grid in study.grids
    )
    if not (folder / "results.csv").exists():
        return
    assert any(grid_run.row_in(rows) for grid_run in grid_runs), "no grid run has the key of a row"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    found = StudyResults(study, grid_runs, rows)
    shown, _, by_hand = readme.partition(RESULTS[0])[2].partition(RESULTS[1])
    assert shown.strip() == results(found).strip()
    if (folder / TEMPLATE).exists():
        shown = by_hand.partition(VERDICT[0])[2].partition(VERDICT[1])[0]
        assert shown.strip() == verdict(found).strip()
    else:
        assert not re.search(r"\d\.\d", by_hand), f"a figure is typed: compute it in {TEMPLATE}"


def test_tables_of_evaluations_show_what_the_evaluations_hold(experiments: Path):
    folders = [path.parent for path in experiments.glob(f"*/{evaluations.FILE_NAME}")]
    assert folders
    for folder in folders:
        text = (folder / "README.md").read_text(encoding="utf-8")
        shown = evaluations_table(evaluations.read_evaluations(folder), folder.name)
        assert f"{EVALUATIONS[0]}\n\n{shown}\n{EVALUATIONS[1]}" in text
