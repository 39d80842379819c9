"""The benchmarks by name: each yields what it measured, against which baseline, and the target."""

from collections.abc import Callable, Iterator

from benchmark.measured import Measured, Setting
from benchmark.training import augmentation, costs, memory, throughput, time_to_accuracy, tracking
from benchmark.waiting import pipeline, prediction, starting, sweeps

BENCHMARKS: dict[str, Callable[[Setting], Iterator[Measured]]] = {
    "throughput": throughput,
    "tracking": tracking,
    "augmentation": augmentation,
    "accuracy": time_to_accuracy,
    "starting": starting,
    "pipeline": pipeline,
    "sweeps": sweeps,
    "prediction": prediction,
    "memory": memory,
    "costs": costs,
}
