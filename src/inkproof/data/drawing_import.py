"""A user's own images into a set of drawings: labeled by a CSV or by folder, copied as PNG under their hash."""

import csv
import datetime
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.data.images import OTHER_SUFFIXES, SUFFIXES, numeric, open_image
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

# What a label is called in a CSV or as a folder; the first two mean "not a digit".
_LABELS: dict[str, int | None] = {"": None, "-": None, **{str(digit): digit for digit in range(10)}}
# Four times the canvas: enough for any later preprocessing, and a photograph stays below a megabyte.
LONGEST_SIDE = 1120


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """An image; `name` is its path below the folder, `writer` is None if it is not known who drew it."""

    name: str
    path: Path
    label: int | None
    writer: str | None


@dataclass(slots=True)
class Labeling:
    """A folder's images in numeric order: with a label, without one, and listed in the CSV but absent."""

    images: list[LabeledImage] = field(default_factory=list)
    unlabeled: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def label_images(folder: Path, labels: Path | None = None) -> Labeling:
    """Find the images in `folder` and in the folders directly below it, with their labels.

    The CSV is `labels`, or else `labels.csv` in the folder if there is one. It has the header `file,label,writer`, of
    which `writer` may be left out. `file` is a path below the folder. A label that is empty or "-" means "not a
    digit". An image that the CSV does not list takes its label from the folder it is in, called 0 to 9, or "-".

    Raises:
        UserError: the folder or the CSV is missing or has no image or no label, or a row or a folder's name is not a
            label. The message names the line of a row.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}; give a folder of images")
    if labels is None and (folder / "labels.csv").is_file():
        labels = folder / "labels.csv"
    elif labels is not None and not labels.exists() and (folder / labels).is_file():
        labels = folder / labels  # named as it is called in the folder
    listed = _read_labels(labels, folder) if labels is not None else {}
    found = _find_images(folder)
    result = Labeling(absent=[name for name in listed if name not in found and not (folder / name).is_file()])
    for name in sorted({*found, *listed} - set(result.absent), key=numeric):
        parent = PurePosixPath(name).parent.name
        if name in listed:
            result.images.append(LabeledImage(name, folder / name, *listed[name]))
        elif parent == "-" or parent.isdecimal():
            if parent not in _LABELS:
                raise UserError(f"{folder / parent}: {parent} is no label; folders of images are called 0 to 9, or -")
            result.images.append(LabeledImage(name, folder / name, _LABELS[parent], None))
        else:
            result.unlabeled.append(name)
    if not result.images and not result.absent:
        raise UserError(_nothing(folder, labels, bool(result.unlabeled)))
    return result


def _nothing(folder: Path, labels: Path | None, images: bool) -> str:
    if not images:
        return f"{folder} holds no images ({', '.join(suffix[1:] for suffix in SUFFIXES)})"
    if labels is not None:
        return f"{labels} lists none of the images in {folder}; add rows of file,label"
    return (
        f"{folder} holds images but no labels; give --labels with a CSV file,label,writer "
        "or put the images into folders called 0 to 9"
    )


def _find_images(folder: Path) -> set[str]:
    # What cannot be read, such as a PDF or a link to no file, is among them, so that the import names it.
    names = {
        path.relative_to(folder).as_posix()
        for path in (*folder.iterdir(), *folder.glob("*/*"))
        if path.suffix.lower() in SUFFIXES + OTHER_SUFFIXES and (path.is_file() or not path.exists())
    }
    # Hidden files are what systems leave behind: macOS writes "._digit1.png" beside digit1.png.
    return {name for name in names if not re.search(r"(^|/)\.", name)}


def _read_labels(path: Path, folder: Path) -> dict[str, tuple[int | None, str | None]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it as a CSV in UTF-8") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if not text:
        raise UserError(f"{path} is empty; it needs the header file,label,writer and one row per image")
    header = text.split("\n", 1)[0]
    # Spreadsheets write semicolons where the comma is the decimal sign.
    delimiter = next((sign for sign in ",;\t" if sign in header), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = ([cell.strip() for cell in row] for row in reader)
    listed: dict[str, tuple[int | None, str | None]] = {}
    try:
        columns = _header(next(rows))
        for cells in filter(any, rows):
            if len(cells) > len(columns):
                raise ValueError(f"has {len(cells)} cells, the header {len(columns)}")
            name, label, writer = _row(dict(zip(columns, cells, strict=False)), folder)
            if name in listed:
                raise ValueError(f"{name} is listed twice")
            listed[name] = label, writer
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return listed


def _header(cells: list[str]) -> list[str]:
    columns = [cell.lower() for cell in cells]
    for needed in ("file", "label"):
        if columns.count(needed) != 1:
            raise ValueError(f"the header needs one column {needed!r}: file,label,writer (writer may be left out)")
    return columns


def _row(cells: dict[str, str], folder: Path) -> tuple[str, int | None, str | None]:
    if not cells.get("file") or "label" not in cells:
        raise ValueError(f"has no {'label' if cells.get('file') else 'file'}")
    name = PurePosixPath(cells["file"].replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{cells['file']} is not a path below {folder}")
    label = cells["label"]
    if label not in _LABELS:
        raise ValueError(f"the label of {name} is {label!r}, not a digit from 0 to 9, nor empty or - for none")
    return str(name), _LABELS[label], " ".join(cells.get("writer", "").split()) or None


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        drawings: the whole set after it.
        added: drawings that are new.
        changed: drawings that were there and have another label or writer now.
        known: how many images were there already.
        skipped: a line for each image that could not be taken, with the reason.
        unlabeled: images that have no label.
    """

    drawings: list[Drawing]
    added: list[Drawing] = field(default_factory=list)
    changed: list[Drawing] = field(default_factory=list)
    known: int = 0
    skipped: list[str] = field(default_factory=list)
    unlabeled: list[str] = field(default_factory=list)


def import_drawings(
    folder: Path,
    into: Path,
    labels: Path | None = None,
    writer: str | None = None,
    progress: Callable[[list[LabeledImage]], Iterable[LabeledImage]] = iter,
) -> Imported:
    """Bring the labeled images of `folder` into the set of drawings in `into`.

    An image is known by its pixels, so importing it again adds nothing; another label, or a writer that is
    given, replaces the old one.

    Args:
        folder: the images; see `label_images` for the shapes it may have.
        into: folder of the set; made if need be.
        labels: CSV of the labels.
        writer: who drew the images for which the CSV names nobody; "me" if None.
        progress: passes the images on one by one and may show how far it has come.

    Raises:
        UserError: there is nothing to import, a label is wrong, or the set cannot be read or made; nothing is
            written then.
    """
    writer = " ".join((writer or "").split()) or None
    labeling = label_images(folder, labels)
    result = Imported(read_drawings(into), unlabeled=labeling.unlabeled)
    result.skipped += [f"{folder / name} cannot be read: no such file" for name in labeling.absent]
    place = {drawing.id: index for index, drawing in enumerate(result.drawings)}
    names: dict[str, str] = {}
    written: list[Path] = []
    try:
        for source in progress(labeling.images):
            try:
                image = _storable(open_image(source.path))
            except UserError as error:
                result.skipped.append(str(error))
                continue
            name = _content_hash(image)
            if name not in place:
                file = into / f"{name}.png"
                _save(image, file, written)
                drawing = _drawing(name, source, source.writer or writer or "me", folder, image.size)
                place[name] = len(result.drawings)
                result.drawings.append(drawing)
                result.added.append(drawing)
            else:
                _meet_again(result, place[name], source, source.writer or writer, names.get(name))
            names.setdefault(name, source.name)
        if not names:
            raise UserError(f"no image can be read; the first of {len(result.skipped)}: {result.skipped[0]}")
        if result.added or result.changed:
            write_drawings(into, result.drawings)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
    return result


def _storable(image: Image.Image) -> Image.Image:
    """At most `LONGEST_SIDE` pixels, gray if all its colors are, and nothing but pixels."""
    scale = LONGEST_SIDE / max(image.size)
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.HAMMING, reducing_gap=3.0)
    levels = np.asarray(image)
    if levels.ndim == 3 and (levels == levels[:, :, :1]).all():
        levels = levels[:, :, 0]
    # A new image leaves color profile, comments and place of a photograph behind.
    return Image.fromarray(np.ascontiguousarray(levels))


def _content_hash(image: Image.Image) -> str:
    head = f"{image.mode} {image.width} {image.height} "
    return hashlib.sha256(head.encode() + image.tobytes()).hexdigest()[:16]


def _save(image: Image.Image, file: Path, written: list[Path]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{file.parent} cannot be made: a file is in its way; give another --into") from None
    if not file.exists():
        written.append(file)
    with replacing(file) as temporary:
        image.save(temporary, "PNG")


def _drawing(name: str, source: LabeledImage, writer: str, folder: Path, canvas: tuple[int, int]) -> Drawing:
    # A file name may hold line breaks, and bytes that are no UTF-8; the set is UTF-8 throughout.
    name_of_file = os.fsencode(f"{folder.resolve().name}/{source.name}").decode("utf-8", "replace")
    changed = datetime.datetime.fromtimestamp(source.path.stat().st_mtime, datetime.UTC)
    return Drawing(
        id=name,
        label=source.label,
        writer=writer,
        source=" ".join(name_of_file.split()),
        canvas=canvas,
        strokes=None,
        image=f"{name}.png",
        created=changed.date().isoformat(),
    )


def _meet_again(result: Imported, index: int, source: LabeledImage, writer: str | None, twin: str | None) -> None:
    """Count an image that is in the set; `twin` is the same image under another name in this import."""
    old = result.drawings[index]
    new = replace(old, label=source.label, writer=writer or old.writer)
    if twin is not None and new.label != old.label:
        label = "not a digit" if old.label is None else str(old.label)
        result.skipped.append(f"{source.path} is the same image as {twin}, which is labeled {label}")
    elif twin is None and new != old:
        result.drawings[index] = new
        result.changed.append(new)
    else:
        result.known += 1
