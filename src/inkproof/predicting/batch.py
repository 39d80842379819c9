"""Many pictures, in several processes where that pays; the order is kept."""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from inkproof.cores import cores
from inkproof.errors import UserError
from inkproof.exporting.canvas_reader import Reader, open_reader
from inkproof.predicting.prediction import Prediction, Unreadable, predict_picture
from inkproof.workers import follow_parent

MANY = 200  # pictures from which on more processes pay for their start of half a second
CHUNK = 16  # pictures handed over at a time: a tenth of a second's work, so that results and Ctrl-C come soon
AHEAD = 3  # chunks a process that may wait or be finished: enough for none to be idle
_MOST = 4  # each process takes a hundred megabytes

Result = Prediction | Unreadable


def predict_pictures(
    paths: Sequence[str], model: Path, keep: int = 0, processes: int | None = None
) -> Generator[Result]:
    """Return a generator of what `model` reads on each of the pictures, in their order, each as soon as it is known.

    Args:
        paths: the pictures; one that cannot be read gives an `Unreadable`.
        model: a file for `open_reader`.
        keep: so many predictions, from the first, keep their canvas and what the network saw.
        processes: how many read at the same time; chosen by their number and the machine's cores if not given.
            Each imports the main module, which therefore must be guarded as `multiprocessing` asks for.

    Raises:
        UserError: the model cannot be used (before anything is read), or a process was killed.
    """
    reader = open_reader(model)
    if processes is None:
        processes = min(cores(), _MOST) if len(paths) >= MANY else 1
    if processes > 1:
        return _predict_in_processes(paths, model, keep, processes)
    return (predict_picture(path, reader, number < keep) for number, path in enumerate(paths))


def _predict_in_processes(paths: Sequence[str], model: Path, keep: int, processes: int) -> Generator[Result]:
    waiting: deque[Future[list[Result]]] = deque()
    try:
        with _pool(model, processes) as pool:
            for first in range(0, len(paths), CHUNK):
                # A process starts with the first chunk that no other is free for. It inherits that Ctrl-C, which
                # the terminal sends to all, is ignored: this process alone answers it.
                with _ignoring_interrupts(first < processes * CHUNK):
                    waiting.append(pool.submit(_predict_chunk, paths[first : first + CHUNK], keep - first))
                if len(waiting) >= AHEAD * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError(
            "a process that read pictures was ended from outside, as happens when memory runs out; "
            "give fewer pictures at a time"
        ) from None


@contextmanager
def _pool(model: Path, processes: int) -> Iterator[ProcessPoolExecutor]:
    # Started anew and not forked: a fork copies locks that the interpreter's threads may hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _start, (model,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ignoring_interrupts(wanted: bool) -> Iterator[None]:
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change it
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_reader: Reader  # of a process that reads


def _start(model: Path) -> None:
    global _reader
    follow_parent()
    _reader = open_reader(model)


def _predict_chunk(paths: Sequence[str], keep: int) -> list[Result]:
    return [predict_picture(path, _reader, number < keep) for number, path in enumerate(paths)]
