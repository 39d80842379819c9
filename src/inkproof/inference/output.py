"""What people and programs get of a prediction: a line, a row of a CSV, how far the work is."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inkproof.data.pictures import SUFFIXES
from inkproof.inference.predict import Prediction, printable
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

COLUMNS = ("path", "digit", "probability", "second", "second_probability", "accepted")
EVERY = 1000  # pictures a line of progress, where there is no terminal for a bar
SHEET = 60  # pictures on a contact sheet: what one looks through; more are better looked up in the CSV


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
