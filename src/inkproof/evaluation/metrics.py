"""The figures of test digits, of drawings and of the corruptions."""

from collections.abc import Mapping

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
    Interval,
    MethodResult,
    TestSummary,
)
from inkproof.evaluation.statistics import wilson, writer_bootstrap


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


def summarize_test(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> TestSummary:
    """Return the figures of test digits; accuracies are fractions, with their Wilson interval.

    `probabilities` is (N, 10), `labels` (N,). Raises ValueError on wrong shapes, on values that are not finite, and
    without digits.
    """
    p, y = checked(probabilities, labels)
    predicted = p.argmax(axis=1)
    n = int(y.size)
    correct = int((predicted == y).sum())
    low, high = wilson(correct, n)
    return TestSummary(
        n=n,
        errors=n - correct,
        accuracy=correct / n,
        accuracy_low=low,
        accuracy_high=high,
        nll=nll(p, y),
        ece=expected_calibration_error(p, y),
        per_class=_recall(y, predicted),
    )


# With fewer than five writers a resample of them shows who happened to draw, more than how good the model is.
FEWEST_WRITERS = 5


def interval_of(writers: npt.ArrayLike) -> Interval:
    """Return where the interval of drawings by these writers (N,) comes from.

    That is "writers", a bootstrap over writers, from five writers on, else "wilson".
    """
    return "writers" if np.unique(np.asarray(writers)).size >= FEWEST_WRITERS else "wilson"


def summarize_drawn(labels: npt.ArrayLike, predictions: npt.ArrayLike, writers: npt.ArrayLike) -> MethodResult:
    """Return the figures of one set of drawings by one preprocessing method.

    All three arguments hold one value a drawing (N,): the digit meant, the predicted digit, the writer's name. See
    `interval_of` for the interval. Raises ValueError when there is no drawing or the lengths differ.
    """
    y, predicted, names = np.asarray(labels), np.asarray(predictions), np.asarray(writers)
    if not y.size or names.shape != y.shape:
        raise ValueError(f"expected drawings with one writer each, not {y.shape} and {names.shape}")
    correct = y == predicted
    n, hits = int(y.size), int(correct.sum())
    low, high = writer_bootstrap(correct, names) if interval_of(names) == "writers" else wilson(hits, n)
    return MethodResult(accuracy=hits / n, low=low, high=high, per_digit=_recall(y, predicted))


def summarize_set(labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike) -> DrawnSet:
    """Return a set's entry of `drawn.json`; `predictions` maps a preprocessing method to the predicted digits (N,)."""
    names = np.asarray(writers)
    if not names.size:
        return DrawnSet(n=0)
    methods = {method: summarize_drawn(labels, predicted, names) for method, predicted in predictions.items()}
    found = {"n": int(names.size), "writers": int(np.unique(names).size), "interval": interval_of(names)}
    return DrawnSet.model_validate(found | methods)


def per_writer(labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike) -> pd.DataFrame:
    """Return one row per writer and method, writers sorted by name: writer, method, n, accuracy."""
    y = np.asarray(labels)
    correct = pd.DataFrame({"writer": writers, **{method: y == np.asarray(own) for method, own in predictions.items()}})
    by_method = correct.melt("writer", var_name="method").groupby(["writer", "method"], sort=False)["value"]
    return by_method.agg(n="size", accuracy="mean").reset_index().sort_values("writer", kind="stable")


def corruption_rows(
    labels: npt.ArrayLike,
    predictions: Mapping[tuple[str, int], npt.ArrayLike],
    blank: Mapping[tuple[str, int], int],
) -> pd.DataFrame:
    """Return one row for each corruption and severity, in the order of `predictions`, with the number correct.

    `labels` are the digits meant (N,), `predictions` the predicted digits (N,) by (corruption, severity), the clean
    canvases among them at severity 0, and `blank` the numbers of images without ink. low and high are the Wilson
    interval. Raises ValueError without a digit, and if the lengths differ.
    """
    y = np.asarray(labels)
    if y.ndim != 1 or not y.size:
        raise ValueError(f"expected the labels (N,) of at least one digit, not {y.shape}")
    n = int(y.size)
    rows = []
    for (corruption, severity), own in predictions.items():
        predicted = np.asarray(own)
        if predicted.shape != y.shape:
            raise ValueError(f"{corruption} {severity}: expected predictions {y.shape}, not {predicted.shape}")
        correct = int((predicted == y).sum())
        rows.append((corruption, severity, n, correct, correct / n, *wilson(correct, n), blank[corruption, severity]))
    return pd.DataFrame(rows, columns=["corruption", "severity", "n", "correct", "accuracy", "low", "high", "blank"])


def summarize_corruptions(table: pd.DataFrame) -> CorruptionsResult:
    """Return the means of a `table` of `corruption_rows`.

    `mca`, the mean corruption accuracy, is the mean over corruptions of the mean over severities. Clean canvases have
    no part in it. It is one minus the mean corruption error of MNIST-C, not related to any baseline.

    The interval of a mean is that of a proportion of n digits, not of n digits for each corruption and severity: a
    digit that is hard under one corruption is hard under others. Raises ValueError if the clean canvases, every
    corruption, or a corruption's severity is missing, or n differs.
    """
    clean, corrupted = table[table["severity"] == 0], table[table["severity"] > 0]
    grid, blank = (
        corrupted.groupby(["corruption", "severity"])[column].first().unstack() for column in ("accuracy", "blank")
    )
    if (
        len(clean) != 1
        or not 0 < grid.size == len(corrupted)
        or grid.isna().any(axis=None)
        or table["n"].nunique() != 1
    ):
        raise ValueError("a corruptions table has one row for clean and for every corruption and severity, of one n")
    n = int(clean["n"].iloc[0])
    means = grid.mean(axis="columns").to_dict()
    return CorruptionsResult(
        n=n,
        clean=Accuracy(**{str(key): value for key, value in clean[["accuracy", "low", "high"]].iloc[0].items()}),
        mca=_mean(float(np.mean(list(means.values()))), n),
        corruptions={
            name: Corruption(
                **dict(_mean(means[name], n)), severities=grid.loc[name].tolist(), blank=blank.loc[name].tolist()
            )
            for name in corrupted["corruption"].unique()
        },
    )


def _mean(accuracy: float, n: int) -> Accuracy:
    low, high = wilson(round(accuracy * n), n)
    # Rounded to a whole digit, a mean near an end could lie outside by less than half a digit.
    return Accuracy(accuracy=accuracy, low=min(low, accuracy), high=max(high, accuracy))
