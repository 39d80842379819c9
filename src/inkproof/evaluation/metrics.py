"""The figures of test digits, of drawings and of the corruptions."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from inkproof.evaluation.calibration import CLASSES, checked, expected_calibration_error, nll
from inkproof.evaluation.results import (
    Accuracy,
    Corruption,
    CorruptionsResult,
    DrawnSet,
    FormResult,
    MethodResult,
    TestSummary,
)
from inkproof.evaluation.statistics import interval_of, number_of, share_interval


def confusion_counts(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return counts (10, 10): row = the true digit, column = the predicted digit.

    Raises ValueError when the lengths differ or a value is not 0 to 9.
    """
    y, predicted = _digits(labels, predictions)
    return confusion_matrix(y, predicted, labels=range(CLASSES))


def per_class(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> pd.DataFrame:
    """Return one row per digit from labels and predictions (N,): digit, n, recall, precision, f1.

    Recall is the fraction of the digit's images that are classified correctly, precision the fraction of its
    predictions that are correct. A fraction of nothing is NaN. Raises ValueError as `confusion_counts` does.
    """
    both = _digits(labels, predictions)
    precision, recall, f1, n = precision_recall_fscore_support(*both, labels=range(CLASSES), zero_division=np.nan)
    return pd.DataFrame({"digit": range(CLASSES), "n": n, "recall": recall, "precision": precision, "f1": f1})


def _recall(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> dict[str, float | None]:
    """Return the recall of each digit, None for a digit that does not occur."""
    recall = per_class(labels, predictions)["recall"]
    return {str(digit): None if np.isnan(value) else value for digit, value in enumerate(recall)}


def _digits(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    both = np.asarray(labels), np.asarray(predictions)
    if both[0].ndim != 1 or both[0].shape != both[1].shape or not np.isin(both, range(CLASSES)).all():
        raise ValueError(f"labels {both[0].shape} and predictions {both[1].shape} must be digits 0 to 9, one for one")
    return np.stack(both).astype(np.int64)


def summarize_test(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, writers: npt.ArrayLike | None = None
) -> TestSummary:
    """Return the figures of test digits; accuracies are fractions. See `interval_of` for their interval.

    `probabilities` is (N, 10), `labels` (N,), `writers` (N,) who wrote each digit, if that is known. Raises ValueError
    on wrong shapes, on values that are not finite, and without digits.
    """
    p, y = checked(probabilities, labels)
    predicted = p.argmax(axis=1)
    correct = predicted == y
    low, high = share_interval(correct, writers)
    return TestSummary(
        n=y.size,
        writers=number_of(writers),
        interval=interval_of(writers),
        errors=int((~correct).sum()),
        accuracy=float(correct.mean()),
        accuracy_low=low,
        accuracy_high=high,
        nll=nll(p, y),
        ece=expected_calibration_error(p, y),
        per_class=_recall(y, predicted),
    )


def summarize_drawn(labels: npt.ArrayLike, predictions: npt.ArrayLike, writers: npt.ArrayLike) -> MethodResult:
    """Return the figures of one set of drawings by one preprocessing method.

    All three arguments hold one value a drawing (N,): the digit meant, the predicted digit, the writer's name. See
    `interval_of` for the interval. Raises ValueError when there is no drawing or the lengths differ.
    """
    y, predicted, names = np.asarray(labels), np.asarray(predictions), np.asarray(writers)
    if not y.size or names.shape != y.shape:
        raise ValueError(f"expected drawings with one writer each, not {y.shape} and {names.shape}")
    correct = y == predicted
    low, high = share_interval(correct, names)
    return MethodResult(accuracy=float(correct.mean()), low=low, high=high, per_digit=_recall(y, predicted))


def summarize_set(labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike) -> DrawnSet:
    """Return a set's entry of `drawn.json`; `predictions` maps a preprocessing method to the predicted digits (N,)."""
    names = np.asarray(writers)
    if not names.size:
        return DrawnSet(n=0)
    methods = {method: summarize_drawn(labels, predicted, names) for method, predicted in predictions.items()}
    found = {"n": int(names.size), "writers": number_of(names), "interval": interval_of(names)}
    return DrawnSet.model_validate(found | methods)


def summarize_forms(
    ids: npt.ArrayLike, correct: npt.ArrayLike, writers: npt.ArrayLike, forms: Mapping[str, set[str]]
) -> dict[str, FormResult]:
    """Return the accuracy on the drawings of each form that occurs; `forms` has their ids.

    `ids`, `correct` and `writers` hold one value a drawing (N,). See `interval_of` for the interval.
    """
    found = {}
    for form, own in forms.items():
        of = np.isin(ids, list(own))
        if of.any():
            hits = np.asarray(correct)[of]
            low, high = share_interval(hits, np.asarray(writers)[of])
            found[form] = FormResult(n=hits.size, accuracy=float(hits.mean()), low=low, high=high)
    return found


def per_writer(labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike) -> pd.DataFrame:
    """Return one row per writer and method, writers sorted by name: writer, method, n, accuracy."""
    y = np.asarray(labels)
    correct = pd.DataFrame({"writer": writers, **{method: y == np.asarray(own) for method, own in predictions.items()}})
    by_method = correct.melt("writer", var_name="method").groupby(["writer", "method"], sort=False)["value"]
    return by_method.agg(n="size", accuracy="mean").reset_index().sort_values("writer", kind="stable")


Cells = Mapping[tuple[str, int], npt.ArrayLike]
"""The predicted digits (N,) by corruption and severity, those of clean canvases at severity 0."""


def corruption_rows(
    labels: npt.ArrayLike,
    predictions: Cells,
    blank: Mapping[tuple[str, int], int],
    writers: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Return one row for each corruption and severity, in the order of `predictions`, with the number correct.

    `labels` are the digits meant (N,), `blank` the numbers of images without ink, and `writers` (N,) who wrote each
    digit, if that is known. low and high are the interval, see `interval_of`. Raises ValueError without a digit, and if
    the lengths differ.
    """
    correct = _correct(labels, predictions)
    rows = []
    for (corruption, severity), own in correct.items():
        hits, interval = int(own.sum()), share_interval(own, writers)
        rows.append((corruption, severity, own.size, hits, own.mean(), *interval, blank[corruption, severity]))
    return pd.DataFrame(rows, columns=["corruption", "severity", "n", "correct", "accuracy", "low", "high", "blank"])


def summarize_corruptions(
    labels: npt.ArrayLike,
    predictions: Cells,
    blank: Mapping[tuple[str, int], int],
    writers: npt.ArrayLike | None = None,
) -> CorruptionsResult:
    """Return the means over corruptions and severities. Arguments as for `corruption_rows`.

    `mca`, the mean corruption accuracy, is the mean over corruptions of the mean over severities. Clean canvases have
    no part in it. It is one minus the mean corruption error of MNIST-C, not related to any baseline.

    The interval of a mean is that of the means of n digits, not of n digits for each corruption and severity: a digit
    that is hard under one corruption is hard under others. Raises ValueError if the clean canvases, every corruption,
    or a corruption's severity is missing.
    """
    correct = _correct(labels, predictions)
    names = list(dict.fromkeys(name for name, severity in correct if severity))
    levels = sorted({severity for _, severity in correct if severity})
    if not names or set(correct) != {("clean", 0), *product(names, levels)}:
        raise ValueError("corruptions need predictions for clean, 0 and for every corruption and severity")
    means = {name: np.mean([correct[name, level] for level in levels], axis=0) for name in names}

    def accuracy(values: npt.NDArray[np.floating]) -> Accuracy:
        low, high = share_interval(values, writers)
        return Accuracy(accuracy=float(values.mean()), low=low, high=high)

    return CorruptionsResult(
        n=correct["clean", 0].size,
        writers=number_of(writers),
        interval=interval_of(writers),
        clean=accuracy(correct["clean", 0]),
        mca=accuracy(np.mean(list(means.values()), axis=0)),
        corruptions={
            name: Corruption(
                **dict(accuracy(means[name])),
                severities=[float(correct[name, level].mean()) for level in levels],
                blank=[blank[name, level] for level in levels],
            )
            for name in names
        },
    )


def _correct(labels: npt.ArrayLike, predictions: Cells) -> dict[tuple[str, int], npt.NDArray[np.float64]]:
    """Return by corruption and severity which digits (N,) are classified correctly, as 0.0 and 1.0."""
    y = np.asarray(labels)
    if y.ndim != 1 or not y.size:
        raise ValueError(f"expected the labels (N,) of at least one digit, not {y.shape}")
    found = {}
    for (corruption, severity), own in predictions.items():
        if np.shape(own) != y.shape:
            raise ValueError(f"{corruption} {severity}: expected predictions {y.shape}, not {np.shape(own)}")
        found[corruption, severity] = (np.asarray(own) == y).astype(np.float64)
    return found
