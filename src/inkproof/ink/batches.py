"""Work in several processes whose results come in the order of the work."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from inkproof.errors import UserError
from inkproof.workers import follow_parent

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
