"""The one form every drawn digit takes: `drawings.jsonl`, one JSON object per line, in the folder of its set.

Strokes are the source; images are rendered from them. A drawing that exists only as an image names a PNG.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, LiteralString

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticCustomError

from inkproof.config.validation import mistake
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

CANVAS_SIDE = 280  # pixels a side of the canvas that drawings are brought to
FILE_NAME = "drawings.jsonl"
FORMAT = 1  # of a line. Lines of Inkproof 0.1 have no number and the same fields
# ISO 8601 to whatever precision is known: the pen digits have a year, a drawing page has the second.
_ISO_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?)?")


def must(holds: Callable[[Any], object], complaint: LiteralString, kind: LiteralString = "value") -> AfterValidator:
    """Return a check for pydantic: a value for which `holds` is false is a mistake of `kind`, shown as `complaint`."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise PydanticCustomError(kind, complaint)
        return value

    return AfterValidator(check)


def _below(name: str) -> bool:
    # Checked on the name alone: an image may be a link into a data cache, which is no way out of the folder.
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and not set(name) & set("\\:\0")


# Strict: in Python `true` is the whole number 1, and pydantic would take "7" for 7.
Digit = Annotated[int, Field(strict=True, ge=0, le=9)]
_Side = Annotated[int, Field(strict=True, ge=1, le=10_000)]  # more than any screen has; drawing takes memory
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Point = Annotated[list[_Number], Field(min_length=2, max_length=3)]
_Text = Annotated[str, must(str.strip, "not a text")]
_Date = Annotated[str, must(_ISO_DATE.fullmatch, "not an ISO date such as 2026-11-21")]
_Image = Annotated[str, must(_below, "outside the folder of the set; it must be a relative path below it")]


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing by one writer, as strokes or as an image (exactly one of the two is not None).

    Attributes:
        id: unique within its set.
        label: the digit that was meant, 0 to 9, or None for "not a digit".
        writer: who drew it; results are bootstrapped over writers.
        source: where it comes from, for people to read.
        canvas: (width, height) of the coordinates of `strokes`, or of the image, in pixels.
        strokes: one list of points for each time the pen was down. A point is [x, y] or [x, y, t] in canvas
            pixels from the top left corner, y downward.
        image: path of a PNG relative to the folder of the set, with forward slashes.
        created: ISO 8601 date.
        format: of the line it is read from, checked there. A drawing itself has none.
    """

    id: _Text
    label: Digit | None
    writer: _Text
    source: _Text
    canvas: tuple[_Side, _Side]
    # The defaults are those of a line: in Python both are named, so that nobody forgets one.
    strokes: Annotated[list[list[_Point]] | None, Field(default=None)]
    image: Annotated[_Image | None, Field(default=None)]
    created: _Date
    format: InitVar[Annotated[int, Field(strict=True, ge=1, le=FORMAT)]] = FORMAT

    def __post_init__(self, format: int) -> None:
        if (self.strokes is None) == (self.image is None):
            found = "not both" if self.image else "has neither"
            raise ValueError(f"needs either 'strokes' or 'image', {found}")


_FIELDS = tuple(field.name for field in fields(Drawing))
_LINE = TypeAdapter(Drawing)


def read_drawings(folder: Path) -> list[Drawing]:
    """Read and check the drawings of the set in `folder`, in file order; [] if it has no `drawings.jsonl`.

    Raises:
        UserError: a line is malformed or in a newer format, an id occurs twice, or an image is missing or outside
            the folder. The message names the file, the line and what is wrong with it.
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
            drawing = _LINE.validate_json(line)
            if drawing.id in line_of:
                raise ValueError(f"id {drawing.id!r} is already in line {line_of[drawing.id]}")
            if drawing.image is not None and not (folder / drawing.image).is_file():
                raise ValueError(f"its image {folder / drawing.image} is missing; restore it or delete the line")
        except ValidationError as error:
            if any(one["loc"] == ("format",) and one["type"] == "less_than_equal" for one in error.errors()):
                message = "written by a newer version of Inkproof; update this one"
            else:
                # A line of the file is all that pydantic sees of it, and is named already.
                message = mistake(error, Drawing)[1].replace(" at line 1 column", " at column")
            raise UserError(f"{path}, line {number}: {message}") from None
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
        line_of[drawing.id] = number
        drawings.append(drawing)
    return drawings


def write_drawings(folder: Path, drawings: Iterable[Drawing]) -> None:
    """Write the set's `drawings.jsonl`, whole or not at all: one compact object per line, numbers to 1 decimal.

    Raises:
        ValueError: two drawings share an id.
    """
    seen: set[str] = set()
    lines: list[str] = []
    for drawing in drawings:
        if drawing.id in seen:
            raise ValueError(f"two drawings have the id {drawing.id!r}")
        seen.add(drawing.id)
        lines.append(_format(drawing) + "\n")
    write_text(folder / FILE_NAME, "".join(lines))


def _format(drawing: Drawing) -> str:
    values: dict[str, Any] = {"format": FORMAT}
    for field in _FIELDS:
        value = getattr(drawing, field)
        if field == "strokes" and value is not None:
            value = [[[_short(number) for number in point] for point in stroke] for stroke in value]
        if value is not None or field not in ("strokes", "image"):
            values[field] = value
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _short(number: float) -> float | int:
    """A tenth of a canvas pixel is finer than any brush shows; whole numbers lose their ".0"."""
    rounded = round(float(number), 1)
    return int(rounded) if rounded.is_integer() else rounded
