"""The figures of test digits, of drawings and of the corruptions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from inkproof.evaluation.calibration import CLASSES, checked, expected_calibration_error, nll
from inkproof.evaluation.statistics import wilson, writer_bootstrap


def confusion_counts(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return counts (10, 10): row = the true digit, column = the digit read.

    Raises ValueError when the lengths differ or a value is not 0 to 9.
    """
    y, read = _digits(labels, predictions)
    return confusion_matrix(y, read, labels=range(CLASSES))


def per_class(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> list[dict[Any, Any]]:
    """Return one row a digit from labels and predictions (N,): digit, n, recall, precision, f1.

    Recall is the fraction of the digit's images read right, precision the fraction of its readings that are
    right; a fraction of nothing is None. Raises ValueError as `confusion_counts` does.
    """
    y, read = _digits(labels, predictions)
    precision, recall, f1, n = precision_recall_fscore_support(y, read, labels=range(CLASSES), zero_division=np.nan)
    rows = pd.DataFrame({"digit": range(CLASSES), "n": n, "recall": recall, "precision": precision, "f1": f1})
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def _digits(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    both = np.asarray(labels), np.asarray(predictions)
    if both[0].ndim != 1 or both[0].shape != both[1].shape or not np.isin(both, range(CLASSES)).all():
        raise ValueError(f"labels {both[0].shape} and predictions {both[1].shape} must be digits 0 to 9, one for one")
    return np.stack(both).astype(np.int64)


def summarize_test(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> dict[str, Any]:
    """Return n, errors, accuracy with its Wilson interval, nll (nats), ece and the accuracy of each digit.

    `probabilities` is (N, 10), `labels` (N,); accuracies are fractions. A digit that does not occur has None
    in `per_class`. Raises ValueError on wrong shapes, on values that are not finite, and without digits.
    """
    p, y = checked(probabilities, labels)
    read = p.argmax(axis=1)
    n = int(y.size)
    right = int((read == y).sum())
    low, high = wilson(right, n)
    loss = nll(p, y)
    return {
        "n": n,
        "errors": n - right,
        "accuracy": right / n,
        "accuracy_low": low,
        "accuracy_high": high,
        "nll": loss,
        "ece": expected_calibration_error(p, y),
        "per_class": {str(row["digit"]): row["recall"] for row in per_class(y, read)},
    }


# Below five hands a resample of writers says more about who happened to draw than about the model.
FEWEST_WRITERS = 5


def summarize_drawn(labels: npt.ArrayLike, predictions: npt.ArrayLike, writers: npt.ArrayLike) -> dict[str, Any]:
    """Return accuracy, low, high, interval and per_digit of one set of drawings read on one method.

    All three arguments hold one value a drawing (N,): the digit meant, the digit read, the writer's name.
    `interval` says how low and high came about: "writers" (bootstrap over writers) from five writers on,
    else "wilson". A digit nobody drew has None in `per_digit`. Raises ValueError when there is no drawing or
    the lengths differ.
    """
    y, read, names = np.asarray(labels), np.asarray(predictions), np.asarray(writers)
    if not y.size or names.shape != y.shape:
        raise ValueError(f"expected drawings with one writer each, not {y.shape} and {names.shape}")
    classes = per_class(y, read)
    right = y == read
    n, hits = int(y.size), int(right.sum())
    by_writer = np.unique(names).size >= FEWEST_WRITERS
    low, high = writer_bootstrap(right, names) if by_writer else wilson(hits, n)
    return {
        "accuracy": hits / n,
        "low": low,
        "high": high,
        "interval": "writers" if by_writer else "wilson",
        "per_digit": {str(row["digit"]): row["recall"] for row in classes},
    }


def summarize_set(
    labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike
) -> dict[str, Any]:
    """Return a set's whole entry of `drawn.json`: n, writers, interval and one summary a method.

    `predictions` maps a method's name to the digits read on it (N,). A set without drawings is {"n": 0}.
    """
    names = np.asarray(writers)
    if not names.size:
        return {"n": 0}
    methods = {method: summarize_drawn(labels, read, names) for method, read in predictions.items()}
    intervals = {summary.pop("interval") for summary in methods.values()}
    return {
        "n": int(names.size),
        "writers": int(np.unique(names).size),
        "interval": intervals.pop() if intervals else "wilson",
        **methods,
    }


def per_writer(
    labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike
) -> list[dict[Any, Any]]:
    """Return one row a writer and method, writers sorted by name: writer, method, n, accuracy."""
    y = np.asarray(labels)
    right = pd.DataFrame({"writer": writers, **{method: y == np.asarray(read) for method, read in predictions.items()}})
    by_method = right.melt("writer", var_name="method").groupby(["writer", "method"], sort=False)["value"]
    rows = by_method.agg(n="size", accuracy="mean").reset_index().sort_values("writer", kind="stable")
    return rows.to_dict("records")


COLUMNS = ("corruption", "severity", "n", "correct", "accuracy", "low", "high")


def corruption_rows(
    labels: npt.ArrayLike, predictions: Mapping[tuple[str, int], npt.ArrayLike]
) -> list[dict[str, Any]]:
    """Return one row (`COLUMNS`) for each corruption and severity, in the order of `predictions`.

    `labels` are the digits meant (N,), `predictions` the digits read (N,) by (corruption, severity), the clean
    canvases among them at severity 0. low and high are the Wilson interval. Raises ValueError without a digit,
    and where the lengths differ.
    """
    y = np.asarray(labels)
    if y.ndim != 1 or not y.size:
        raise ValueError(f"expected the labels (N,) of at least one digit, not {y.shape}")
    rows = []
    for (corruption, severity), read in predictions.items():
        answers = np.asarray(read)
        if answers.shape != y.shape:
            raise ValueError(f"{corruption} {severity}: expected predictions {y.shape}, not {answers.shape}")
        n, correct = int(y.size), int((answers == y).sum())
        low, high = wilson(correct, n)
        cell = (corruption, severity, n, correct, correct / n, low, high)
        rows.append(dict(zip(COLUMNS, cell, strict=True)))
    return rows


def summarize_corruptions(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return n, clean, mca and corruptions of the rows of `corruption_rows`; each but n has accuracy, low and high.

    `mca`, the mean corruption accuracy, is the mean over corruptions of the mean over severities, and clean
    canvases have no part in it: one minus the mean corruption error of MNIST-C, not related to any baseline.
    `corruptions` holds each corruption's mean, and under `severities` its accuracies from 1 on.

    The interval of a mean is that of a proportion of n digits, not of n readings for each cell: a digit that
    is hard under one corruption is hard under others, so its many readings count as one. Raises ValueError
    where the clean canvases, every corruption, or a corruption's severity is missing, or n differs.
    """
    table = pd.DataFrame(rows)
    clean, corrupted = table[table["severity"] == 0], table[table["severity"] > 0]
    grid = corrupted.groupby(["corruption", "severity"])["accuracy"].first().unstack()
    if (
        len(clean) != 1
        or not 0 < grid.size == len(corrupted)
        or grid.isna().any(axis=None)
        or table["n"].nunique() != 1
    ):
        raise ValueError("a corruptions table has one row for clean and for every corruption and severity, of one n")
    n = int(clean["n"].iloc[0])
    means = grid.mean(axis="columns").to_dict()
    return {
        "n": n,
        "clean": clean[["accuracy", "low", "high"]].iloc[0].to_dict(),
        "mca": _mean(float(np.mean(list(means.values()))), n),
        "corruptions": {
            name: {**_mean(means[name], n), "severities": grid.loc[name].tolist()}
            for name in corrupted["corruption"].unique()
        },
    }


def _mean(accuracy: float, n: int) -> dict[str, float]:
    low, high = wilson(round(accuracy * n), n)
    # Rounded to a whole digit, a mean near an end could lie outside by less than half a digit.
    return {"accuracy": accuracy, "low": min(low, accuracy), "high": max(high, accuracy)}
