"""Work in several processes whose results come in the order of the work."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from inkproof.errors import UserError

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
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent)
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


def _follow_parent() -> None:
    """Leave interrupts to the parent, and end when it is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
