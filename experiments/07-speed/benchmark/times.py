"""What a `Stopwatch` wrote, read without Keras."""

import json
from pathlib import Path
from typing import Any


def read_times(file: Path) -> dict[str, Any]:
    """Return what a `Stopwatch` wrote to `file`."""
    times: dict[str, Any] = json.loads(file.read_text())
    return times


def images_per_second(times: dict[str, Any], images: int) -> float:
    """Return images trained on a second over all epochs of `images` but the first, which builds the graph."""
    spans = [trained - begin for begin, trained in zip(times["begin"], times["trained"], strict=True)]
    return images * len(spans[1:]) / sum(spans[1:])


def seconds_per_epoch(times: dict[str, Any]) -> float:
    """Return how long an epoch takes from its beginning to the next one's, the first excepted."""
    begin = times["begin"]
    return (begin[-1] - begin[1]) / (len(begin) - 2)
