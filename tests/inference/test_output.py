"""What people and programs get of a prediction."""

import csv
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from inkproof.inference.predict import EVERY, MANY, Prediction, csv_rows, file_to_write, line, predict_image
from inkproof.runtime.errors import UserError
from inkproof.runtime.progress import counted

SEVEN = Prediction("my 7.png", 7, 0.98765, 1, 0.01, True)
BLANK = Prediction("blank.png", 0, 0.44, 1, 0.1, False, ink=False)
NOTHING = Prediction("scribble.png", 7, 0.412, 2, 0.4, False)


def test_a_digit_has_the_second_most_likely_beside_it():
    assert line(SEVEN) == "my 7.png  7   98.8%  then 1, 1.0%"
    assert line(SEVEN, 12) == "my 7.png      7   98.8%  then 1, 1.0%"


def test_what_is_no_digit_has_the_most_likely_digit_beside_it():
    assert line(NOTHING, 12) == "scribble.png  not a digit (perhaps 7, 41%)"


def test_a_blank_is_no_digit_and_perhaps_none():
    assert line(BLANK, 12) == "blank.png     no ink found"


@pytest.mark.parametrize("level", [0, 1])
def test_ink_is_one_level_in_one_pixel(tmp_path: Path, level: int):
    Image.new("L", (28, 28)).save(tmp_path / "7.png")
    seen = np.zeros((1, 28, 28), np.uint8)
    seen[0, 27, 27] = level
    found = SimpleNamespace(probabilities=np.full((1, 10), 0.1), accepted=[True], seen=seen, mask=np.empty(0))
    predicted = predict_image(str(tmp_path / "7.png"), SimpleNamespace(predict=lambda canvas: found))
    assert isinstance(predicted, Prediction)
    assert (predicted.ink, predicted.accepted) == (bool(level), bool(level))


def test_a_row_holds_the_best_guess_whether_accepted_or_not(tmp_path: Path):
    with csv_rows(tmp_path / "out.csv") as write:
        write(SEVEN)
        write(NOTHING)
        write(BLANK)
    assert (tmp_path / "out.csv").read_text() == (
        "path,digit,probability,second,second_probability,accepted\n"
        "my 7.png,7,0.987650,1,0.010000,true\n"
        "scribble.png,7,0.412000,2,0.400000,false\n"
        "blank.png,,,,,false\n"
    )
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["accepted"].tolist() == [True, False, False] and table["digit"].tolist()[:2] == [7, 7]
    assert table["digit"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("path", ["a,b.png", 'say "7".png', "two\nlines.png", "七.png", " x ", "=1+1.png"])
def test_any_name_comes_back_from_the_table(path: str, tmp_path: Path):
    with csv_rows(tmp_path / "out.csv") as write:
        write(Prediction(path, 1, 0.9, 7, 0.1, True))
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["path"] == path


def test_a_name_that_is_no_text_leaves_the_table_readable(tmp_path: Path):
    with csv_rows(tmp_path / "out.csv") as write:
        write(Prediction(os.fsdecode(b"latin\xe9.png"), 1, 0.9, 7, 0.1, True))
    assert pd.read_csv(tmp_path / "out.csv")["path"].tolist() == [r"latin\udce9.png"]


def test_the_table_appears_whole_or_not_at_all(tmp_path: Path):
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt), csv_rows(tmp_path / "out.csv") as write:
        write(SEVEN)
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


@pytest.mark.parametrize("image", [True, False])
def test_a_result_is_not_written_over_what_is_no_result(tmp_path: Path, image: bool):
    name = "out.png" if image else "out.csv"
    file_to_write(tmp_path / name, image)
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="is not a file, so it cannot be overwritten"):
        file_to_write(tmp_path / name, image)
    with pytest.raises(UserError):
        file_to_write(Path("/dev/null"), image)
    with pytest.raises(UserError, match=r"^/dev/stdout: "):  # even where it leads to a file
        file_to_write(Path("/dev/stdout"), image)
    with pytest.raises(UserError, match="ends in .png" if image else "has the name of an image"):
        file_to_write(tmp_path / "my_digit.JPG", image)


def test_a_line_a_thousand_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]):
    with counted("reading", "images", 2500, MANY, EVERY) as advance:
        for _ in range(2500):
            advance()
    assert capsys.readouterr().err == "1,000 of 2,500 images\n2,000 of 2,500 images\n"
