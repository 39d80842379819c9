"""Numbers of several digits: what is composed, read and summed up."""

from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import NumbersConfig, Rendering
from inkproof.data.drawings import read_drawings
from inkproof.evaluation.results import NumbersResult, write_result
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.reporting.results import read_result
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.stages.numbers import FORMS, by_writer, edits, lines, summary, tried
from inkproof.tracking.run_metadata import RunMetadata, trained_run
from support.pretrained_run import write_run

STARTER = Rendering(folder="data/drawn/starter", role=None, brush=20.0, pixels=False, inverted=False, most=None)


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [([], [1, 2], 2), ([1, 2], [1, 2], 0), ([1, 3], [1, 2], 1), ([1, 2, 3], [2, 3], 1), ([7], [1, 7, 7], 2)],
)
def test_edits_are_insertions_deletions_and_replacements(one: list[int], other: list[int], count: int):
    assert edits(one, other) == edits(other, one) == count


def test_strings_are_of_one_writer_and_the_same_whatever_their_number():
    model = CanvasPredictor(ROOT / "models" / "pretrained" / "canvas.tflite")
    drawings = [one for one in read_drawings(ROOT / "data" / "drawn" / "starter") if one.label is not None]
    writers = {"anna": drawings[::2], "ben": drawings[1::2]}
    config = NumbersConfig.model_construct(strings=2, seed=3)
    found = list(tried(writers, 2, "loose", config, model))
    assert [(form, writer) for form, writer, _, _ in found] == [(f, w) for w in ("anna", "ben") for f in FORMS]
    assert sum(whole for _, _, whole, _ in found) >= 5
    first = list(tried(writers, 2, "loose", config.model_copy(update={"strings": 1}), model))
    assert first == found[:3]


def test_a_summary_counts_strings_and_digits_and_is_written_and_read(tmp_path: Path):
    tries = [(f"w{number % 6}", number > 3, 1.0 if number > 3 else 0.5) for number in range(12)]
    rows = [summary("pens", "white", "tight", length, tries) for length in (4, None)]
    assert rows[0].strings.accuracy == pytest.approx(8 / 12) and rows[0].digits.accuracy == pytest.approx(10 / 12)
    assert (rows[0].n, rows[0].writers, rows[0].interval) == (12, 6, "writers")
    assert rows[0].strings.low <= 8 / 12 <= rows[0].strings.high
    result = NumbersResult(seed=1, rows=rows)
    write_result(tmp_path / "numbers.json", result)
    assert read_result(NumbersResult, tmp_path / "numbers.json") == result
    assert list(lines(result)) == ["pens, white, tight: 66.7% of 12 strings, 83.3% of digits; 66.7% of those of four"]


def test_a_run_outside_the_pipeline_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RunMetadata, "read_finished", RunMetadata.read)  # it is made up, and so are its key and files
    run = Path(write_run(tmp_path)["run"])
    with composing() as compose:
        config = trained_run(compose(NumbersConfig, (f"run={run}",)))[1]
    assert (config.exported, config.report) == (str(run / "exports" / "canvas.tflite"), str(run / "report"))


def test_a_set_without_strokes_is_one_line(tmp_path: Path):
    absent = STARTER.model_copy(update={"folder": str(tmp_path)})
    with pytest.raises(UserError, match=r"compose: unipen_validation has no strokes; run .*data=unipen"):
        by_writer("unipen_validation", absent, None)
    assert set(by_writer("starter", STARTER, None)) and all(by_writer("starter", STARTER, None).values())
