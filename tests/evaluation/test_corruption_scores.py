import numpy as np
import pandas as pd
import pytest

from inkproof.evaluation.metrics import corruption_rows, summarize_corruptions
from inkproof.evaluation.results import Accuracy
from inkproof.evaluation.statistics import wilson

LABELS = np.arange(10)


def predictions(wrong: int) -> np.ndarray:
    """The digits, with so many errors."""
    return np.where(np.arange(10) < wrong, (LABELS + 1) % 10, LABELS)


def table() -> pd.DataFrame:
    predicted = {
        ("clean", 0): predictions(0),
        ("blur", 1): predictions(1),
        ("blur", 2): predictions(3),
        ("shear", 1): predictions(2),
        ("shear", 2): predictions(8),
    }
    return corruption_rows(LABELS, predicted, {**dict.fromkeys(predicted, 0), ("shear", 2): 4})


def test_a_row_counts_and_has_its_interval() -> None:
    rows = table()
    assert list(rows[["corruption", "severity", "correct"]].itertuples(index=False, name=None)) == [
        ("clean", 0, 10),
        ("blur", 1, 9),
        ("blur", 2, 7),
        ("shear", 1, 8),
        ("shear", 2, 2),
    ]
    assert list(rows) == ["corruption", "severity", "n", "correct", "accuracy", "low", "high", "blank"]
    assert rows.loc[2, "accuracy"] == 0.7
    assert tuple(rows.loc[2, ["low", "high"]]) == wilson(7, 10)


def test_mean_corruption_accuracy_is_a_mean_of_means_without_the_clean() -> None:
    summary = summarize_corruptions(table())
    assert summary.n == 10
    assert summary.clean == Accuracy(accuracy=1.0, low=wilson(10, 10)[0], high=1.0)
    assert summary.corruptions["blur"].severities == [0.9, 0.7]
    assert summary.corruptions["blur"].accuracy == pytest.approx(0.8)
    assert summary.corruptions["shear"].accuracy == pytest.approx(0.5)
    assert summary.mca.accuracy == pytest.approx(0.65)
    assert list(summary.corruptions) == ["blur", "shear"]


def test_blank_images_are_counted_where_there_are_any() -> None:
    summary = summarize_corruptions(table())
    assert summary.corruptions["shear"].blank == [0, 4]
    assert summary.blank == {("shear", 2): 4}


def test_the_interval_of_a_mean_is_that_of_the_digits_and_not_of_all_predictions() -> None:
    mean = summarize_corruptions(table()).corruptions["blur"]
    assert (mean.low, mean.high) == wilson(8, 10)


def test_an_interval_contains_its_mean_even_at_the_end() -> None:
    labels = np.zeros(10, int)
    almost = labels.copy()
    almost[0] = 1
    predicted = {("clean", 0): labels, **{("blur", s): labels for s in range(1, 5)}, ("blur", 5): almost}
    mca = summarize_corruptions(corruption_rows(labels, predicted, dict.fromkeys(predicted, 0))).mca
    assert mca.accuracy == pytest.approx(0.98)
    assert mca.low <= mca.accuracy <= mca.high


def test_the_order_of_rows_changes_nothing_but_the_order_of_corruptions() -> None:
    assert (
        summarize_corruptions(table()[::-1]).corruptions["shear"] == summarize_corruptions(table()).corruptions["shear"]
    )
    assert summarize_corruptions(table()[::-1]).corruptions["shear"].severities == [0.8, 0.2]


@pytest.mark.parametrize("broken", ["no clean", "a hole", "twice", "another n", "clean alone"])
def test_an_incomplete_table_is_an_error(broken: str) -> None:
    rows = table()
    if broken == "no clean":
        rows = rows[1:]
    elif broken == "a hole":
        rows = rows.drop(3)
    elif broken == "twice":
        rows.loc[3] = rows.loc[4]
    elif broken == "another n":
        rows.loc[1, "n"] = 11
    else:
        rows = rows[:1]
    with pytest.raises(ValueError, match="one row"):
        summarize_corruptions(rows)


def test_predictions_of_another_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="blur 1"):
        corruption_rows(LABELS, {("blur", 1): [1, 2, 3]}, {("blur", 1): 0})
    with pytest.raises(ValueError, match="at least one"):
        corruption_rows([], {("blur", 1): []}, {("blur", 1): 0})
