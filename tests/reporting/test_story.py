import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from inkproof.reporting.results import ModelResults
from inkproof.reporting.story import Story, tell


def method(accuracy: float, spread: float = 0.01) -> dict[str, Any]:
    return {"accuracy": accuracy, "low": accuracy - spread, "high": accuracy + spread, "per_digit": {}}


def model(name: str = "cnn", accuracy: float = 0.99, **sets: dict[str, Any]) -> ModelResults:
    test = {"n": 10_000, "errors": round(10_000 * (1 - accuracy)), "accuracy": accuracy}
    return ModelResults(name, Path(name), test, {}, sets, {})


def pens(first: float, last: float, spread: float = 0.01) -> dict[str, Any]:
    return {"n": 3498, "writers": 14, "tutorial": method(first, spread), "mnist_style": method(last, spread)}


def words(story: Story) -> str:
    return " ".join([story.headline, *story.paragraphs, *(text for tile in story.tiles for text in tile)])


def beside(name: str = "mnist_plus_strokes-cnn", accuracy: float = 0.995, **sets: dict[str, Any]) -> ModelResults:
    return dataclasses.replace(model(name, accuracy, **sets), compare_with="mnist_plus_strokes")


def told(*models: ModelResults) -> str:
    return words(tell(models, models[0], "MNIST"))


def test_the_loss_and_what_preparation_brings_back_are_counted() -> None:
    text = told(model(pens=pens(0.55, 0.95)))
    assert "99.00% on the test set, 55.00% on real drawings, 95.00% once" in text
    assert "Of the 44.0 points lost" in text
    assert "40.0 come back by preparation alone; the remaining 4.0" in text
    assert "3,498 drawings by 14 writers" in text


@pytest.mark.parametrize(
    ("first", "last", "spread", "expected", "absent"),
    [
        (0.90, 0.92, 0.05, "do not settle", "come back"),
        (0.90, 0.80, 0.01, "costs 10.0 points", "come back"),
        (0.90, 0.995, 0.001, "All of the 9.0 points", "remaining"),
        (0.985, 0.998, 0.001, "adds 1.3 points", "lost between"),
    ],
)
def test_no_gain_is_claimed_that_the_numbers_do_not_bear_out(
    first: float, last: float, spread: float, expected: str, absent: str
) -> None:
    text = told(model(pens=pens(first, last, spread)))
    assert expected in text
    assert absent not in text


def test_a_loss_is_not_announced_as_a_rise() -> None:
    assert "once they are prepared" not in told(model(pens=pens(0.9, 0.8)))


def test_the_most_telling_set_is_chosen() -> None:
    starter = {"n": 210, "writers": 1} | {"tutorial": method(0.5), "mnist_style": method(0.9)}
    assert tell([model(starter=starter)], model(starter=starter), "optdigits").subject == "starter"
    both = model(starter=starter, pens=pens(0.5, 0.9), mine={"n": 0})
    assert tell([both], both, "MNIST").subject == "pens"


def test_without_drawings_there_is_still_a_story() -> None:
    story = tell([model(mine={"n": 0})], model(mine={"n": 0}), "MNIST")
    assert story.subject is None
    assert story.headline == "cnn reads 99.00% of MNIST"
    assert "100 mistakes" in words(story)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([(0.4, 0.9), (0.3, 0.8)], "All 3 models climb: 30.00% to 50.00%"),
        ([(0.4, 0.4), (0.3, 0.8)], "2 of 3 models climb clearly"),
    ],
)
def test_the_other_models_are_counted(others: list[tuple[float, float]], expected: str) -> None:
    rest = [model(f"m{i}", 0.9, pens=pens(*pair)) for i, pair in enumerate(others)]
    assert expected in told(model(pens=pens(0.5, 0.95)), *rest)


def test_lost_regained_and_remaining_points_add_up_as_printed() -> None:
    for first in (0.5512, 0.6371, 0.63704, 0.49951):
        text = told(model(accuracy=0.9917, pens=pens(first, 0.8815)))
        lost, back, rest = map(float, re.findall(r"(\d+\.\d) (?:points lost|come back|are left)", text))
        assert lost == pytest.approx(back + rest)


def test_a_method_that_changes_nothing_is_said_to_leave_it() -> None:
    entry = {"n": 270, "writers": 1, "tutorial": method(0.6), "polarity": method(0.6), "mnist_style": method(0.9)}
    text = told(model(starter=entry))
    assert "Inverting only where the ink is dark leaves it at 60.0%" in text
    assert "as in MNIST, gives 90.0%" in text


def test_the_last_method_gives_the_headline_its_end() -> None:
    whole = pens(0.55, 0.95) | {"classic": method(0.97)}
    assert (
        "97.00% once they are normalized by the ink layer"
        in tell([model(pens=whole)], model(pens=whole), "MNIST").headline
    )
    assert "95.00% once they are prepared like MNIST" in told(model(pens=pens(0.55, 0.95)))
    text = told(model(pens=whole))
    assert "The whole normalizer gives 97.00%" in text
    assert "42.0 come back by preparation alone; the remaining 2.0" in text


def test_a_model_beside_is_told_of_but_not_counted() -> None:
    own, other = model(pens=pens(0.5, 0.95)), model("dense", pens=pens(0.3, 0.85))
    text = told(own, other, beside(pens=pens(0.6, 0.991)))
    assert "All 2 models trained on MNIST climb: 30.00% to 50.00%" in text
    assert (
        "mnist_plus_strokes-cnn, trained on MNIST and drawn ink, reads 99.10% of the same drawings, and 99.50% of the MNIST"
        in text
    )
    assert "models" not in told(own, beside(pens=pens(0.6, 0.991)))


def test_a_model_beside_without_those_drawings_is_told_of_by_its_test_digits() -> None:
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn ink, reads 99.50% of the MNIST" in told(
        model(pens=pens(0.5, 0.9)), beside()
    )
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn ink, reads 99.50% of the MNIST" in told(
        model(), beside()
    )
