"""The progress of long work on stderr: a bar on a terminal, lines elsewhere. Also the console for tables."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
    track,
)

Thing = TypeVar("Thing")
WIDTH = 120  # characters per line without a terminal: Rich takes 80, which wraps names


def say(line: str) -> None:
    """Print one line to standard error at once, so that a pipeline's log shows it while it happens."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def meter(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of bytes that arrived; `total` is their number, or None if unknown."""
    if sys.stderr.isatty():
        with _bar(label, total, DownloadColumn(), TransferSpeedColumn()) as advance:
            yield advance
        return
    began, came = time.monotonic(), 0

    def count(size: int) -> None:
        nonlocal came
        came += size

    yield count
    size = f"{came / 1e6:.1f} MB" if came >= 1e6 else f"{came / 1e3:.1f} kB"
    say(f"{label}: {size} in {time.monotonic() - began:.1f} s")


@contextmanager
def tally(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of things, of `total`, made since the last call."""
    if sys.stderr.isatty():
        with _bar(label, total, MofNCompleteColumn()) as advance:
            yield advance
        return
    began = time.monotonic()
    yield lambda count: None
    say(f"{label}: {total:,} in {time.monotonic() - began:.1f} s")


@contextmanager
def counted(label: str, what: str, total: int, many: int, every: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` things, called `what`.

    On a terminal, `many` of them or more get a bar, which disappears at the end. Elsewhere there is a line for every
    `every` of them.
    """
    if sys.stderr.isatty() and total >= many:
        with _bar(label, total, MofNCompleteColumn(), transient=True) as advance:
            yield lambda: advance(1)
        return
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done % every == 0:
            say(f"{done:,} of {total:,} {what}")

    yield count


def passed_on(label: str, things: Sequence[Thing]) -> Iterable[Thing]:
    """Return `things` as an iterable that shows a bar on a terminal, and nothing elsewhere."""
    return track(things, label, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@contextmanager
def _bar(
    label: str, total: int | None, *columns: ProgressColumn, transient: bool = False
) -> Iterator[Callable[[int], None]]:
    shown = (TextColumn("{task.description}", markup=False), BarColumn(), *columns, TimeRemainingColumn())
    # Lines on the same terminal go above the bar. Lines to a file or a pipe must stay there.
    above = sys.stdout.isatty()
    with Progress(*shown, console=Console(stderr=True), transient=transient, redirect_stdout=above) as progress:
        task = progress.add_task(label, total=total)
        yield lambda size: progress.update(task, advance=size)


def table_console() -> Console:
    """Return a console for tables: as wide as the terminal or COLUMNS, else WIDTH characters."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console
