"""Which pictures a user's folder holds, and which label each has: from a CSV, or from a folder a label."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from inkproof.data.pictures import SUFFIXES
from inkproof.runtime.errors import UserError

_NOT_A_DIGIT = ("", "-")
_DIGITS = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture; `name` is its path below the folder, `writer` is None if nothing says who drew it."""

    name: str
    path: Path
    label: int | None
    writer: str | None


@dataclass(slots=True)
class Labelling:
    """A folder's pictures in numeric order: with a label, without one, and listed in the CSV but absent."""

    pictures: list[LabelledPicture] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def label_pictures(folder: Path, labels: Path | None = None) -> Labelling:
    """Find the pictures in `folder` and in the folders directly below it, with their labels.

    The CSV `labels`, or else `labels.csv` in the folder if there is one, has the header `file,label,writer`
    (`writer` may be left out); `file` is a path below the folder, a label that is empty or "-" means "not a
    digit". A picture that it does not list takes its label from the folder it is in, called 0 to 9, or "-".

    Raises:
        UserError: the folder or the CSV is missing, holds no picture or no label, or a row or the name of a
            folder is no label; a row is named by its line.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}; give a folder of pictures")
    if labels is None and (folder / "labels.csv").is_file():
        labels = folder / "labels.csv"
    elif labels is not None and not labels.exists() and (folder / labels).is_file():
        labels = folder / labels  # named as it is called in the folder
    listed = _read_labels(labels, folder) if labels is not None else {}
    found = _find_pictures(folder)
    result = Labelling(absent=[name for name in listed if name not in found and not (folder / name).is_file()])
    for name in sorted({*found, *listed} - set(result.absent), key=numeric):
        parent = PurePosixPath(name).parent.name
        if name in listed:
            label, writer = listed[name]
            result.pictures.append(LabelledPicture(name, folder / name, label, writer))
        elif parent == "-" or parent.isdecimal():
            result.pictures.append(LabelledPicture(name, folder / name, _folder_label(folder, parent), None))
        else:
            result.unlabelled.append(name)
    if not result.pictures and not result.absent:
        raise UserError(_nothing(folder, labels, bool(result.unlabelled)))
    return result


def _nothing(folder: Path, labels: Path | None, pictures: bool) -> str:
    if not pictures:
        return f"{folder} holds no pictures ({', '.join(suffix[1:] for suffix in SUFFIXES)})"
    if labels is not None:
        return f"{labels} lists none of the pictures in {folder}; add rows of file,label"
    return (
        f"{folder} holds pictures but no labels; give --labels with a CSV file,label,writer "
        "or put the pictures into folders called 0 to 9"
    )


def _find_pictures(folder: Path) -> set[str]:
    names = {
        path.relative_to(folder).as_posix()
        for path in (*folder.iterdir(), *folder.glob("*/*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    }
    # Hidden files are what systems leave behind: macOS writes "._digit1.png" beside digit1.png.
    return {name for name in names if not re.search(r"(^|/)\.", name)}


def numeric(name: str) -> list[str | int]:
    """A sort key that puts digit2.png before digit10.png."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _folder_label(folder: Path, name: str) -> int | None:
    if name == "-":
        return None
    if name not in _DIGITS:
        raise UserError(f"{folder / name}: {name} is no label; folders of pictures are called 0 to 9, or -")
    return int(name)


def _read_labels(path: Path, folder: Path) -> dict[str, tuple[int | None, str | None]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it as a CSV in UTF-8") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    header = text.split("\n", 1)[0]
    # Spreadsheets write semicolons where the comma is the decimal sign.
    delimiter = next((sign for sign in ",;\t" if sign in header), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    listed: dict[str, tuple[int | None, str | None]] = {}
    columns: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if columns is None:
                columns = _header(cells)
            elif any(cells):
                if len(cells) > len(columns):
                    raise ValueError(f"has {len(cells)} cells, the header {len(columns)}")
                name, label, writer = _row(dict(zip(columns, cells, strict=False)), folder)
                if name in listed:
                    raise ValueError(f"{name} is listed twice")
                listed[name] = label, writer
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    if columns is None:
        raise UserError(f"{path} is empty; it needs the header file,label,writer and a row a picture")
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
    if label not in _NOT_A_DIGIT and label not in _DIGITS:
        raise ValueError(f"the label of {name} is {label!r}, not a digit from 0 to 9, nor empty or - for none")
    return str(name), None if label in _NOT_A_DIGIT else int(label), cells.get("writer") or None
