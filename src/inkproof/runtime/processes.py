"""Cores, and processes that work for another one of this machine: they end with it, even if it was killed."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from inkproof.runtime.errors import UserError

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


PERIOD = 1.0  # seconds between two looks whether the parent is still there
_watching = threading.Lock()


def follow_parent() -> None:
    """Leave interrupts to the process that started this one, and end when that is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    _end_after(parent.join)


def end_with_parent(parent: int) -> None:
    """End this process within seconds of the end of the process `parent`, if that started it; returns at once.

    joblib's workers wait for more work when their executor is killed, and first finish what they have: minutes or hours
    in which a study that was killed computes on. What they leave is what any killed training leaves.
    """
    if os.getppid() != parent or not _watching.acquire(blocking=False):
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)

    _end_after(watch)


def _end_after(wait: Callable[[], None]) -> None:
    """End this process, whatever it is at, when `wait` returns in a thread of its own."""

    def end() -> None:
        wait()
        os._exit(1)  # nobody is left to work for

    threading.Thread(target=end, name="end-with-parent", daemon=True).start()


Result = TypeVar("Result")


def in_order(work: Sequence[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """Yield what each function of `work` returns, in order; with one worker they are called in this process.

    With more, functions and results go to and from other processes by pickle. Raises UserError where such a
    process is ended from outside.
    """
    if workers == 1:
        for call in work:
            yield call()
        return
    # A fresh interpreter for each: a forked copy of a process with threads, as TensorFlow's, may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=follow_parent)
    try:
        yield from pool.map(_call, work)
    except BrokenProcessPool as error:
        raise UserError(
            "a drawing process was ended from outside, as for want of memory; try data.workers=1"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _call(call: Callable[[], Result]) -> Result:
    return call()
