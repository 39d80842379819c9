import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from inkproof.evaluation.metrics import (
    confusion_counts,
    per_class,
    per_writer,
    summarize_drawn,
    summarize_forms,
    summarize_set,
    summarize_test,
)
from inkproof.evaluation.results import DrawnSet, TestSummary
from inkproof.evaluation.statistics import wilson, writer_bootstrap


def some_digits(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 10, n)
    return labels, np.where(rng.random(n) < 0.8, labels, rng.integers(0, 10, n))


def test_confusion_and_classes_are_those_of_scikit_learn() -> None:
    labels, predicted = some_digits()
    counts = confusion_counts(labels, predicted)
    assert (counts == confusion_matrix(labels, predicted, labels=range(10))).all()
    precision, recall, f1, n = precision_recall_fscore_support(labels, predicted, labels=range(10))
    rows = per_class(labels, predicted)
    for key, expected in (("precision", precision), ("recall", recall), ("f1", f1), ("n", n)):
        assert rows[key].tolist() == pytest.approx(expected)


def test_a_digit_that_does_not_occur_has_no_figures() -> None:
    rows = per_class([1, 1], [1, 2])
    assert rows.loc[[0, 2], "n"].tolist() == [0, 0]
    assert rows.loc[0, ["recall", "precision", "f1"]].isna().all()
    assert np.isnan(rows.loc[2, "recall"]) and rows.loc[2, ["precision", "f1"]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("labels", "predicted"), [([1, 2], [1]), ([1], [10]), ([-1], [1])])
def test_confusion_counts_reject_values_that_are_no_digits(labels: list[int], predicted: list[int]) -> None:
    with pytest.raises(ValueError, match=r"labels .*predictions"):
        confusion_counts(labels, predicted)


def test_summary_of_the_test_digits() -> None:
    labels = np.array([0, 1, 2, 2], np.uint8)
    probabilities = np.eye(10, dtype=np.float32)[[0, 1, 2, 7]] * 0.91 + 0.009
    summary = summarize_test(probabilities, labels)
    assert (summary.n, summary.errors, summary.accuracy) == (4, 1, 0.75)
    assert (summary.accuracy_low, summary.accuracy_high) == wilson(3, 4)
    assert summary.per_class["2"] == 0.5
    assert summary.per_class["9"] is None
    assert summary.ece == pytest.approx(0.919 - 0.75, abs=1e-6)
    assert TestSummary.model_validate(json.loads(json.dumps(summary.content()))) == summary


def test_test_digits_by_known_writers_have_an_interval_over_writers() -> None:
    labels, predicted = some_digits()
    writers = np.arange(400) % 20
    summary = summarize_test(np.eye(10)[predicted], labels, writers)
    assert (summary.writers, summary.interval) == (20, "writers")
    assert (summary.accuracy_low, summary.accuracy_high) == writer_bootstrap(predicted == labels, writers)
    unknown = summarize_test(np.eye(10)[predicted], labels)
    assert (unknown.writers, unknown.interval) == (0, "wilson")


def test_few_writers_get_wilson_and_five_get_the_bootstrap() -> None:
    labels, predicted = some_digits(200)
    for count, kind in ((1, "wilson"), (4, "wilson"), (5, "writers"), (14, "writers")):
        writers = np.arange(200) % count
        summary = summarize_drawn(labels, predicted, writers)
        hits = labels == predicted
        expected = wilson(int(hits.sum()), 200) if kind == "wilson" else writer_bootstrap(hits, writers)
        assert summarize_set(labels, {"classic": predicted}, writers).interval == kind
        assert (summary.low, summary.high) == expected
        assert summary.accuracy == hits.mean()


def test_a_set_has_a_result_for_each_method() -> None:
    labels, predicted = some_digits(60)
    entry = summarize_set(labels, {"tutorial": predicted, "mnist_style": labels}, ["ann"] * 60)
    assert (entry.n, entry.writers, entry.interval) == (60, 1, "wilson")
    assert list(entry.methods) == ["tutorial", "mnist_style"]
    assert entry.methods["mnist_style"].accuracy == 1.0
    assert entry.methods["tutorial"].accuracy < 1.0
    assert list(entry.content()) == ["n", "writers", "interval", "tutorial", "mnist_style"]
    assert list(entry.content()["tutorial"]) == ["accuracy", "low", "high", "per_digit"]
    assert DrawnSet.model_validate(json.loads(json.dumps(entry.content()))) == entry


def test_an_empty_set_is_only_counted() -> None:
    assert summarize_set([], {"mnist_style": []}, []).content() == {"n": 0}
    with pytest.raises(ValueError, match="drawings"):
        summarize_drawn([], [], [])


def test_writers_one_by_one() -> None:
    rows = per_writer([1, 2, 3], {"tutorial": [1, 0, 0], "mnist_style": [1, 2, 0]}, ["bob", "ann", "bob"])
    assert rows.to_dict("records") == [
        {"writer": "ann", "method": "tutorial", "n": 1, "accuracy": 0.0},
        {"writer": "ann", "method": "mnist_style", "n": 1, "accuracy": 1.0},
        {"writer": "bob", "method": "tutorial", "n": 2, "accuracy": 0.5},
        {"writer": "bob", "method": "mnist_style", "n": 2, "accuracy": 0.5},
    ]


def test_drawings_are_counted_by_the_form_of_their_digit() -> None:
    ids, correct, writers = ["a", "b", "c", "d"], [True, False, True, True], ["v", "v", "w", "w"]
    found = summarize_forms(
        ids, correct, writers, {"slashed_0": {"a", "b"}, "open_4": {"b", "d", "e"}, "barred_7": {"e"}}
    )
    assert {form: (own.n, own.accuracy) for form, own in found.items()} == {"slashed_0": (2, 0.5), "open_4": (2, 0.5)}
    assert all(own.low <= 0.5 <= own.high for own in found.values())
