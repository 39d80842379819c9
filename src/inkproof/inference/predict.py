"""From paths to predictions: images are found, classified in order, and shown as lines or rows of a CSV file."""

import csv
import errno
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.data.images import ADVICE, FORMATS, OTHER_SUFFIXES, SUFFIXES, numeric
from inkproof.exporting.predictors import Predictor, open_predictor
from inkproof.inference.number import Number, gray_levels, read_image, shows_several
from inkproof.preprocessing.canvas import to_canvas
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.processes import cores, in_order


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model predicts for an image.

    Attributes:
        path: the image, as it was found.
        digit, probability: the most likely digit, whether accepted or not.
        second, second_probability: the second most likely digit.
        accepted: whether the model accepts the image as a digit.
        canvas, mask, seen: uint8 (280, 280), (70, 70) and (28, 28), the image, where its ink was found, and what the
            network saw of it. None unless kept, and `mask` also without an ink mask.
        ink: whether the network saw any ink. Without it, the digits mean nothing.
        several: whether an image that is not accepted as a digit shows several.
    """

    path: str
    digit: int
    probability: float
    second: int
    second_probability: float
    accepted: bool
    canvas: NDArray[np.uint8] | None = None
    mask: NDArray[np.uint8] | None = None
    seen: NDArray[np.uint8] | None = None
    ink: bool = True
    several: bool = False


@dataclass(frozen=True, slots=True)
class NumberPrediction:
    """The number that an image shows; see `inkproof.inference.number`.

    Attributes:
        path: the image, as it was found.
        number: the digits, with their boxes in pixels of the upright image.
        shown, scale: uint8 (H, W), the image at `scale` times its size, for the contact sheet. None unless kept.
    """

    path: str
    number: Number
    shown: NDArray[np.uint8] | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path without a prediction, and the reason in a few words."""

    path: str
    reason: str


def predict_image(path: str, predictor: Predictor, keep: bool = False) -> Prediction | Unreadable:
    """Classify the image at `path`; `keep` keeps its canvas and what the network saw."""
    canvas = _opened(path, to_canvas)
    if isinstance(canvas, Unreadable):
        return canvas
    found = predictor.predict(canvas[np.newaxis])
    probabilities = found.probabilities[0]
    # Of an even canvas, and where the normalizer takes all ink for shadow, noise or specks, the network sees a blank.
    ink = bool(found.seen[0].any())
    several = ink and shows_several(found, canvas, predictor)
    second, first = np.argsort(probabilities, kind="stable")[-2:].tolist()
    return Prediction(
        path,
        first,
        float(probabilities[first]),
        second,
        float(probabilities[second]),
        ink and bool(found.accepted[0]),
        canvas if keep else None,
        found.mask[0] if keep and found.mask.size else None,
        found.seen[0] if keep else None,
        ink,
        several,
    )


def predict_number(path: str, predictor: Predictor, keep: bool = False) -> NumberPrediction | Unreadable:
    """Read the number in the image at `path`; `keep` keeps the image. Raises UserError if the model has no ink mask."""
    levels = _opened(path, gray_levels)
    if isinstance(levels, Unreadable):
        return levels
    number = read_image(levels, predictor)
    if not keep:
        return NumberPrediction(path, number)
    height, width = levels.shape
    scale = min(NUMBER_SIZE[0] / width, NUMBER_SIZE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.BOX if scale < 1 else None))
    return NumberPrediction(path, number, shown, scale)


def _opened(path: str, read: Callable[[str, str], NDArray[np.uint8]]) -> NDArray[np.uint8] | Unreadable:
    try:
        return read(path, "it")
    except UserError as error:
        reason = str(error).removeprefix("it cannot be read: ")
        if reason == "no such file" and any(sign in path for sign in "*?"):
            reason += "; write * and ? outside quotes, or name the folder"
        return Unreadable(path, reason)


def printable(path: str) -> str:
    """Return `path` for one line of a terminal: line ends, control characters and bytes without text are escaped."""
    if path.isprintable():
        return path
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in path)


def find_images(paths: Sequence[str], leave_out: Path | None = None) -> tuple[list[str], list[Unreadable]]:
    """Return the images at `paths`, in the order of `paths`, and the folders that hold none, or others.

    What is no folder counts as an image, whatever its name and whether it exists. A folder is walked, in numeric order
    (digit2.png before digit10.png), for files with an image's suffix. Images that are
    not read, such as PDF, are counted by suffix, and links that lead to no file are named. Hidden files and folders are
    left out, and so is `leave_out`, the contact sheet of an earlier call.
    """
    images: list[str] = []
    unreadable: list[Unreadable] = []
    for path in paths:
        if not path:  # as of a variable of the shell that is not set
            unreadable.append(Unreadable('""', "an empty name; give an image or a folder of images"))
            continue
        if not os.path.isdir(path):  # noqa: PTH112  (Path.is_dir raises OSError for a very long name)
            images.append(path)
            continue
        unread: list[OSError] = []
        found, others = _walk(path, unread)
        unreadable += [Unreadable(str(error.filename), error.strerror or "cannot be read") for error in unread]
        if leave_out is not None:
            found = [name for name in found if not _same(name, leave_out)]
        if others:
            kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(others.items()))
            unreadable.append(Unreadable(path, f"images of other formats are left out ({kinds}); {ADVICE}"))
        elif not found and not unread:
            unreadable.append(Unreadable(path, f"has no images ({', '.join(FORMATS)})"))
        images += found
    return images, unreadable


def _walk(folder: str, unread: list[OSError]) -> tuple[list[str], Counter[str]]:
    """Return the images below `folder`, and how many of other formats there are by suffix."""
    found = []
    others = Counter[str]()
    for parent, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)  # noqa: PTH118  (as it was typed: a Path drops a leading ./)
            suffix = Path(name).suffix.lower()
            if name.startswith(".") or suffix not in SUFFIXES + OTHER_SUFFIXES:
                continue
            if not Path(path).is_file():
                if not Path(path).exists():
                    unread.append(FileNotFoundError(errno.ENOENT, "is a link to no file; correct or delete it", path))
            elif suffix in SUFFIXES:
                found.append(path)
            else:
                others[suffix] += 1
    return sorted(found, key=lambda path: (numeric(path), path)), others


def _same(path: str, other: Path) -> bool:
    return Path(path).name == other.name and Path(path).resolve() == other.resolve()


MANY = 200  # with so many images more processes are worth their start of half a second
CHUNK = 16  # images at a time for a process: a tenth of a second, so that results and Ctrl-C are not delayed
_MOST = 4  # processes: each takes a hundred megabytes

Result = Prediction | NumberPrediction | Unreadable


def predict_images(
    paths: Sequence[str], model: Path, keep: int = 0, processes: int | None = None, number: bool = False
) -> Generator[Result]:
    """Return a generator of the model's predictions, in the order of the images, each as soon as it is there.

    With `number`, the number in each image is read instead of one digit. An image that cannot be read becomes an
    `Unreadable`. The first `keep` predictions keep what the contact sheet shows. Without
    `processes`, the numbers of images and of cores decide how many run at the same time. Raises UserError if the model
    cannot be used (before the first image), or if a process was killed.
    """
    _predictor(model)
    if processes is None:
        processes = min(cores(), _MOST) if len(paths) >= MANY else 1
    size = CHUNK if processes > 1 else 1
    chunks = [
        partial(_predict_chunk, model, paths[first : first + size], keep - first, number)
        for first in range(0, len(paths), size)
    ]
    return (one for chunk in in_order(chunks, processes, "give fewer images at a time") for one in chunk)


_predictor = cache(open_predictor)  # each process opens the model once


def _predict_chunk(model: Path, paths: Sequence[str], keep: int, number: bool) -> list[Result]:
    predictor = _predictor(model)
    if number:
        return [predict_number(path, predictor, place < keep) for place, path in enumerate(paths)]
    return [predict_image(path, predictor, place < keep) for place, path in enumerate(paths)]


# Output for people and programs.

COLUMNS = ("path", "digit", "probability", "second", "second_probability", "accepted")
NUMBER_COLUMNS = ("path", "number", "accepted", "probability", "boxes")
EVERY = 1000  # images a line of progress, where there is no terminal for a bar
NO_INK = "no ink found"
SEVERAL = "several digits: use --number"
SHEET = 60  # images on a contact sheet; the CSV has all of them
NUMBER_SIZE = (300, 100)  # pixels of width and height that a number takes there at most
TITLE = "Inkproof contact sheet"  # the title in a sheet's PNG file, by which it is known from images of digits


def line(prediction: Prediction | NumberPrediction, width: int = 0) -> str:
    """Return the line for people: the path on `width` columns, then the two most likely digits, or that it is none.

    For a number it is the number, and the probability of its least likely digit, or what is wrong.
    """
    name = f"{printable(prediction.path):<{width}}"
    if isinstance(prediction, NumberPrediction):
        number = prediction.number
        if not number.digits:
            return f"{name}  {number.problem or NO_INK}"
        likely = f"{number.text}  {number.probability:6.1%}"
        return f"{name}  {likely if number.accepted else f'{number.text}  not all are digits'}"
    if not prediction.ink:
        return f"{name}  {NO_INK}"
    if prediction.several:
        return f"{name}  {SEVERAL}"
    if not prediction.accepted:
        return f"{name}  not a digit (perhaps {prediction.digit}, {prediction.probability:.0%})"
    return (
        f"{name}  {prediction.digit}  {prediction.probability:6.1%}  "
        f"then {prediction.second}, {prediction.second_probability:.1%}"
    )


@contextmanager
def csv_rows(path: Path, number: bool = False) -> Iterator[Callable[[Prediction | NumberPrediction], None]]:
    """Yield a function that writes a prediction as a row; the file appears, whole, when the block ends without error.

    `digit` is the most likely one, whether accepted or not. Without ink, digits and probabilities are empty. Rows of a
    `number` have "?" for digits that are not accepted, the least probability of a digit, and for each digit the left,
    top, right and bottom pixel. The text is UTF-8. Bytes of a path that are not UTF-8 are written as \\udc80 to
    \\udcff, Python's codes for them.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NUMBER_COLUMNS if number else COLUMNS)

        def write(one: Prediction | NumberPrediction) -> None:
            if isinstance(one, NumberPrediction):
                found = one.number
                boxes = ";".join(" ".join(f"{edge:.0f}" for edge in digit.box) for digit in found.digits)
                probability = f"{found.probability:.6f}" if found.digits else ""
                writer.writerow((one.path, found.text, str(found.accepted).lower(), probability, boxes))
                return
            guesses: tuple[int | str, ...] = ("",) * 4
            if one.ink:
                guesses = one.digit, f"{one.probability:.6f}", one.second, f"{one.second_probability:.6f}"
            writer.writerow((one.path, *guesses, str(one.accepted).lower()))

        yield write


def is_sheet(path: Path) -> bool:
    """Return whether `path` is a contact sheet of an earlier call."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return bool(image.info.get("Title") == TITLE)
    except (OSError, SyntaxError, ValueError):
        return False


def file_to_write(path: Path, image: bool) -> Path:
    """Return the file for a result: `path`, or what it leads to if it is a link, so that the link stays.

    `image` is whether the result is an image, a PNG. Raises UserError if it must not be written: over a folder, a
    device, or an image that is not a result.
    """
    device = str(path.parent) in ("/dev", "/dev/fd")  # a new file as /dev/stdout would take what is printed
    if path.is_symlink() and not device:
        path = Path(os.path.realpath(path))
    suffix = path.suffix.lower()
    if image and suffix != ".png":
        raise UserError(f"{path}: the contact sheet is a PNG; choose a name that ends in .png")
    if not image and suffix in SUFFIXES:
        raise UserError(f"{path}: has the name of an image, which the table would overwrite; end it in .csv")
    if path.parent != Path() and not path.parent.exists():
        raise UserError(f"{path}: the folder {path.parent} does not exist; make it, or choose another")
    if device or (path.exists() and not path.is_file()):
        raise UserError(f"{path}: is not a file, so it cannot be overwritten; choose another name")
    if image and path.exists() and not is_sheet(path):
        raise UserError(f"{path}: is an image of yours, which the sheet would overwrite; choose another name")
    return path
