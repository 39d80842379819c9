"""The times that a `Stopwatch` writes; this module needs no Keras."""

import json
from pathlib import Path
from typing import TypedDict


class Times(TypedDict):
    """The times of a training, in seconds since 1970.

    `first_batch` is the end of the first batch. The lists have one time for each epoch: its beginning, the end of its
    training batches and the end of its validation. `val_accuracy` is that of each epoch.
    """

    first_batch: float
    begin: list[float]
    trained: list[float]
    end: list[float]
    val_accuracy: list[float]


class WorkloadTimes(Times):
    """The times of a training, and when its process began."""

    began: float


def read_times(file: Path) -> Times:
    """Return the times that a `Stopwatch` wrote to `file`."""
    times: Times = json.loads(file.read_text())
    return times


def images_per_second(times: Times, images: int) -> float:
    """Return the trained images per second, over all epochs of `images` except the first, which builds the graph."""
    spans = [trained - begin for begin, trained in zip(times["begin"], times["trained"], strict=True)]
    return images * len(spans[1:]) / sum(spans[1:])


def seconds_per_epoch(times: Times) -> float:
    """Return the mean time from the beginning of an epoch to that of the next, without the first epoch."""
    begin = times["begin"]
    return (begin[-1] - begin[1]) / (len(begin) - 2)
