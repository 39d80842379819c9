"""The page's tables of rendering variants, corruptions and rejection."""

from pathlib import Path

import pytest

from inkproof.evaluation.results import Accuracy, Corruption, CorruptionsResult, DrawnSet
from inkproof.reporting.page import corruptions_table, rejection_table, variants_table
from inkproof.reporting.results import ModelResults, load_models
from inkproof.reporting.wording import percent
from inkproof.runtime.errors import UserError
from support.model_results import EMPTY, around, model


def classic(accuracy: float) -> DrawnSet:
    return DrawnSet(n=3498, classic=around(accuracy))


def test_a_variant_is_compared_with_the_usual_brush() -> None:
    drawn = {"pens": classic(0.975), "pens_fat": classic(0.9625), "pens_inverted": classic(0.975)}
    table = variants_table([model(drawn=drawn), model("new")])
    assert table is not None
    assert [title for title, _ in table.columns] == ["Usual brush", "Fat brush", "White on black"]
    first, other = (row.cells for row in table.rows)
    assert first == [("97.50%", "96.50–98.50"), ("96.25%", "−1.25 points"), ("97.50%", "0.00 points")]
    assert {value for value, _ in other} == {"–"}
    assert variants_table([model(drawn={"pens": classic(0.9), "pens_fat": EMPTY})]) is None


def test_corruptions_have_clean_mean_and_worst_accuracy() -> None:
    corruptions = CorruptionsResult(
        n=500,
        clean=Accuracy(accuracy=0.994, low=0.98, high=0.998),
        mca=Accuracy(accuracy=0.9, low=0.87, high=0.92),
        corruptions={
            "blur": Corruption(accuracy=0.95, low=0.94, high=0.96, severities=[0.99] * 5),
            "cut_off": Corruption(accuracy=0.85, low=0.84, high=0.86, severities=[0.9] * 5),
        },
    )
    table = corruptions_table([model("new"), model(corruptions=corruptions)])
    assert table is not None
    assert table.size == "500 digits, 2 corruptions of severities 1 to 5"
    assert table.rows[1].cells == [("99.4%", "98.0–99.8"), ("90.0%", "87.0–92.0"), ("85.0%", "cut off")]
    assert [value for value, _ in table.rows[0].cells] == ["–"] * 3
    assert corruptions_table([model()]) is None


@pytest.fixture
def models(mnist_report: Path) -> list[ModelResults]:
    return load_models(mnist_report / "models")


def test_rejection_has_the_chosen_rule(models: list[ModelResults]) -> None:
    table = rejection_table(models)
    assert table is not None
    assert table.size == "100 drawn digits and 40 out-of-distribution samples"
    for row, own in zip(table.rows, models, strict=True):
        assert own.rejection is not None
        rule, at = own.rejection.rules[own.rejection.rule], own.rejection.chosen
        assert [value for value, _ in row.cells][1:] == [
            f"{rule.auroc:.3f}",
            percent(rule.accuracy_at_95),
            percent(at.rejected["all"].share),
            percent(at.digits.coverage),
        ]
    assert rejection_table([model()]) is None


def test_a_rejection_json_without_its_own_rule_is_named(models: list[ModelResults]) -> None:
    assert models[0].rejection is not None
    foreign = models[0].rejection.model_copy(update={"rule": "votes"})
    with pytest.raises(UserError, match=r"cnn/rejection\.json: has no results of its rule"):
        rejection_table([model(rejection=foreign)])
