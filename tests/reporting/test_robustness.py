"""The page's tables of rendering variants, corruptions and rejection."""

import re
from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import ReportConfig
from inkproof.evaluation.results import (
    Accuracy,
    Corruption,
    CorruptionsResult,
    DrawnSet,
    FormResult,
    NumbersResult,
    StringsResult,
)
from inkproof.reporting.page import write_page
from inkproof.reporting.results import ModelResults, load_models
from inkproof.reporting.wording import percent
from inkproof.runtime.errors import UserError
from support.model_results import EMPTY, around, model

FORMS = "Forms of digits, by model"
VARIANTS = "Rendering variants of the pen digits, by model"
CORRUPTIONS = "Corruptions, by model"
NUMBERS = "Numbers, {}"
REJECTION = "Rejection of out-of-distribution samples, by model"


def page_of(models: list[ModelResults], folder: Path) -> str:
    with composing() as compose:
        data = compose(ReportConfig, ("data=mnist",)).data
    return write_page(folder, data, models).read_text()


def cells(page: str, label: str) -> list[list[tuple[str, str]]]:
    """The value and the small text of each cell, row by row, with the headings first."""
    (table,) = re.findall(rf'aria-label="{label}">(.*?)</table>', page, re.DOTALL)
    return [
        re.findall(r'<(?:td|th scope="col")>(.*?)(?:<small>(.*?)</small>)?</t[dh]>', row)
        for row in table.split("<tr>")[1:]
    ]


def learned(accuracy: float) -> DrawnSet:
    return DrawnSet(n=3498, learned=around(accuracy))


def test_a_variant_is_compared_with_the_usual_brush(tmp_path: Path) -> None:
    drawn = {"pens": learned(0.975), "pens_fat": learned(0.9625), "pens_inverted": learned(0.975)}
    heads, first, other = cells(page_of([model(drawn=drawn), model("new")], tmp_path), VARIANTS)
    assert [title for title, _ in heads] == ["Model", "Usual brush", "Fat brush", "White on black"]
    assert first == [("97.50%", "96.50–98.50"), ("96.25%", "−1.25 points"), ("97.50%", "0.00 points")]
    assert other == [("–", "")] * 3
    assert VARIANTS not in page_of([model(drawn={"pens": learned(0.9), "pens_fat": EMPTY})], tmp_path)


def test_forms_of_digits_have_their_number_and_accuracy(tmp_path: Path) -> None:
    forms = {
        "slashed_0": FormResult(n=27, accuracy=0.9, low=0.8, high=0.95),
        "barred_7": FormResult(n=107, accuracy=0.96, low=0.9, high=0.98),
    }
    counted = model(drawn={"unipen": DrawnSet(n=1483, learned=around(0.99), forms=forms)})
    heads, first, other = cells(page_of([counted, model("new", drawn={"pens": learned(0.9)})], tmp_path), FORMS)
    assert heads[1:] == [("Slashed 0", "27 digits"), ("Barred 7", "107 digits")]
    assert [accuracy for accuracy, _ in first] == ["90.0%", "96.0%"]
    assert other == [("–", "")] * 2
    assert FORMS not in page_of([model(drawn={"unipen": learned(0.9)})], tmp_path)


def test_corruptions_have_clean_mean_and_worst_accuracy(tmp_path: Path) -> None:
    corruptions = CorruptionsResult(
        n=500,
        clean=Accuracy(accuracy=0.994, low=0.98, high=0.998),
        mca=Accuracy(accuracy=0.9, low=0.87, high=0.92),
        corruptions={
            "blur": Corruption(accuracy=0.95, low=0.94, high=0.96, severities=[0.99] * 5),
            "cut_off": Corruption(accuracy=0.85, low=0.84, high=0.86, severities=[0.9] * 5, blank=[0, 0, 0, 0, 7]),
        },
    )
    page = page_of([model("new"), model(corruptions=corruptions)], tmp_path)
    assert "500 digits, 2 corruptions of severities 1 to 5." in page
    assert cells(page, CORRUPTIONS)[1:] == [
        [("–", "")] * 3,
        [("99.4%", "98.0–99.8"), ("90.0%", "87.0–92.0"), ("85.0%", "cut off")],
    ]
    assert "Of 500 images, 7 are blank at cut off 5." in page
    assert CORRUPTIONS not in page_of([model()], tmp_path)


def strings(gap: str, length: int | None, accuracy: float) -> StringsResult:
    strings, digits = (Accuracy(accuracy=one, low=one - 0.05, high=one + 0.01) for one in (accuracy, accuracy + 0.02))
    return StringsResult(
        drawings="pens",
        form="white",
        gap=gap,
        length=length,
        n=20,
        writers=14,
        interval="writers",
        strings=strings,
        digits=digits,
    )


def test_numbers_have_whole_strings_by_length_and_gap(tmp_path: Path) -> None:
    rows = [strings("loose", length, accuracy) for length, accuracy in ((2, 0.97), (4, 0.95), (None, 0.96))]
    rows += [strings("touching", length, accuracy) for length, accuracy in ((2, 0.9), (4, 0.8), (None, 0.85))]
    page = page_of([model(numbers=NumbersResult(seed=26, rows=rows)), model("new")], tmp_path)
    heads, loose, touching = cells(page, NUMBERS.format("cnn"))
    whole = "whole strings"
    assert [(title, small) for title, small in heads[3:5]] == [("2 digits", whole), ("4 digits", whole)]
    assert loose[:2] == [("white", ""), ("loose", "")] and touching[1] == ("touching", "")
    assert [value for value, _ in loose[2:]] == ["97.0%", "95.0%", "96.0%", "98.0%"]
    assert touching[3:5] == [("80.0%", "75.0–81.0"), ("85.0%", "80.0–86.0")]
    assert 'href="#numbers"' in page and NUMBERS.format("new") not in page
    assert 'id="numbers"' not in page_of([model()], tmp_path)


@pytest.fixture
def models(mnist_report: Path) -> list[ModelResults]:
    return load_models(mnist_report / "models")


def test_rejection_has_the_chosen_rule(models: list[ModelResults], tmp_path: Path) -> None:
    page = page_of(models, tmp_path)
    assert "than these 100 drawn digits and 40 out-of-distribution samples." in page
    for row, own in zip(cells(page, REJECTION)[1:], models, strict=True):
        assert own.rejection is not None
        rule, at = own.rejection.rules[own.rejection.rule], own.rejection.chosen
        assert [value for value, _ in row][1:] == [
            f"{rule.auroc:.3f}",
            percent(rule.accuracy_at_95),
            percent(at.rejected["all"].share),
            percent(at.digits.coverage),
        ]
    assert REJECTION not in page_of([model()], tmp_path)


def test_a_rejection_json_without_its_own_rule_is_named(models: list[ModelResults], tmp_path: Path) -> None:
    assert models[0].rejection is not None
    foreign = models[0].rejection.model_copy(update={"rule": "votes"})
    with pytest.raises(UserError, match=r"cnn/rejection\.json: has no results of its rule"):
        page_of([model(rejection=foreign)], tmp_path)
