"""The pen digits of UCI as drawings: 10,992 digits that 44 people wrote on a tablet.

Alpaydin and Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inkproof.data.download import PATIENCE, Fetcher, Patience
from inkproof.data.drawings import CANVAS_SIDE, Drawing, write_drawings
from inkproof.data.unipen import PenDigit, parse
from inkproof.runtime.errors import UserError

TABLET = 500  # units a side, y upward
SAMPLE = 100  # milliseconds between samples, and from the last of a stroke to the first of the next (.DT 100)
PUBLISHED = "1998-07-01"
ROLES = ("reporting", "choices", "training")


def prepare(data: Mapping[str, Any], out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch both pen files and write them as one set of drawings, `out/drawings.jsonl`.

    `data` is `conf/data/pens.yaml`. Both files number their writers from 1, so a writer is called `tra-07` or
    `tes-03` after the file. Raises UserError where no mirror serves a file or a file is malformed.
    """
    fetcher = Fetcher.of(data, mirror, patience)
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


def of_role(drawings: list[Drawing], data: Mapping[str, Any], role: str) -> list[Drawing]:
    """Return the drawings by the writers of one role; `data` is `conf/data/pens.yaml`.

    `reporting` and `choices` are the writers listed there, `training` all others. Raises ValueError for
    another role and UserError where a listed writer drew nothing.
    """
    if role not in ROLES:
        raise ValueError(f"no role {role!r} among the pen writers; there are {', '.join(ROLES)}")
    if not drawings:
        raise UserError("the pen digits are not here; run `python src/download.py data=pens`")
    listed = {name: frozenset(data["writers"][name]) for name in ("reporting", "choices")}
    named = listed["reporting"] | listed["choices"]
    absent = sorted(named - {drawing.writer for drawing in drawings})
    if absent:
        raise UserError(f"conf/data/pens.yaml: writers {', '.join(absent)} drew nothing; mend the list")
    if role == "training":
        return [drawing for drawing in drawings if drawing.writer not in named]
    return [drawing for drawing in drawings if drawing.writer in listed[role]]
