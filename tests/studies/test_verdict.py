"""The verdict of a study: a template whose figures are computed from the results table."""

from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.studies.definition import Study
from inkproof.studies.readme import TEMPLATE, VERDICT, StudyResults, write_readme
from support.made_up import grid_run, row, study

BEGIN, END = VERDICT
GRID_RUNS = [grid_run({"model": "dense", "aug": aug}, seed) for aug in ("off", "on") for seed in (0, 1)]
ROWS = {
    one.key: row(one, val_acc=0.9 + one.seed / 100 + (one.labels["aug"] == "on") * (0.02 + one.seed / 50))
    for one in GRID_RUNS
}
MISREAD = 'network,repeat,way,errors,digits\n"dense, wide",0,plain,3,1 2 3\ncnn,0,plain,2,3 9\ncnn,1,plain,1,7\n'
TWO = '{% set off, on = values("dense, off", "val_acc"), values("dense, on", "val_acc") %}\n'


@pytest.fixture
def made(tmp_path: Path) -> Study:
    found = study(tmp_path / "07-made", metrics=["val_acc"], compare={"axis": "aug", "baseline": "off"})
    (found.folder / "misread.csv").write_text(MISREAD)
    return found


def rendered(made: Study, template: str) -> str:
    (made.folder / TEMPLATE).write_text(template)
    text = write_readme(StudyResults(made, GRID_RUNS, ROWS)).read_text()
    return text.split(BEGIN)[1].split(END)[0].strip()


@pytest.mark.parametrize(
    "template, text",
    [
        ("{{ mean(off) }}, {{ mean(on) }}", "90.50 ± 0.71, 93.50 ± 2.12"),
        ("{{ difference(on, off) }} (p = {{ p(on, off) | p_value }})", "3.00 ± 1.41 (p = 0.205)"),
        ("{{ p(on, off, holm=True) | p_value }}, {{ tests | length }}", "0.205, 1"),
        ('{{ "%.1f to %.1f" | format(100 * off.min(), 100 * off[1]) }}', "90.0 to 91.0"),
        # t(0.975, 1) = 12.706; of the mean: 90.5 ± 12.706 * 0.5, of one more run: sqrt(3) times as wide
        ('{{ "%.2f to %.2f" | format(*interval(100 * off)) }}', "84.15 to 96.85"),
        ('{{ "%.2f to %.2f" | format(*interval(100 * off, single=True)) }}', "79.50 to 101.50"),
        ('{{ misread("dense, wide", "plain") | length }} and {{ misread("cnn", "plain") | sort }}', "3 and [3, 9]"),
        ('{{ mcnemar(misread("dense, wide", "plain"), misread("cnn", "plain")) | p_value }}', "1.000"),
    ],
)
def test_figures_are_those_of_the_results_table(template: str, text: str, made: Study):
    assert rendered(made, TWO + template) == text


@pytest.mark.parametrize(
    "template, mistake",
    [
        ('{{ values("dense, of", "val_acc") }}', "07-made has no row dense, of; did you mean dense, off"),
        ('{{ values("dense, off", "val_acuracy") }}', "no seed has val_acuracy; did you mean val_acc?"),
        ('{{ study("07-mad").tests }}', r"no study is called 07-mad; did you mean 07-made\?"),
        ('{{ misread("cnn", "tta") }}', "misread.csv has no cnn, tta; did you mean cnn, plain"),
        ("{{ p(on, on) }}", "no test: fewer than two seeds, or equal differences"),
        ("{{ p(on, 2 * off, holm=True) }}", "these are not compared in the table of tests"),
        ("{{ evaluations[2].single }}", "dict object has no element 2"),
        ("{{ unknown }}", "'unknown' is undefined"),
        ("{{ mean(3) }}", "'int' object has no attribute"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "unsafe|undefined"),
        ("{{ mean(off) ", "unexpected end of template"),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_choices(template: str, mistake: str, made: Study):
    with pytest.raises(UserError, match=rf"07-made/verdict\.md\.j2, line 3: .*{mistake}"):
        rendered(made, f"{TWO}\n{template}")


def test_figures_of_another_study_come_from_its_own_table(made: Study, tmp_path: Path):
    study(tmp_path / "06-other", metrics=["val_acc"])
    with pytest.raises(UserError, match="line 1: 06-other, dense, off: no seed has val_acc"):
        rendered(made, '{{ study("06-other").values("dense, off", "val_acc") }}')


def test_the_verdict_stands_between_its_markers_in_lines_of_120_columns(made: Study):
    (made.folder / "README.md").write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    (made.folder / TEMPLATE).write_text("**Verdict.** {{ 40 * 'word ' }}\nlast.\n")
    text = write_readme(StudyResults(made, GRID_RUNS, ROWS)).read_text()
    assert text.startswith(f"# Mine\n\n{BEGIN}\n\n**Verdict.** word")
    assert f" last.\n\n{END}\n\nAfter.\n" in text
    assert "old" not in text and max(map(len, text.splitlines())) <= 120
    assert write_readme(StudyResults(made, GRID_RUNS, ROWS)).read_text() == text


@pytest.mark.parametrize("rows", [{}, ROWS], ids=["unfinished", "no template"])
def test_a_verdict_by_hand_stays_without_a_template_and_while_grid_runs_are_missing(rows: dict, made: Study):
    if not rows:
        (made.folder / TEMPLATE).write_text('{{ mean(values("dense, off", "val_acc")) }}')
    text = write_readme(StudyResults(made, GRID_RUNS, rows)).read_text()
    assert "**Verdict.** Not written yet." in text and BEGIN not in text
