"""How a download or a long making shows itself: a bar on a terminal, one line elsewhere; on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """Print one line to standard error at once, so that a pipeline's log shows it while it happens."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def meter(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many bytes came; `total` is their number where it is known."""
    if sys.stderr.isatty():
        with _bar(label, total) as advance:
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
    """Yield a function that is told how many of `total` things were made since it was last called."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
            task = progress.add_task(label, total=total)
            yield lambda count: progress.update(task, advance=count)
        return
    began = time.monotonic()
    yield lambda count: None
    say(f"{label}: {total:,} in {time.monotonic() - began:.1f} s")


@contextmanager
def _bar(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    # Imported here: rich takes a tenth of a second that a run without a terminal need not pay.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda size: progress.update(task, advance=size)
