"""The one form every drawn digit takes: `drawings.jsonl`, a JSON object a line, in the folder of its set.

Strokes are the truth and rasters follow from them; a drawing that exists only as a picture names a PNG.
"""

import json
import math
import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

CANVAS_SIDE = 280  # pixels a side of the canvas that drawings are brought to
FILE_NAME = "drawings.jsonl"


_FIELDS = ("id", "label", "writer", "source", "canvas", "strokes", "image", "created")
_REQUIRED = ("id", "label", "writer", "source", "canvas", "created")
# ISO 8601 to whatever precision is known: the pen digits have a year, a drawing page has the second.
_ISO_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?)?")


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing by one writer, as strokes or as a picture (exactly one of the two is not None).

    Attributes:
        id: unique within its set.
        label: the digit that was meant, 0 to 9, or None for "not a digit".
        writer: who drew it; results are bootstrapped over writers.
        source: where it comes from, for people to read.
        canvas: (width, height) of the coordinates of `strokes`, or of the picture, in pixels.
        strokes: one list of points for each time the pen was down; a point is [x, y] or [x, y, t] in canvas
            pixels from the top left corner, y downward.
        image: path of a PNG relative to the folder of the set, with forward slashes.
        created: ISO 8601 date.
    """

    id: str
    label: int | None
    writer: str
    source: str
    canvas: tuple[int, int]
    strokes: list[list[list[float]]] | None
    image: str | None
    created: str


def read_drawings(folder: Path) -> list[Drawing]:
    """Read and check the drawings of the set in `folder`, in file order; [] if it has no `drawings.jsonl`.

    Raises:
        UserError: a line is malformed, an id stands twice, or a picture is missing or outside the folder;
            names the file, the line and what is wrong with it.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return []
    try:
        # Only "\n" ends a line: str.splitlines would also break at U+2028 inside somebody's name.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    drawings: list[Drawing] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            drawing = _parse(line)
            if drawing.id in line_of:
                raise ValueError(f"id {drawing.id!r} already stands in line {line_of[drawing.id]}")
            if drawing.image is not None and not (folder / drawing.image).is_file():
                raise ValueError(f"its picture {folder / drawing.image} is missing; restore it or delete the line")
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
        line_of[drawing.id] = number
        drawings.append(drawing)
    return drawings


def write_drawings(folder: Path, drawings: Iterable[Drawing]) -> None:
    """Write the set's `drawings.jsonl`, whole or not at all: one compact object a line, numbers to 1 decimal.

    Raises:
        ValueError: two drawings share an id, or one has not exactly one of strokes and image.
    """
    seen: set[str] = set()
    lines: list[str] = []
    for drawing in drawings:
        if drawing.id in seen:
            raise ValueError(f"two drawings have the id {drawing.id!r}")
        seen.add(drawing.id)
        if (drawing.strokes is None) == (drawing.image is None):
            raise ValueError(f"drawing {drawing.id!r} needs either strokes or an image")
        lines.append(_format(drawing) + "\n")
    write_text(folder / FILE_NAME, "".join(lines))


def _format(drawing: Drawing) -> str:
    record: dict[str, Any] = {}
    for field in _FIELDS:
        value = getattr(drawing, field)
        if field == "strokes" and value is not None:
            value = [[[_short(number) for number in point] for point in stroke] for stroke in value]
        if value is not None or field not in ("strokes", "image"):
            record[field] = value
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _short(number: float) -> float | int:
    """A tenth of a canvas pixel is finer than any brush shows; whole numbers lose their ".0"."""
    rounded = round(float(number), 1)
    return int(rounded) if rounded.is_integer() else rounded


def _parse(line: str) -> Drawing:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object {...}")
    for field in _REQUIRED:
        if field not in record:
            raise ValueError(f"{field!r} is missing")
    for field in record:
        if field not in _FIELDS:
            raise ValueError(f"unknown field {field!r}; there are {', '.join(_FIELDS)}")
    strokes, image = record.get("strokes"), record.get("image")
    if (strokes is None) == (image is None):
        raise ValueError("needs either 'strokes' or 'image', " + ("not both" if image else "has neither"))
    created = _text(record, "created")
    if not _ISO_DATE.fullmatch(created):
        raise ValueError(f"created is {created!r}, not an ISO date such as 2026-11-21")
    return Drawing(
        id=_text(record, "id"),
        label=_label(record["label"]),
        writer=_text(record, "writer"),
        source=_text(record, "source"),
        canvas=_canvas(record["canvas"]),
        strokes=None if strokes is None else _strokes(strokes),
        image=None if image is None else _image(image),
        created=created,
    )


def _text(record: dict[str, Any], field: str) -> str:
    value = record[field]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field} is {reprlib.repr(value)}, not a text")
    return value


def _label(value: Any) -> int | None:
    if value is None:
        return None
    # bool is an int in Python, so `true` would otherwise be the digit 1.
    if type(value) is not int or not 0 <= value <= 9:
        raise ValueError(f"label is {reprlib.repr(value)}, not a digit from 0 to 9 or null")
    return value


def _canvas(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2 or any(type(side) is not int or side < 1 for side in value):
        raise ValueError(f"canvas is {reprlib.repr(value)}, not [width, height] in whole pixels")
    return value[0], value[1]


def _strokes(value: Any) -> list[list[list[float]]]:
    if not isinstance(value, list):
        raise ValueError("strokes is not a list of strokes")
    return [_stroke(index, stroke) for index, stroke in enumerate(value, start=1)]


def _stroke(index: int, stroke: Any) -> list[list[float]]:
    if not isinstance(stroke, list):
        raise ValueError(f"stroke {index} is not a list of points")
    points: list[list[float]] = []
    for point in stroke:
        if (
            not isinstance(point, list)
            or len(point) not in (2, 3)
            or not all(type(number) in (int, float) for number in point)
            or not all(map(math.isfinite, point))
        ):
            raise ValueError(
                f"point {len(points) + 1} of stroke {index} is {reprlib.repr(point)}, not [x, y] or [x, y, t]"
            )
        points.append([float(number) for number in point])
    return points


def _image(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"image is {reprlib.repr(value)}, not the path of a PNG")
    path = PurePosixPath(value)
    # Checked on the name alone: a picture may be a link into a data cache, which is no way out of the folder.
    if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value or "\0" in value:
        raise ValueError(f"image {value!r} lies outside the folder of the set; it must be a relative path below it")
    return value
