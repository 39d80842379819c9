"""The pen digits of UCI as drawings: 10,992 digits that 44 people wrote on a tablet, published as UNIPEN text.

Alpaydin and Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI Machine Learning Repository, 1996.
Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of on-line data exchange and recognizer
benchmarks", ICPR 1994.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from inkproof.config.schema import Config, DataConfig
from inkproof.config.validation import validated
from inkproof.data.download import PATIENCE, Fetcher, Patience, PublishedSource
from inkproof.data.drawings import CANVAS_SIDE, Drawing, write_drawings
from inkproof.runtime.errors import UserError

TABLET = 500  # units a side, y upward
SAMPLE = 100  # milliseconds between samples, and from the last of a stroke to the first of the next (.DT 100)
PUBLISHED = "1998-07-01"
ROLES = ("test", "validation", "training")

# The subset of UNIPEN text that the pen digits are written in.
_SEGMENT = re.compile(r'\.SEGMENT\s+DIGIT\s+(\d+)(?:-(\d+))?\s+\?\s+"(\d)"')
_COMMENT = re.compile(r"\.COMMENT\s+(\d)\s+(\d+)\s+(\d+)")
_POINT = re.compile(r"(-?\d+)\s+(-?\d+)")


@dataclass(slots=True)
class PenDigit:
    """One digit: `strokes` are lists of (x, y) tablet units, y upward; `number` runs within one writer.

    `line` is where its segment opens and `runs` how many strokes that line announces.
    """

    label: int
    line: int
    runs: int
    writer: int = 0
    number: int = 0
    strokes: list[list[tuple[int, int]]] = field(default_factory=list)


def parse(text: str, where: str, side: int) -> list[PenDigit]:
    """Return the digits of a UNIPEN text in their order; coordinates are 0 to `side`, `where` names the file.

    Read are `.SEGMENT DIGIT a-b ? "label"`, under it `.COMMENT label writer number`, and `.PEN_DOWN`, points,
    `.PEN_UP`; other keywords carry nothing wanted here. Raises UserError with the line of what is wrong.
    """
    return _Reader(where, side).read(text)


class _Reader:
    def __init__(self, where: str, side: int) -> None:
        self.where = where
        self.side = side
        self.line = 0
        self.digits: list[PenDigit] = []
        self.stroke: list[tuple[int, int]] | None = None
        self.line_of: dict[tuple[int, int], int] = {}

    def read(self, text: str) -> list[PenDigit]:
        for self.line, raw in enumerate(text.split("\n"), start=1):
            content = raw.strip()
            if not content:
                continue
            keyword = content.split()[0]
            if self.stroke is not None and keyword not in (".PEN_UP", ".COMMENT") and keyword[0] == ".":
                raise self._error(f"{keyword} while the pen is down")
            if keyword == ".SEGMENT":
                self._open(content)
            elif keyword == ".COMMENT" and self.digits and not self.digits[-1].writer:
                self._describe(content)
            elif keyword == ".PEN_DOWN":
                self._lower()
            elif keyword == ".PEN_UP":
                self._lift()
            elif keyword[0] != ".":
                self._move(content)
        if self.stroke is not None:
            raise self._error("the file ends while the pen is down")
        self._close()
        if not self.digits:
            raise UserError(f"{self.where}: no digit found; expected a UNIPEN file of pen digits")
        return self.digits

    def _open(self, content: str) -> None:
        self._close()
        match = _SEGMENT.fullmatch(content)
        if match is None:
            raise self._error(f'{content!r} is not of the form .SEGMENT DIGIT 6-7 ? "4"')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise self._error(f"pen-down runs {first}-{last} go backwards")
        self.digits.append(PenDigit(int(match[3]), self.line, last - first + 1))

    def _close(self) -> None:
        """Check the digit that ends here; what is missing is reported at the line that opened it."""
        if not self.digits:
            return
        digit = self.digits[-1]
        if not digit.writer:
            raise self._error("no .COMMENT with label, writer and number", digit.line)
        if len(digit.strokes) != digit.runs:
            raise self._error(f"{digit.runs} pen-down runs announced, {len(digit.strokes)} given", digit.line)

    def _describe(self, content: str) -> None:
        match = _COMMENT.fullmatch(content)
        if match is None:
            raise self._error(f"{content!r} is not of the form .COMMENT label writer number")
        digit = self.digits[-1]
        if int(match[1]) != digit.label:
            raise self._error(f"label {match[1]} under a segment labeled {digit.label}")
        digit.writer, digit.number = int(match[2]), int(match[3])
        if not digit.writer:
            raise self._error("writers are numbered from 1")
        earlier = self.line_of.setdefault((digit.writer, digit.number), self.line)
        if earlier != self.line:
            raise self._error(f"number {digit.number} of writer {digit.writer} is in line {earlier} too")

    def _lower(self) -> None:
        if not self.digits:
            raise self._error(".PEN_DOWN before the first .SEGMENT")
        self.stroke = []

    def _lift(self) -> None:
        if self.stroke is None:
            raise self._error(".PEN_UP while the pen is up")
        if not self.stroke:
            raise self._error("a pen-down run without points")
        self.digits[-1].strokes.append(self.stroke)
        self.stroke = None

    def _move(self, content: str) -> None:
        match = _POINT.fullmatch(content)
        if match is None:
            raise self._error(f"{content!r} is not a point; expected two whole numbers")
        if self.stroke is None:
            raise self._error(f"point {content!r} while the pen is up")
        x, y = int(match[1]), int(match[2])
        if not (0 <= x <= self.side and 0 <= y <= self.side):
            raise self._error(f"point {content!r} is off the tablet, 0 to {self.side}")
        self.stroke.append((x, y))

    def _error(self, what: str, line: int | None = None) -> UserError:
        return UserError(f"{self.where}, line {line or self.line}: {what}; replace the file")


class Writers(Config):
    """The writers of two roles, `test` and `validation`; all others are free to train on."""

    test: tuple[str, ...]
    validation: tuple[str, ...]


class PensSource(PublishedSource):
    """`source` of conf/data/pens.yaml: the two files, and what each writer is for."""

    roles: ClassVar[tuple[str, ...]] = ("tra", "tes")

    writers: Writers


def prepare(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch both pen files and write them as one set of drawings, `out/drawings.jsonl`.

    `data` is `conf/data/pens.yaml`. Both files number their writers from 1, so a writer is called `tra-07` or
    `tes-03` after the file. Raises UserError if no mirror serves a file or a file is malformed.
    """
    source = validated(PensSource, data.source.arguments, "data.source")
    fetcher = Fetcher(data.name, source, mirror, patience)
    drawings: list[Drawing] = []
    for part, wanted in fetcher.wanted.items():
        text = fetcher.fetch(part).decode("ascii", errors="replace")
        drawings += drawings_of(parse(text, wanted.name, TABLET), part)
    write_drawings(out, drawings)


def drawings_of(digits: list[PenDigit], part: str) -> Iterator[Drawing]:
    """Yield the digits of one file (`part` is `tra` or `tes`) as drawings on a 280 x 280 canvas.

    The tablet's square becomes the canvas with y flipped, size and position kept; a point is [x, y, t],
    pixels and milliseconds since the pen first came down.
    """
    for digit in digits:
        yield Drawing(
            id=f"pens-{part}-w{digit.writer:02d}-{digit.number:04d}",
            label=digit.label,
            writer=f"{part}-{digit.writer:02d}",
            source="uci-pendigits",
            canvas=(CANVAS_SIDE, CANVAS_SIDE),
            strokes=_strokes(digit),
            image=None,
            created=PUBLISHED,
        )


def _strokes(digit: PenDigit) -> list[list[list[float]]]:
    scale = CANVAS_SIDE / TABLET
    strokes, time = [], 0
    for run in digit.strokes:
        stroke: list[list[float]] = []
        for x, y in run:
            stroke.append([x * scale, (TABLET - y) * scale, time])
            time += SAMPLE
        strokes.append(stroke)
    return strokes


def of_role(drawings: list[Drawing], pens: DataConfig, role: str) -> list[Drawing]:
    """Return the drawings by the writers of one role; `pens` is `conf/data/pens.yaml`.

    `test` and `validation` are the writers listed there, `training` are all others. Raises ValueError for
    another role and UserError if a listed writer drew nothing.
    """
    if role not in ROLES:
        raise ValueError(f"{role!r}: unknown role of the pen writers; choose one of {', '.join(ROLES)}")
    if not drawings:
        raise UserError("the pen digits are absent; run `python src/download.py data=pens`")
    writers = validated(PensSource, pens.source.arguments, "pens.source").writers
    listed = {"test": frozenset(writers.test), "validation": frozenset(writers.validation)}
    named = listed["test"] | listed["validation"]
    absent = sorted(named - {drawing.writer for drawing in drawings})
    if absent:
        raise UserError(f"conf/data/pens.yaml: writers {', '.join(absent)} drew nothing; fix the list")
    if role == "training":
        return [drawing for drawing in drawings if drawing.writer not in named]
    return [drawing for drawing in drawings if drawing.writer in listed[role]]
