"""What people and programs get of a prediction: a line, a row of a CSV, how far the work is."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inkproof.atomic import replacing
from inkproof.errors import UserError
from inkproof.predicting.batch import MANY
from inkproof.predicting.prediction import Prediction, printable
from inkproof.sources.pictures import SUFFIXES

COLUMNS = ("path", "digit", "probability", "second", "second_probability", "accepted")
EVERY = 1000  # pictures a line of progress, where there is no terminal for a bar


def line(prediction: Prediction, width: int = 0) -> str:
    """Return the line for people: the path on `width` columns, then the digit and the runner-up, or that it is none."""
    name = f"{printable(prediction.path):<{width}}"
    if not prediction.accepted:
        return f"{name}  not a digit (perhaps {prediction.digit}, {prediction.probability:.0%})"
    return (
        f"{name}  {prediction.digit}  {prediction.probability:6.1%}  "
        f"then {prediction.second}, {prediction.second_probability:.1%}"
    )


@contextmanager
def csv_rows(path: Path) -> Iterator[Callable[[Prediction], None]]:
    """Yield a function that writes a prediction as a row; the file appears, whole, when the block ends well.

    `digit` is the best guess whether accepted or not. The text is UTF-8; bytes of a path that are no UTF-8 are
    written as \\udc80 to \\udcff, the codes by which Python knows them.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)

        def write(one: Prediction) -> None:
            probabilities = f"{one.probability:.6f}", f"{one.second_probability:.6f}"
            accepted = str(one.accepted).lower()
            writer.writerow((one.path, one.digit, probabilities[0], one.second, probabilities[1], accepted))

        yield write


def check_out(path: Path, picture: bool) -> None:
    """Raise UserError where a result must not be written: over a folder, a device, or a picture that is no result.

    `picture` says whether the result is one, which is then a PNG.
    """
    suffix = path.suffix.lower()
    if picture and suffix != ".png":
        raise UserError(f"{path}: the contact sheet is a PNG; give it a name that ends in .png")
    if not picture and suffix in SUFFIXES:
        raise UserError(f"{path}: has the name of a picture, which the table would overwrite; end it in .csv")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a file, so it cannot be written over; give another name")


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` pictures, which shows on stderr how far the work is.

    Many pictures get a bar on a terminal, and a line a thousand elsewhere.
    """
    if sys.stderr.isatty() and total >= MANY:
        with _bar(total) as advance:
            yield advance
        return
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done % EVERY == 0:
            print(f"{done:,} of {total:,} pictures", file=sys.stderr, flush=True)

    yield count


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    # Imported here: rich takes a tenth of a second that few pictures need not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Lines for the same terminal go above the bar; those for a file or a pipe must go where they belong.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
