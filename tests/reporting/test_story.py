"""The opening of the report follows from the results, and claims nothing that they do not show."""

import dataclasses
import re

import pytest

from inkproof.evaluation.results import DrawnSet, ExportedFile, ExportResult
from inkproof.reporting.results import ModelResults
from inkproof.reporting.story import Story, story_of
from support import model_results
from support.model_results import EMPTY, around


def model(name: str = "cnn", accuracy: float = 0.99, **sets: DrawnSet) -> ModelResults:
    return model_results.model(name, accuracy, sets)


def pens(first: float, last: float, spread: float = 0.01, **more: float) -> DrawnSet:
    methods = {name: around(accuracy) for name, accuracy in more.items()}
    return DrawnSet(n=3498, writers=14, tutorial=around(first, spread), mnist_style=around(last, spread), **methods)


def words(story: Story) -> str:
    return " ".join([story.headline, *story.paragraphs, *(text for tile in story.tiles for text in tile)])


def compared(name: str = "mnist_plus_strokes-cnn", accuracy: float = 0.995, **sets: DrawnSet) -> ModelResults:
    return dataclasses.replace(model(name, accuracy, **sets), compare_with="mnist_plus_strokes")


def text_of(*models: ModelResults) -> str:
    return words(story_of(models, models[0], "MNIST"))


def test_the_loss_and_what_preprocessing_brings_back_are_counted() -> None:
    text = text_of(model(pens=pens(0.55, 0.95)))
    assert "99.00% on the test set, 55.00% on real drawings, 95.00% with preprocessing like" in text
    assert "Of the 44.0 points lost" in text
    assert "preprocessing alone brings back 40.0. The remaining 4.0" in text
    assert "3,498 drawings by 14 writers" in text


@pytest.mark.parametrize(
    ("first", "last", "spread", "expected", "absent"),
    [
        (0.90, 0.92, 0.05, "do not show", "brings back"),
        (0.90, 0.80, 0.01, "costs 10.0 points", "brings back"),
        (0.90, 0.995, 0.001, "all of the 9.0 points", "remaining"),
        (0.985, 0.998, 0.001, "adds 1.3 points", "lost between"),
    ],
)
def test_no_gain_is_claimed_without_support_of_the_intervals(
    first: float, last: float, spread: float, expected: str, absent: str
) -> None:
    text = text_of(model(pens=pens(first, last, spread)))
    assert expected in text
    assert absent not in text


def test_a_loss_is_not_in_the_headline_as_a_gain() -> None:
    story = story_of([model(pens=pens(0.9, 0.8))], model(pens=pens(0.9, 0.8)), "MNIST")
    assert story.headline == "99.00% on the test set, 90.00% on real drawings"


def test_the_most_informative_set_is_chosen() -> None:
    starter = DrawnSet(n=210, writers=1, tutorial=around(0.5), mnist_style=around(0.9))
    assert story_of([model(starter=starter)], model(starter=starter), "optdigits").subject == "starter"
    text = text_of(model(starter=starter))
    assert text.count("210 drawings authored by the developers") == 2 and "writer" not in text
    both = model(starter=starter, pens=pens(0.5, 0.9), mine=EMPTY)
    assert story_of([both], both, "MNIST").subject == "pens"


def test_without_drawings_there_is_still_a_story() -> None:
    story = story_of([model(mine=EMPTY)], model(mine=EMPTY), "MNIST")
    assert story.subject is None
    assert story.headline == "cnn reaches 99.00% on MNIST"
    assert "100 errors" in words(story)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (
            [(0.4, 0.9), (0.3, 0.8)],
            "All 3 models improve: between 30.00% and 50.00% of the drawings are correct with `tutorial`, "
            "between 80.00% and 95.00% with `mnist_style`.",
        ),
        ([(0.4, 0.4), (0.3, 0.8)], "2 of 3 models improve clearly"),
    ],
)
def test_the_other_models_are_counted(others: list[tuple[float, float]], expected: str) -> None:
    rest = [model(f"m{i}", 0.9, pens=pens(*pair)) for i, pair in enumerate(others)]
    assert expected in text_of(model(pens=pens(0.5, 0.95)), *rest)


def test_lost_regained_and_remaining_points_add_up_as_printed() -> None:
    for first in (0.5512, 0.6371, 0.63704, 0.49951):
        text = text_of(model(accuracy=0.9917, pens=pens(first, 0.8815)))
        found = re.search(r"the (\d+\.\d) points lost .* back (\d+\.\d)\. The remaining (\d+\.\d)", text)
        assert found is not None
        lost, back, rest = map(float, found.groups())
        assert lost == pytest.approx(back + rest)


def test_the_last_method_ends_the_headline() -> None:
    whole = pens(0.55, 0.95, learned=0.97)
    assert "97.00% with the normalizer" in story_of([model(pens=whole)], model(pens=whole), "MNIST").headline
    assert "95.00% with preprocessing like MNIST's" in text_of(model(pens=pens(0.55, 0.95)))
    text = text_of(model(pens=whole))
    assert "the same network reaches 55.00%. It reaches 97.00% with the normalizer." in text
    assert "preprocessing alone brings back 42.0. The remaining 2.0" in text


def test_the_story_of_a_model_of_another_dataset_says_what_it_was_trained_on_and_why_it_was_chosen() -> None:
    own, best = model(pens=pens(0.5, 0.95)), compared(pens=pens(0.6, 0.991))
    story = story_of([own, best], best, "MNIST", "It has the best accuracy on validation digits.")
    assert story.headline.startswith("99.50% on the test set, 60.00% on real drawings, 99.10% with")
    text = words(story)
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn strokes, classifies 99.50% of" in text
    assert text.count("mnist_plus_strokes-cnn") == 1, "it is not compared with itself"
    assert text.count("It has the best accuracy on validation digits.") == 1


def test_the_size_is_that_of_the_file_with_the_normalizer_inside() -> None:
    export: ExportResult = {"int8": ExportedFile(kb=338), "canvas": ExportedFile(kb=1664.3)}
    for drawn in ({}, {"pens": pens(0.5, 0.95)}):
        one = model_results.model("cnn", 0.99, drawn, export=export)
        assert story_of([one], one, "MNIST").tiles[-1] == ("1,664 KB", "canvas.tflite, the file for an app")
    assert not any("KB" in figure for figure, _ in story_of([model()], model(), "MNIST").tiles)


def test_a_model_of_another_dataset_is_mentioned_but_not_counted() -> None:
    own, other = model(pens=pens(0.5, 0.95)), model("dense", pens=pens(0.3, 0.85))
    text = text_of(own, other, compared(pens=pens(0.6, 0.991)))
    assert "All 2 models trained on MNIST improve: between 30.00% and 50.00% of" in text
    assert (
        "mnist_plus_strokes-cnn, trained on MNIST and drawn strokes, reaches 99.10% on the same drawings "
        "and 99.50% on the MNIST" in text
    )
    assert "models" not in text_of(own, compared(pens=pens(0.6, 0.991)))


def test_a_model_of_another_dataset_without_those_drawings_has_its_test_accuracy() -> None:
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn strokes, reaches 99.50% on the MNIST" in text_of(
        model(pens=pens(0.5, 0.9)), compared()
    )
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn strokes, reaches 99.50% on the MNIST" in text_of(
        model(), compared()
    )
