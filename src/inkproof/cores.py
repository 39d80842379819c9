"""The processor's cores, and what keeps processes side by side from getting in each other's way."""

import os
import sys

# What TensorFlow and the libraries under it read when they are loaded.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(processes: int) -> int:
    """Return how many cores there are for each of `processes`, at least one.

    As in joblib, -1 stands for a process a core, -2 for one fewer, and so on.
    """
    return max(1, cores() // (processes if processes > 0 else max(1, cores() + 1 + processes)))


def use_threads(count: int) -> None:
    """Let TensorFlow compute with `count` threads, where it is not loaded yet and the user has not set another number.

    Two trainings side by side with two threads each take half as long again as with one: every operation waits for
    that of its threads which has to share a core.
    """
    if "tensorflow" not in sys.modules:
        for name in _THREADS:
            os.environ.setdefault(name, str(count))
