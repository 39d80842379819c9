import csv
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from inkproof.reporting.results import load_models
from inkproof.reporting.tables import (
    HEAD,
    TAIL,
    leaderboard,
    print_leaderboard,
    write_leaderboard_md,
    write_rows,
)
from inkproof.reporting.wording import model_lines, percent
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    write_rows(path, rows.drop(columns="compare_with"))


def change(path: Path, **values: Any) -> None:
    write_json(path, json.loads(path.read_text()) | values)


def test_rows_are_sorted_by_test_accuracy_and_have_all_columns(mnist_report: Path, tmp_path: Path) -> None:
    rows = leaderboard(load_models(mnist_report / "models"))
    accuracies = rows["test_acc"].tolist()
    assert accuracies == sorted(accuracies, reverse=True)
    assert set(rows["model"]) == {"dense", "dense_2x128", "tflearn_cnn", "cnn"}
    write_csv(rows, tmp_path / "leaderboard.csv")
    written = read(tmp_path / "leaderboard.csv")
    assert set(HEAD) | set(TAIL) <= set(written[0])
    for name in ("starter", "pens", "pens_validation"):
        for method in ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic", "learned"):
            assert 0 < float(written[0][f"drawn_{name}_{method}_accuracy"]) <= 1
    first = json.loads((mnist_report / "models" / written[0]["model"] / "test.json").read_text())
    assert float(written[0]["test_acc"]) == pytest.approx(first["accuracy"], abs=1e-6)
    assert float(written[0]["test_nll"]) == pytest.approx(first["nll"], abs=1e-6)
    assert written[0]["parameters"] == str(first["parameters"])


def test_a_set_without_drawings_has_no_column(optdigits_report: Path, tmp_path: Path) -> None:
    write_csv(leaderboard(load_models(optdigits_report / "models")), tmp_path / "l.csv")
    heading = (tmp_path / "l.csv").read_text().splitlines()[0]
    assert "drawn_starter_mnist_style_accuracy" in heading
    assert "mine" not in heading


def test_missing_values_are_blank(broken: Path, tmp_path: Path) -> None:
    for part in ("export.json", "drawn.json", "timing.json"):
        (broken / "models" / "cnn" / part).unlink()
    rows = leaderboard(load_models(broken / "models"))
    write_csv(rows, tmp_path / "l.csv")
    write_leaderboard_md(rows, tmp_path / "l.md")
    cnn = next(row for row in read(tmp_path / "l.csv") if row["model"] == "cnn")
    assert cnn["float32_kb"] == cnn["drawn_starter_mnist_style_accuracy"] == ""
    assert cnn["test_acc"] != ""
    line = next(line for line in (tmp_path / "l.md").read_text().splitlines() if line.startswith("| cnn"))
    assert line.split("|")[3:6] == ["  ", "  ", "  "]


def test_a_model_not_yet_evaluated_is_skipped_with_a_warning(broken: Path, caplog: pytest.LogCaptureFixture) -> None:
    (broken / "models" / "cnn" / "test.json").unlink()
    with caplog.at_level(logging.WARNING):
        assert leaderboard(load_models(broken / "models"))["model"].tolist() == ["dense"]
    assert "cnn has no test.json" in caplog.text


@pytest.mark.parametrize("part", ["test.json", "export.json", "drawn.json"])
@pytest.mark.parametrize("content", ['{"n": 3, "accur', "[1, 2]", "\xff"])
def test_a_broken_json_file_is_named(broken: Path, part: str, content: str) -> None:
    path = broken / "models" / "cnn" / part
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError) as caught:
        leaderboard(load_models(broken / "models"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_test_json_without_accuracy_is_named(broken: Path) -> None:
    change(broken / "models" / "dense" / "test.json", accuracy=None)
    with pytest.raises(UserError, match=r"dense/test\.json: accuracy=None: expected a number; run its stage again$"):
        leaderboard(load_models(broken / "models"))


def test_an_invalid_drawn_json_is_named(broken: Path) -> None:
    for content in ({"starter": 3}, {"starter": {"n": 4, "mnist_style": {"accuracy": 0.5}}}):
        write_json(broken / "models" / "dense" / "drawn.json", content)
        with pytest.raises(UserError, match=r"dense/drawn\.json"):
            leaderboard(load_models(broken / "models"))


def test_without_models_or_folder_the_message_says_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "models"):
        with pytest.raises(UserError, match="run `dvc repro`"):
            leaderboard(load_models(folder))


def test_markdown_has_a_cell_for_every_heading(mnist_report: Path, tmp_path: Path) -> None:
    write_leaderboard_md(leaderboard(load_models(mnist_report / "models")), tmp_path / "l.md")
    table = [line for line in (tmp_path / "l.md").read_text().splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4
    assert len({line.count("|") for line in table}) == 1
    assert "Pen tablet" in table[0]


def test_the_terminal_shows_all_of_it_within_eighty_columns(
    mnist_report: Path,
    strokes_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = leaderboard(load_models(mnist_report / "models", {"mnist_plus_strokes": strokes_models}))
    rows["drawn_mine_learned_accuracy"] = 1.0
    write_csv(rows, tmp_path / "l.csv")
    print_leaderboard(tmp_path / "l.csv")
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    for _, row in rows.iterrows():
        name = model_lines(row["model"]).split()[0]
        line = next(line for line in out.splitlines() if line.split()[:1] == [name] and len(line.split()) > 1)
        assert f"{row['parameters']:,}" in line
        assert percent(row["drawn_pens_learned_accuracy"]).rstrip("%") in line.split()
        assert f"{100 * row['test_acc']:.1f}" in line


def test_the_terminal_names_a_missing_or_foreign_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"l\.csv; run `dvc repro`"):
        print_leaderboard(tmp_path / "l.csv")
    (tmp_path / "l.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"l\.csv"):
        print_leaderboard(tmp_path / "l.csv")
    (tmp_path / "l.csv").write_text("model,test_acc,test_acc_low,test_acc_high\ncnn,x,y,z\n")
    with pytest.raises(UserError, match=r"l\.csv"):
        print_leaderboard(tmp_path / "l.csv")


def test_models_of_another_dataset_have_its_name(mnist_report: Path, strokes_models: Path, tmp_path: Path) -> None:
    rows = leaderboard(
        load_models(mnist_report / "models", {"mnist_plus_strokes": strokes_models, "pens": tmp_path / "not yet"})
    )
    assert dict(zip(rows["model"], rows["data"], strict=True)) == {
        **dict.fromkeys(("dense", "dense_2x128", "tflearn_cnn", "cnn"), "mnist"),
        "mnist_plus_strokes-cnn": "mnist_plus_strokes",
    }
    accuracies = rows["test_acc"].tolist()
    assert accuracies == sorted(accuracies, reverse=True)
    write_csv(rows, tmp_path / "l.csv")
    assert (
        next(row for row in read(tmp_path / "l.csv") if row["model"] == "mnist_plus_strokes-cnn")["val_acc"] == "0.993"
    )
    write_leaderboard_md(rows, tmp_path / "l.md")
    assert (tmp_path / "l.md").read_text().count("mnist_plus_strokes-cnn was trained on MNIST and drawn strokes.") == 1


def test_a_dataset_without_an_evaluated_model_is_ignored(optdigits_report: Path, tmp_path: Path) -> None:
    (tmp_path / "cnn").mkdir()
    rows = leaderboard(load_models(optdigits_report / "models", {"mnist_plus_strokes": tmp_path}))
    assert set(rows["model"]) == {"dense", "cnn"}


def test_models_with_other_test_digits_are_an_error(mnist_report: Path, optdigits_report: Path) -> None:
    with pytest.raises(UserError, match=r"optdigits-\w+ was evaluated on 360 .* 1,000; remove optdigits from"):
        leaderboard(load_models(mnist_report / "models", {"optdigits": optdigits_report / "models"}))


def test_rows_are_written_without_noise(tmp_path: Path) -> None:
    rows = pd.DataFrame([{"a": 0.1 + 0.2, "b": None}, {"a": 1.0, "b": "x,y", "c": 3}])
    write_rows(tmp_path / "r.csv", rows, ["a", "b", "c"])
    assert (tmp_path / "r.csv").read_text() == 'a,b,c\n0.3,,\n1,"x,y",3\n'


def test_the_same_folder_gives_the_same_leaderboard(mnist_report: Path, tmp_path: Path) -> None:
    shutil.copytree(mnist_report / "models", tmp_path / "models")
    assert_frame_equal(*(leaderboard(load_models(folder / "models")) for folder in (mnist_report, tmp_path)))
