"""Processes that work for another one of this machine: they end with it, even if it was killed."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

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
