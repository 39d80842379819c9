from typing import Any

import pandas as pd

from inkproof.reporting.tables import PENS_VALIDATION
from inkproof.reporting.tables import choose_champion as choose_among


def row(
    model: str, val: float | None, drawn: float | None = None, data: str = "mnist", weights: int = 1
) -> dict[str, Any]:
    scores = {"val_acc": val, PENS_VALIDATION: drawn}
    known = {key: value for key, value in scores.items() if value is not None}
    return {"model": model, "data": data, "parameters": weights, "test_acc": 0.5, **known}


def choose_champion(rows: list[dict[str, Any]], data: str) -> str | None:
    columns = ["model", "data", "parameters", "val_acc", "test_acc", PENS_VALIDATION]
    return choose_among(pd.DataFrame(rows, columns=columns), data)


def test_the_mean_of_validation_digits_and_validation_writers_decides() -> None:
    assert choose_champion([row("a", 0.99, 0.90), row("b", 0.98, 0.95)], "mnist") == "b"
    assert choose_champion([row("a", 0.99), row("b", 0.98)], "mnist") == "a"


def test_test_accuracy_has_no_part_in_the_choice() -> None:
    for drawn in (None, 0.9):
        rows = [{**row("a", 0.97, drawn), "test_acc": 0.999}, {**row("b", 0.98, drawn), "test_acc": 0.9}]
        assert choose_champion(rows, "mnist") == choose_champion(rows[::-1], "mnist") == "b"
    # Nor if validation cannot tell the two apart: then the smaller one is chosen.
    rows = [{**row("a", 0.98, weights=2), "test_acc": 0.999}, {**row("b", 0.98), "test_acc": 0.9}]
    assert choose_champion(rows, "mnist") == "b"


def test_the_smaller_of_two_equal_models_is_chosen() -> None:
    assert choose_champion([row("a", 0.99, weights=2), row("b", 0.99, weights=1)], "mnist") == "b"


def test_a_model_of_another_dataset_is_not_a_candidate() -> None:
    rows = [row("mnist_plus_strokes-cnn", 0.999, 0.999, data="mnist_plus_strokes"), row("cnn", 0.9, 0.9)]
    assert choose_champion(rows, "mnist") == "cnn"
    assert choose_champion(rows[:1], "mnist") is None


def test_without_a_validated_model_there_is_no_champion() -> None:
    assert choose_champion([row("a", None), {**row("b", None), "test_acc": 0.99}], "mnist") is None
