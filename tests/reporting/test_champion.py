from typing import Any

import pandas as pd

from inkproof.exporting.metadata import read_metadata
from inkproof.reporting.results import CANVAS_BYTES, load_models
from inkproof.reporting.tables import PENS_VALIDATION, choose_deployable, leaderboard
from inkproof.reporting.tables import choose_champion as choose_among
from inkproof.runtime.paths import ROOT


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


def deployable(*rows: dict[str, Any], data: str = "mnist") -> str | None:
    columns = ["model", "data", "parameters", "val_acc", "test_acc", PENS_VALIDATION, "canvas_kb"]
    return choose_deployable(pd.DataFrame(rows, columns=columns), data)


def test_the_model_to_deploy_is_the_best_on_validation_writers_with_a_small_file() -> None:
    own = row("cnn", 0.997, 0.975) | {"canvas_kb": 1335.0}
    strokes = row("mnist_plus_strokes-cnn", 0.995, 0.997, data="mnist_plus_strokes") | {"canvas_kb": 1664.3}
    large = row("large", 0.999, 0.999) | {"canvas_kb": CANVAS_BYTES / 1024 + 0.1}
    assert deployable(own, strokes, large) == "mnist_plus_strokes-cnn"
    assert deployable(own, strokes | {"canvas_kb": None}) == "cnn", "a model without the file cannot be deployed"
    assert deployable(large) is None
    same = row("smaller", 0.9, 0.997, weights=0) | {"canvas_kb": 900.0}
    assert deployable(strokes, same) == "smaller"


def test_without_drawings_of_validation_writers_validation_digits_choose_what_to_deploy() -> None:
    rows = [row("a", 0.97) | {"canvas_kb": 800.0}, row("b", 0.98) | {"canvas_kb": 900.0}]
    assert deployable(*rows) == "b"
    assert deployable(*(one | {"test_acc": place} for place, one in enumerate(reversed(rows)))) == "b"


def test_the_report_is_about_the_model_that_the_repository_ships() -> None:
    reports = ROOT / "reports"
    models = load_models(reports / "mnist/models", {"mnist_plus_strokes": reports / "mnist_plus_strokes/models"})
    shipped = read_metadata(ROOT / "models/pretrained/canvas.tflite")["model"]
    assert choose_deployable(leaderboard(models), "mnist") == shipped
