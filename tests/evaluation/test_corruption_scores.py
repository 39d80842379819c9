from collections.abc import Mapping

import numpy as np
import pytest

from inkproof.evaluation.metrics import corruption_rows, summarize_corruptions
from inkproof.evaluation.results import Accuracy
from inkproof.evaluation.statistics import wilson, writer_bootstrap

LABELS = np.arange(10)


def predictions(wrong: int) -> np.ndarray:
    """The digits, with so many errors."""
    return np.where(np.arange(10) < wrong, (LABELS + 1) % 10, LABELS)


PREDICTED = {
    ("clean", 0): predictions(0),
    ("blur", 1): predictions(1),
    ("blur", 2): predictions(3),
    ("shear", 1): predictions(2),
    ("shear", 2): predictions(8),
}
BLANK = {**dict.fromkeys(PREDICTED, 0), ("shear", 2): 4}


def test_a_row_counts_and_has_its_interval() -> None:
    rows = corruption_rows(LABELS, PREDICTED, BLANK)
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
    summary = summarize_corruptions(LABELS, PREDICTED, BLANK)
    assert (summary.n, summary.writers, summary.interval) == (10, 0, "wilson")
    assert summary.clean == Accuracy(accuracy=1.0, low=wilson(10, 10)[0], high=1.0)
    assert summary.corruptions["blur"].severities == [0.9, 0.7]
    assert summary.corruptions["blur"].accuracy == pytest.approx(0.8)
    assert summary.corruptions["shear"].accuracy == pytest.approx(0.5)
    assert summary.mca.accuracy == pytest.approx(0.65)
    assert list(summary.corruptions) == ["blur", "shear"]


def test_blank_images_are_counted_where_there_are_any() -> None:
    summary = summarize_corruptions(LABELS, PREDICTED, BLANK)
    assert summary.corruptions["shear"].blank == [0, 4]
    assert summary.blank == {("shear", 2): 4}


def test_the_interval_of_a_mean_is_that_of_the_digits_and_not_of_all_predictions() -> None:
    mean = summarize_corruptions(LABELS, PREDICTED, BLANK).corruptions["blur"]
    assert (mean.low, mean.high) == wilson(8, 10)


def test_with_known_writers_every_interval_is_over_writers() -> None:
    rng = np.random.default_rng(0)
    labels, writers = rng.integers(0, 10, 300), np.arange(300) % 30
    hard = rng.random(30)[writers]  # some writers are harder under every corruption
    cells = {key: np.where(rng.random(300) < 0.4 * hard, (labels + 1) % 10, labels) for key in PREDICTED}
    blank = dict.fromkeys(cells, 0)
    summary = summarize_corruptions(labels, cells, blank, writers)
    assert (summary.writers, summary.interval) == (30, "writers")
    correct = {key: own == labels for key, own in cells.items()}
    blur = (correct["blur", 1] + 1.0 * correct["blur", 2]) / 2
    shear = (correct["shear", 1] + 1.0 * correct["shear", 2]) / 2
    for found, values in (
        (summary.clean, correct["clean", 0]),
        (summary.corruptions["blur"], blur),
        (summary.mca, (blur + shear) / 2),
    ):
        assert (found.low, found.high) == pytest.approx(writer_bootstrap(values, writers))
        assert found.low < found.accuracy < found.high
    rows = corruption_rows(labels, cells, blank, writers)
    assert tuple(rows.loc[1, ["low", "high"]]) == pytest.approx(writer_bootstrap(correct["blur", 1], writers))


def test_an_interval_contains_its_mean_even_at_the_end() -> None:
    labels = np.zeros(10, int)
    almost = labels.copy()
    almost[0] = 1
    predicted = {("clean", 0): labels, **{("blur", s): labels for s in range(1, 5)}, ("blur", 5): almost}
    mca = summarize_corruptions(labels, predicted, dict.fromkeys(predicted, 0)).mca
    assert mca.accuracy == pytest.approx(0.98)
    assert mca.low <= mca.accuracy <= mca.high


def test_the_order_of_predictions_changes_nothing_but_the_order_of_corruptions() -> None:
    backwards = summarize_corruptions(LABELS, dict(reversed(PREDICTED.items())), BLANK)
    assert backwards.corruptions["shear"] == summarize_corruptions(LABELS, PREDICTED, BLANK).corruptions["shear"]
    assert backwards.corruptions["shear"].severities == [0.8, 0.2]


@pytest.mark.parametrize(
    "missing",
    [[("clean", 0)], [("shear", 1)], [key for key in PREDICTED if key[1]]],
    ids=["no clean", "a hole", "clean alone"],
)
def test_incomplete_predictions_are_an_error(missing: list[tuple[str, int]]) -> None:
    left: Mapping[tuple[str, int], np.ndarray] = {key: own for key, own in PREDICTED.items() if key not in missing}
    with pytest.raises(ValueError, match="every corruption and severity"):
        summarize_corruptions(LABELS, left, BLANK)


def test_predictions_of_another_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="blur 1"):
        corruption_rows(LABELS, {("blur", 1): [1, 2, 3]}, {("blur", 1): 0})
    with pytest.raises(ValueError, match="at least one"):
        corruption_rows([], {("blur", 1): []}, {("blur", 1): 0})
