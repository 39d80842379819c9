"""Digits cut from scans of paper, as sets of drawings that nothing is trained on: two people's, USPS, and Semeion.

LeCun et al., "Handwritten digit recognition with a back-propagation network", NIPS 1989 (USPS). Buscema, Terzi,
Tastle, "Semeion Handwritten Digit", UCI Machine Learning Repository, 2008.
"""

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.config.schema import DataConfig
from inkproof.config.validation import validated
from inkproof.data.download import PATIENCE, Fetcher, Patience, PublishedSource
from inkproof.data.drawings import Drawing, write_drawings
from inkproof.data.pens import Writers
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

SIDE = 16  # pixels of a digit of USPS and of Semeion
WIDTHS = (266, 267)  # numbers a digit of Semeion: 256 pixels, ten of its label, in some copies the label once more
_PAPER = re.compile(r"data/(\w+)/(\d)/([\w-]+)\.png")


class Scan(NamedTuple):
    """A digit as an image file; `content` is a PNG."""

    name: str
    label: int
    writer: str
    content: bytes


class PaperSource(PublishedSource):
    """`source` of conf/data/paper.yaml: the archive, and what each of the two writers is for."""

    roles: ClassVar[tuple[str, ...]] = ("archive",)

    writers: Writers


class DigitsSource(PublishedSource):
    """`source` of conf/data/usps.yaml and conf/data/semeion.yaml: one file of digits."""

    roles: ClassVar[tuple[str, ...]] = ("digits",)


def prepare_paper(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch the scans of two people's digits and write the sets `out/validation` and `out/test`.

    `data` is `conf/data/paper.yaml`. Raises UserError if no mirror serves the archive or a listed writer is unknown.
    """
    source = validated(PaperSource, data.source.arguments, "data.source")
    files = Fetcher(data.name, source, mirror, patience).fetch_files("archive")
    found = [(match, content) for path, content in files.items() if (match := _PAPER.fullmatch(path))]
    scans = [Scan(f"{m[1]}-{m[2]}-{m[3]}", int(m[2]), m[1], content) for m, content in found]
    for part, writers in (("validation", source.writers.validation), ("test", source.writers.test)):
        own = [scan for scan in scans if scan.writer in writers]
        absent = sorted(set(writers) - {scan.writer for scan in own})
        if absent:
            raise UserError(f"conf/data/paper.yaml: writers {', '.join(absent)} wrote nothing; fix the list")
        write_scans(out / part, "numbers_recognition", "2018", own)


def prepare_usps(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch the test digits of USPS and write them as a set of drawings, black on white."""
    source = validated(DigitsSource, data.source.arguments, "data.source")
    numbers = _numbers(Fetcher(data.name, source, mirror, patience).fetch("digits"), data.name, (1 + SIDE**2,))
    ink = (numbers[:, 1:] + 1) / 2
    write_scans(out, "usps", "1989", _black_on_white(data.name, numbers[:, 0].astype(int), ink))


def prepare_semeion(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch the digits of Semeion and write them as a set of drawings, black on white."""
    source = validated(DigitsSource, data.source.arguments, "data.source")
    numbers = _numbers(Fetcher(data.name, source, mirror, patience).fetch("digits"), data.name, WIDTHS)
    labels = numbers[:, SIDE**2 : SIDE**2 + 10].argmax(axis=1)
    write_scans(out, "semeion", "2008", _black_on_white(data.name, labels, numbers[:, : SIDE**2]))


def _numbers(content: bytes, name: str, widths: tuple[int, ...]) -> NDArray[np.float64]:
    """The numbers (N, width) of a text whose line breaks say nothing; raises UserError if no width fits."""
    try:
        flat = np.array(content.split(), np.float64)
    except ValueError as error:
        raise UserError(f"{name}: not a file of numbers ({error}); replace it") from None
    width = next((one for one in widths if flat.size and flat.size % one == 0), None)
    if width is None:
        raise UserError(f"{name}: {flat.size:,} numbers are not a multiple of {widths[0]}; replace the file")
    return flat.reshape(-1, width)


def _black_on_white(name: str, labels: NDArray[np.int64], ink: NDArray[np.float64]) -> Iterator[Scan]:
    """Scans of digits without known writers; `ink` (N, 256) is 0 to 1."""
    levels = np.rint(255 * (1 - ink)).astype(np.uint8).reshape(-1, SIDE, SIDE)
    for number, (label, level) in enumerate(zip(labels.tolist(), levels, strict=True)):
        file = io.BytesIO()
        Image.fromarray(level).save(file, "PNG")
        yield Scan(f"{name}-{number:04d}", label, "unknown", file.getvalue())


def write_scans(folder: Path, source: str, created: str, scans: Iterable[Scan]) -> None:
    """Write `scans` as the set of drawings in `folder`, whole or not at all; `source` and `created` are of each."""
    drawings = []
    with replacing(folder) as temporary:
        (temporary / "images").mkdir(parents=True)
        for scan in scans:
            image = f"images/{scan.name}.png"
            (temporary / image).write_bytes(scan.content)
            with Image.open(temporary / image) as opened:
                size = opened.size
            drawings.append(Drawing(scan.name, scan.label, scan.writer, source, size, None, image, created))
        write_drawings(temporary, drawings)
