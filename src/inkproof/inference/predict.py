"""From paths to predictions, and what is told of them: images found and read, in order; lines, rows of a CSV."""

import csv
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkproof.data.images import SUFFIXES, numeric
from inkproof.exporting.readers import Reader, open_reader
from inkproof.preprocessing.canvas import to_canvas
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.processes import cores, in_order


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model reads on an image.

    Attributes:
        path: the image, as it was found.
        digit, probability: the best guess, whether accepted or not.
        second, second_probability: the runner-up.
        accepted: whether the model takes the image for a digit at all.
        canvas, seen: uint8 (280, 280) and (28, 28), the image and what the network saw of it; None unless kept.
    """

    path: str
    digit: int
    probability: float
    second: int
    second_probability: float
    accepted: bool
    canvas: NDArray[np.uint8] | None = None
    seen: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that gives no prediction, and why, in a few words."""

    path: str
    reason: str


def predict_image(path: str, reader: Reader, keep: bool = False) -> Prediction | Unreadable:
    """Read the image at `path`; `keep` keeps its canvas and what the network saw."""
    try:
        canvas = to_canvas(path, "it")
    except UserError as error:
        return Unreadable(path, str(error).removeprefix("it cannot be read: "))
    readings = reader.read(canvas[np.newaxis])
    probabilities = readings.probabilities[0]
    second, first = np.argsort(probabilities, kind="stable")[-2:].tolist()
    return Prediction(
        path,
        first,
        float(probabilities[first]),
        second,
        float(probabilities[second]),
        bool(readings.accepted[0]),
        canvas if keep else None,
        readings.seen[0] if keep else None,
    )


def printable(path: str) -> str:
    """Return `path` fit for one line of any terminal: line ends, control signs and bytes that are no text escaped."""
    if path.isprintable():
        return path
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)


def find_images(paths: Sequence[str], leave_out: Path | None = None) -> tuple[list[str], list[Unreadable]]:
    """Return the images that `paths` mean, in the order of `paths`, and the folders that give none.

    What is no folder is taken as an image, whatever its name and whether it exists: reading it will tell. A
    folder is walked, in numeric order (digit2.png before digit10.png), for files with an image's suffix; hidden
    files and folders are passed over, and so is `leave_out`, the contact sheet of an earlier call.
    """
    images: list[str] = []
    corruptions: list[Unreadable] = []
    for path in paths:
        if not path or not Path(path).is_dir():
            images.append(path)
            continue
        unread: list[OSError] = []
        found = _walk(path, unread)
        corruptions += [Unreadable(str(error.filename), error.strerror or "cannot be read") for error in unread]
        if leave_out is not None:
            found = [name for name in found if not _same(name, leave_out)]
        if not found and not unread:
            corruptions.append(Unreadable(path, f"holds no images ({', '.join(suffix[1:] for suffix in SUFFIXES)})"))
        images += found
    return images, corruptions


def _walk(folder: str, unread: list[OSError]) -> list[str]:
    found = []
    for parent, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)  # noqa: PTH118  (as it was typed: a Path drops the ./ at its head)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and Path(path).is_file():
                found.append(path)
    return sorted(found, key=lambda path: (numeric(path), path))


def _same(path: str, other: Path) -> bool:
    return Path(path).name == other.name and Path(path).resolve() == other.resolve()


MANY = 200  # images from which on more processes pay for their start of half a second
CHUNK = 16  # images handed over at a time: a tenth of a second's work, so that results and Ctrl-C come soon
_MOST = 4  # each process takes a hundred megabytes

Result = Prediction | Unreadable


def predict_images(paths: Sequence[str], model: Path, keep: int = 0, processes: int | None = None) -> Generator[Result]:
    """Return a generator of what `model` reads on each of the images, in their order, each as soon as it is known.

    Args:
        paths: the images; one that cannot be read gives an `Unreadable`.
        model: a file for `open_reader`.
        keep: so many predictions, from the first, keep their canvas and what the network saw.
        processes: how many read at the same time; chosen by their number and the machine's cores if not given.

    Raises:
        UserError: the model cannot be used (before anything is read), or a process was killed.
    """
    reader = open_reader(model)
    if processes is None:
        processes = min(cores(), _MOST) if len(paths) >= MANY else 1
    if processes > 1:
        return _predict_in_processes(paths, model, keep, processes)
    return (predict_image(path, reader, number < keep) for number, path in enumerate(paths))


def _predict_in_processes(paths: Sequence[str], model: Path, keep: int, processes: int) -> Generator[Result]:
    chunks = [
        partial(_predict_chunk, model, paths[first : first + CHUNK], keep - first)
        for first in range(0, len(paths), CHUNK)
    ]
    for results in in_order(chunks, processes, "give fewer images at a time"):
        yield from results


_reader = cache(open_reader)  # each process opens the model once


def _predict_chunk(model: Path, paths: Sequence[str], keep: int) -> list[Result]:
    return [predict_image(path, _reader(model), number < keep) for number, path in enumerate(paths)]


# What people and programs get of a prediction.

COLUMNS = ("path", "digit", "probability", "second", "second_probability", "accepted")
EVERY = 1000  # images a line of progress, where there is no terminal for a bar
SHEET = 60  # images on a contact sheet: what one looks through; more are better looked up in the CSV


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


def check_out(path: Path, image: bool) -> None:
    """Raise UserError where a result must not be written: over a folder, a device, or an image that is no result.

    `image` says whether the result is one, which is then a PNG.
    """
    suffix = path.suffix.lower()
    if image and suffix != ".png":
        raise UserError(f"{path}: the contact sheet is a PNG; give it a name that ends in .png")
    if not image and suffix in SUFFIXES:
        raise UserError(f"{path}: has the name of an image, which the table would overwrite; end it in .csv")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a file, so it cannot be written over; give another name")
