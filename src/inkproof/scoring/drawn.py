"""The figures of one model on drawings, as `drawn.json` and `per_writer.csv` hold them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from inkproof.scoring.confusion import confusion_counts, per_class
from inkproof.scoring.intervals import wilson
from inkproof.scoring.writers import writer_bootstrap

# Below five hands a resample of writers says more about who happened to draw than about the model.
FEWEST_WRITERS = 5


def summarise_drawn(labels: npt.ArrayLike, predictions: npt.ArrayLike, writers: npt.ArrayLike) -> dict[str, Any]:
    """Return accuracy, low, high, interval and per_digit of one set of drawings read on one rung.

    All three arguments hold one value a drawing (N,): the digit meant, the digit read, the writer's name.
    `interval` says how low and high came about: "writers" (bootstrap over writers) from five writers on,
    else "wilson". A digit nobody drew has None in `per_digit`. Raises ValueError when there is no drawing or
    the lengths differ.
    """
    y, read, names = np.asarray(labels), np.asarray(predictions), np.asarray(writers)
    if not y.size or names.shape != y.shape:
        raise ValueError(f"expected drawings with one writer each, not {y.shape} and {names.shape}")
    classes = per_class(confusion_counts(y, read))
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


def summarise_set(
    labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike
) -> dict[str, Any]:
    """Return a set's whole entry of `drawn.json`: n, writers, interval and one summary a rung.

    `predictions` maps a rung's name to the digits read on it (N,). A set without drawings is {"n": 0}.
    """
    names = np.asarray(writers)
    if not names.size:
        return {"n": 0}
    rungs = {rung: summarise_drawn(labels, read, names) for rung, read in predictions.items()}
    intervals = {summary.pop("interval") for summary in rungs.values()}
    return {
        "n": int(names.size),
        "writers": int(np.unique(names).size),
        "interval": intervals.pop() if intervals else "wilson",
        **rungs,
    }


def per_writer(
    labels: npt.ArrayLike, predictions: Mapping[str, npt.ArrayLike], writers: npt.ArrayLike
) -> list[dict[str, Any]]:
    """Return one row a writer and rung, writers sorted by name: writer, rung, n, accuracy."""
    y, names = np.asarray(labels), np.asarray(writers)
    rows = []
    for writer in np.unique(names):
        own = names == writer
        for rung, read in predictions.items():
            hits = int((y[own] == np.asarray(read)[own]).sum())
            n = int(own.sum())
            rows.append({"writer": str(writer), "rung": rung, "n": n, "accuracy": hits / n})
    return rows
