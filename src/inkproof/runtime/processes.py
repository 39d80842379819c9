"""Cores, and processes that work for another one on this machine. They end with it, even if it was killed."""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from inkproof.runtime.errors import UserError

# What TensorFlow and the libraries under it read when they are loaded.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(processes: int) -> int:
    """Return how many cores there are for each of `processes`, at least one.

    As in joblib, -1 means a process a core, -2 for one fewer, and so on.
    """
    return max(1, cores() // (processes if processes > 0 else max(1, cores() + 1 + processes)))


def use_threads(count: int) -> None:
    """Let TensorFlow compute with `count` threads, where it is not loaded yet and the user has not set another number.

    Two trainings side by side with two threads each take half as long again as with one. Every operation waits for
    the thread that has to share a core.
    """
    if "tensorflow" not in sys.modules:
        for name in _THREADS:
            os.environ.setdefault(name, str(count))


PERIOD = 1.0  # seconds between two checks whether the parent still runs
_watching = threading.Lock()


def end_with_parent(parent: int) -> None:
    """End this process within seconds of the end of the process `parent`, if that started it; returns at once.

    When their executor is killed, joblib's workers finish the work they have, for minutes or hours, and wait for more.
    A study that was killed would compute on. Trainings that end here resume like any other killed training.
    """
    if os.getppid() != parent or not _watching.acquire(blocking=False):
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)  # at once: nobody waits for the result

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


AHEAD = 50  # calls a process that may be waiting or done: enough for few pauses, and little memory
IDLE = 5.0  # seconds after which a process without work ends

Result = TypeVar("Result")

# joblib warns when results are no longer wanted, as after Ctrl-C, and when it renews a process that has grown.
# Neither concerns the user.
warnings.filterwarnings("ignore", category=UserWarning, module=r"joblib\.")


def in_order(
    work: Sequence[Callable[[], Result]], workers: int, advice: str = "try data.workers=1"
) -> Generator[Result]:
    """Yield what each function of `work` returns, in order; with one worker they are called in this process.

    With more, functions and results go to and from other processes by pickle, never far ahead of what is taken. Raises
    UserError, which ends in `advice`, where such a process is ended from outside.
    """
    if workers == 1:
        for call in work:
            yield call()
        return
    # Imported here because it takes 0.09 s, and scripts that end within 0.2 s import this module.
    from joblib import Parallel, delayed

    # No more calls than its queue takes are given to joblib at once (pre_dispatch): killed with more, loky shows a
    # traceback. Arrays stay arrays, not files mapped into memory (max_nbytes).
    settings = {"pre_dispatch": "2*n_jobs", "batch_size": 1, "max_nbytes": None, "idle_worker_timeout": IDLE}
    try:
        with Parallel(workers, "loky", return_as="generator", **settings) as pool:
            # joblib computes whether results are taken or not, so it gets a part of the calls at a time.
            for first in range(0, len(work), AHEAD * workers):
                calls = work[first : first + AHEAD * workers]
                with _leaving_interrupts():
                    results = pool(delayed(_call)(call, os.getpid()) for call in calls)
                yield from results
    except BrokenProcessPool as error:
        raise UserError(f"a process was ended from outside, as happens when memory runs out; {advice}") from error


@contextmanager
def _leaving_interrupts() -> Iterator[None]:
    """Let processes that are started within leave interrupts to this one.

    Ctrl-C goes to all processes of a terminal; those that inherit that it is ignored do so for good.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change it
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _call(call: Callable[[], Result], parent: int) -> Result:
    if os.getppid() != parent:  # killed while this process began: its work is no longer wanted
        os._exit(1)
    end_with_parent(parent)
    return call()
