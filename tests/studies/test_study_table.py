"""The README of a study: what is computed between the markers, what people wrote around them."""

from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.studies.readme import RESULTS, StudyResults, write_readme
from support.made_up import grid_run, row, study

BEGIN, END = RESULTS
GRID_RUNS = [grid_run({"model": "dense", "aug": aug}, seed) for aug in ("off", "on") for seed in (0, 1)]
ROWS = {
    one.key: row(one, 1800.0, val_acc=0.9 + one.seed / 100 + (one.labels["aug"] == "on") * (0.02 + one.seed / 50))
    for one in GRID_RUNS
}


@pytest.fixture
def made(tmp_path: Path):
    return study(tmp_path / "07-made", metrics=["val_acc"], compare={"axis": "aug", "baseline": "off"})


def test_a_readme_is_begun_with_the_question(made):
    text = write_readme(StudyResults(made, GRID_RUNS, ROWS)).read_text()
    assert text.startswith("# Does it help?\n")
    assert "| dense | off | 2 | 90.50 ± 0.71 |" in text
    assert "| dense | on | 2 | 93.50 ± 2.12 |" in text
    assert "| dense | on − off | val (%) | 2 | +3.00 ± 1.41 | 0.205 | 0.205 |" in text
    assert "2.00 hours of grid runs on a machine, 2 cores" in text
    assert "4 of 4 in all" in " ".join(text.split())
    assert (made.folder / "results.png").stat().st_size > 1000
    assert text.index(BEGIN) < text.index("| dense") < text.index(END) < text.index("**Verdict.**")


def test_what_people_wrote_stays_and_the_results_are_replaced(made):
    readme = made.folder / "README.md"
    readme.write_text(f"# Mine\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\n**Verdict.** It helps.\n")
    write_readme(StudyResults(made, GRID_RUNS, ROWS))
    first = readme.read_text()
    assert first.startswith(f"# Mine\n\nBefore.\n\n{BEGIN}\n")
    assert first.endswith(f"{END}\n\n**Verdict.** It helps.\n")
    assert "old" not in first
    write_readme(StudyResults(made, GRID_RUNS, ROWS))
    assert readme.read_text() == first


def test_a_readme_without_markers_gets_the_results_at_its_end(made):
    (made.folder / "README.md").write_text("# Mine\n")
    text = write_readme(StudyResults(made, GRID_RUNS, ROWS)).read_text()
    assert text.startswith(f"# Mine\n\n{BEGIN}\n") and text.endswith(f"{END}\n")


@pytest.mark.parametrize("text", [BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_markers_that_are_no_pair_are_refused(text: str, made):
    (made.folder / "README.md").write_text(text)
    with pytest.raises(UserError, match=r"README\.md: the markers .* are not a pair"):
        write_readme(StudyResults(made, GRID_RUNS, ROWS))
    assert (made.folder / "README.md").read_text() == text
    assert not (made.folder / "results.png").exists()


def test_a_study_that_has_not_begun_has_a_table_of_blanks(made):
    text = write_readme(StudyResults(made, GRID_RUNS, {})).read_text()
    assert "| dense | on | 0 |  |" in text
    assert "Cost" not in text
