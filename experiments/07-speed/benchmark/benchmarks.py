"""The rows of the benchmark by name: each yields what it measured, against what, and the target it has to clear."""

from collections.abc import Callable, Iterator

from benchmark.measured import Measured, Setting
from benchmark.training import augmentation, costs, memory, throughput, time_to_accuracy, tracking
from benchmark.waiting import pipeline, reading, starting, sweeps

BENCHMARKS: dict[str, Callable[[Setting], Iterator[Measured]]] = {
    "throughput": throughput,
    "tracking": tracking,
    "augmentation": augmentation,
    "accuracy": time_to_accuracy,
    "starting": starting,
    "pipeline": pipeline,
    "sweeps": sweeps,
    "reading": reading,
    "memory": memory,
    "costs": costs,
}
