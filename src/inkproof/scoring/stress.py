"""The figures of one model under the stress suite: accuracy by corruption and severity, and their mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inkproof.scoring.intervals import wilson

COLUMNS = ("corruption", "severity", "n", "correct", "accuracy", "low", "high")


def stress_rows(labels: npt.ArrayLike, predictions: Mapping[tuple[str, int], npt.ArrayLike]) -> list[dict[str, Any]]:
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


def summarise_stress(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return n, clean, mca and corruptions of the rows of `stress_rows`; each but n has accuracy, low and high.

    `mca`, the mean corruption accuracy, is the mean over corruptions of the mean over severities, and clean
    canvases have no part in it: one minus the mean corruption error of MNIST-C, not related to any baseline.
    `corruptions` holds each corruption's mean, and under `severities` its accuracies from 1 on.

    The interval of a mean is that of a proportion of n digits, not of n readings for each cell: a digit that
    is hard under one corruption is hard under others, so its many readings count as one. Raises ValueError
    where the clean canvases, every corruption, or a corruption's severity is missing, or n differs.
    """
    cells = {(row["corruption"], row["severity"]): row for row in rows}
    clean = [row for row in rows if row["severity"] == 0]
    names = list(dict.fromkeys(row["corruption"] for row in rows if row["severity"]))
    grades = sorted({row["severity"] for row in rows} - {0})
    wanted = len(names) * len(grades)
    sizes = {int(row["n"]) for row in rows}
    if not wanted or len(clean) != 1 or len(rows) != wanted + 1 or len(cells) != len(rows) or len(sizes) != 1:
        raise ValueError("a stress table has one row for clean and for every corruption and severity, of one n")
    n = sizes.pop()
    accuracies = {name: [float(cells[name, severity]["accuracy"]) for severity in grades] for name in names}
    means = {name: float(np.mean(own)) for name, own in accuracies.items()}
    return {
        "n": n,
        "clean": {key: clean[0][key] for key in ("accuracy", "low", "high")},
        "mca": _mean(float(np.mean(list(means.values()))), n),
        "corruptions": {name: {**_mean(means[name], n), "severities": accuracies[name]} for name in names},
    }


def _mean(accuracy: float, n: int) -> dict[str, float]:
    low, high = wilson(round(accuracy * n), n)
    # Rounded to a whole digit, a mean near an end could lie outside by less than half a digit.
    return {"accuracy": accuracy, "low": min(low, accuracy), "high": max(high, accuracy)}
