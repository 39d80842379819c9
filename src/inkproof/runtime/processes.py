"""Cores and worker processes of this machine. Workers end with their parent, even if it was killed."""

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

    As in joblib, -1 means one process per core, -2 one fewer, and so on.
    """
    return max(1, cores() // (processes if processes > 0 else max(1, cores() + 1 + processes)))


def use_threads(count: int) -> None:
    """Let TensorFlow compute with `count` threads, unless it is already loaded or the user has set another number.

    Two trainings at once take 1.5 times as long with two threads each as with one each. Every operation waits for the
    thread that has to share a core.
    """
    if "tensorflow" not in sys.modules:
        for name in _THREADS:
            os.environ.setdefault(name, str(count))


PERIOD = 1.0  # seconds between two checks whether the parent still runs
_watching = threading.Lock()


def end_with_parent(parent: int) -> None:
    """End this process within seconds after its `parent` (a process id) ends. Returns at once.

    Does nothing if `parent` did not start this process. When their executor is killed, joblib's workers finish their
    work, for minutes or hours, and wait for more: a killed study would go on. A training that ends here resumes like
    any other killed training.
    """
    if os.getppid() != parent or not _watching.acquire(blocking=False):
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)  # at once: nobody waits for the result

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


AHEAD = 50  # calls per process that may wait or be done: few pauses, little memory
IDLE = 5.0  # seconds after which a process without work ends
FEWER_WORKERS = "try data.source.workers=1 (download.py) or data.evaluation.workers=1 (preprocess.py)"

Result = TypeVar("Result")

# joblib warns when results are no longer wanted, as after Ctrl-C, and when it renews a process that has grown.
# Neither concerns the user.
warnings.filterwarnings("ignore", category=UserWarning, module=r"joblib\.")


def in_order(work: Sequence[Callable[[], Result]], workers: int, advice: str = FEWER_WORKERS) -> Generator[Result]:
    """Yield what each function of `work` returns, in order; with one worker they are called in this process.

    With more workers, functions and results are pickled. Few results are computed before they are needed. Raises
    UserError, which ends with `advice`, if a worker process is killed.
    """
    if workers == 1:
        for call in work:
            yield call()
        return
    # Imported here because it takes 0.09 s, and scripts that end within 0.2 s import this module.
    from joblib import Parallel, delayed

    # pre_dispatch: joblib gets only as many calls as its queue holds. With more, loky shows a traceback when it is
    # killed. max_nbytes: arrays stay arrays, not memory-mapped files.
    settings = {"pre_dispatch": "2*n_jobs", "batch_size": 1, "max_nbytes": None, "idle_worker_timeout": IDLE}
    try:
        with Parallel(workers, "loky", return_as="generator", **settings) as pool:
            # joblib computes results before they are needed, so it gets a part of the calls at a time.
            for first in range(0, len(work), AHEAD * workers):
                calls = work[first : first + AHEAD * workers]
                with _leaving_interrupts():
                    results = pool(delayed(_call)(call, os.getpid()) for call in calls)
                yield from results
    except BrokenProcessPool as error:
        raise UserError(f"a worker process was killed, perhaps because memory ran out; {advice}") from error


@contextmanager
def _leaving_interrupts() -> Iterator[None]:
    """Let processes that are started within the block ignore Ctrl-C.

    Ctrl-C goes to all processes of a terminal. The started ones inherit that it is ignored, and this one handles it.
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
    if os.getppid() != parent:  # the parent was killed while this process started
        os._exit(1)
    end_with_parent(parent)
    return call()
