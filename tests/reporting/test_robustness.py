from pathlib import Path
from typing import Any

import pytest

from inkproof.reporting.page import corruptions_table, rejection_table, variants_table
from inkproof.reporting.results import ModelResults, load_models
from inkproof.reporting.wording import percent
from inkproof.runtime.errors import UserError


def model(name: str = "cnn", **parts: Any) -> ModelResults:
    return ModelResults(name, Path(name), {"n": 10, "accuracy": 0.9}, {}, parts.pop("drawn", {}), {}, **parts)


def on_ink(accuracy: float, n: int = 3498) -> dict[str, Any]:
    return {"n": n, "classic": {"accuracy": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01}}


def test_a_dress_is_held_against_the_usual_brush() -> None:
    drawn = {"pens": on_ink(0.975), "pens_fat": on_ink(0.9625), "pens_inverted": on_ink(0.975)}
    table = variants_table([model(drawn=drawn), model("new")])
    assert table is not None
    assert [title for title, _ in table["columns"]] == ["Usual brush", "Fat brush", "White on black"]
    first, other = (row["cells"] for row in table["rows"])
    assert first == [("97.50%", "96.50–98.50"), ("96.25%", "−1.25 points"), ("97.50%", "0.00 points")]
    assert {figure for figure, _ in other} == {"–"}
    assert variants_table([model(drawn={"pens": on_ink(0.9), "pens_fat": {"n": 0}})]) is None


def test_corruption_shows_clean_mean_and_the_worst() -> None:
    corruptions = {
        "n": 500,
        "clean": {"accuracy": 0.994, "low": 0.98, "high": 0.998},
        "mca": {"accuracy": 0.9, "low": 0.87, "high": 0.92},
        "corruptions": {
            "blur": {"accuracy": 0.95, "severities": [0.99] * 5},
            "cut_off": {"accuracy": 0.85, "severities": [0.9] * 5},
        },
    }
    table = corruptions_table([model("new"), model(corruptions=corruptions)])
    assert table is not None
    assert table["size"] == "500 digits, 2 corruptions of severities 1 to 5"
    assert [figure for figure, _ in table["rows"][1]["cells"]] == ["99.4%", "90.0%", "85.0%"]
    assert table["rows"][1]["cells"][2] == ("85.0%", "cut off")
    assert [figure for figure, _ in table["rows"][0]["cells"]] == ["–"] * 3
    assert corruptions_table([model()]) is None


def test_refusal_shows_the_chosen_rule(mnist_report: Path) -> None:
    models = load_models(mnist_report / "models")
    table = rejection_table(models)
    assert table is not None
    assert table["size"] == "100 drawn digits and 40 others"
    for row, own in zip(table["rows"], models, strict=True):
        rule, at = own.rejection["rules"][own.rejection["rule"]], own.rejection["chosen"]
        figures = [figure for figure, _ in row["cells"]]
        assert figures[1:] == [
            f"{rule['auroc']:.3f}",
            percent(rule["accuracy_at_95"]),
            percent(at["rejected"]["all"]["share"]),
            percent(at["digits"]["coverage"]),
        ]
    assert rejection_table([model()]) is None


@pytest.mark.parametrize(
    ("part", "table"),
    [("corruptions", corruptions_table), ("rejection", rejection_table)],
    ids=["corruptions", "rejection"],
)
def test_a_file_without_its_figures_is_named(part: str, table: Any) -> None:
    with pytest.raises(UserError, match=rf"cnn/{part}\.json lacks a figure"):
        table([model(**{part: {"n": 3}})])
