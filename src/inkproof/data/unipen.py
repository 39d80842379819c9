"""UNIPEN's isolated characters as strokes: digits, letters and symbols, from eleven contributions.

Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of on-line data exchange and recognizer
benchmarks", ICPR 1994. The files are those of its release train_r01_v07 (1999).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from inkproof.config.schema import DataConfig
from inkproof.config.validation import validated
from inkproof.data.archives import write_arrays
from inkproof.data.download import PATIENCE, Fetcher, Patience, PublishedSource
from inkproof.data.drawings import CANVAS_SIDE, Drawing, write_drawings
from inkproof.data.pens import Writers
from inkproof.runtime.errors import UserError

FILE_NAME = "strokes.npz"
PUBLISHED = "1999-12"
KINDS = {"1a": "digit", "1b": "letter", "1c": "letter", "1d": "symbol"}
# Digits that are segmented wrongly or not legible as their label: an id a line, found by looking at all digits.
LEFT_OUT = Path(__file__).with_name("unipen_left_out.txt")
# Digits of the test writers that are written unlike MNIST's, such as slashed zeros: a form and an id a line.
FORMS = Path(__file__).with_name("unipen_forms.txt")
# Laboratories that sent several contributions: a writer can be in more than one of them.
LABORATORIES = {"apa": "ap", "apb": "ap", "app": "ap", "cea": "ce", "ceb": "ce"}
FITTED = 200.0  # pixels of the 280 of a canvas that the longer side of a character takes
SMALL = 0.5  # of the writer's usual size: a letter or symbol below it, such as a comma, is not fitted
TENTH = 10  # coordinates are stored in tenths of a pixel

Points = NDArray[np.int32]
Stroke = NDArray[np.float32]
Run = tuple[bool, Points]

_INCLUDE = re.compile(r"^\.INCLUDE\s+(\S+\.dat)", re.MULTILINE)
_WRITER = re.compile(r"^\.WRITER_ID\s+(\S+)", re.MULTILINE)
_SEGMENT = re.compile(r'\.SEGMENT\s+CHARACTER\s+(\S+)\s+\S+\s+"(\\?.)"')
_SPAN = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")
_POINT = re.compile(r"(-?\d+)\s+(-?\d+)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One character.

    Attributes:
        id: kind, file and segment, such as "1a/apa/apa00/app0032/1-2".
        contributor: of the file, such as "apa".
        writer: laboratory and number, such as "ap-07"; see `writer_names`.
        kind: "digit", "letter" or "symbol".
        label: the character.
        part: "training", "validation" or "test", the same for all characters of a writer.
        strokes: float32 (N, 2) for each time the pen was down, in pixels of a canvas of 280 x 280, y downward. The
            character is in the middle, its longer side 200 pixels. A comma is smaller: see `fitted`.
    """

    id: str
    contributor: str
    writer: str
    kind: str
    label: str
    part: str
    strokes: list[Stroke]


@dataclass(frozen=True, slots=True)
class Segment:
    """A character as published: id, label, `.WRITER_ID`, and strokes int32 (N, 2) in units of the tablet, y upward."""

    id: str
    label: str
    author: str
    strokes: list[Points]

    @property
    def kind(self) -> str:
        return KINDS[self.id.split("/")[0]]

    @property
    def contributor(self) -> str:
        return self.id.split("/")[1]

    @property
    def person(self) -> tuple[str, str]:
        """Laboratory and id of the writer.

        An id of ibm names a text and one of twelve writers: r03-12 is text 3 by writer 12.
        """
        laboratory = LABORATORIES.get(self.contributor, self.contributor)
        return laboratory, self.author.rpartition("-")[2] if laboratory == "ibm" else self.author


def runs_of(text: str, where: str) -> list[Run]:
    """Return the runs of a data file: whether the pen was down, and points int32 (N, 2).

    `.PEN_DOWN` and `.PEN_UP` begin a run, which counts only if it has points. All eleven contributions number their
    runs like this. Six never write points under `.PEN_UP`, five do. Raises UserError for a line that is no point.
    """
    runs: list[tuple[bool, list[tuple[int, int]]]] = []
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if content.startswith("."):
            keyword = content.split()[0]
            inside = keyword in (".PEN_DOWN", ".PEN_UP")
            if inside:
                runs.append((keyword == ".PEN_DOWN", []))
        elif content and inside:
            match = _POINT.fullmatch(content)
            if match is None:
                raise UserError(f"{where}, line {number}: {content!r} is not a point; replace the file")
            runs[-1][1].append((int(match[1]), int(match[2])))
    return [(down, np.array(points, np.int32)) for down, points in runs if points]


def strokes_of(runs: Sequence[Run], segment: str) -> list[Points]:
    """Return the strokes that `segment` names, such as `6`, `6-7`, `6:10-7:4` or several of these with commas.

    `6:10-7:4` is from point 10 of run 6 to point 4 of run 7. Raises ValueError if there is no such run or no ink.
    """
    strokes: list[Points] = []
    for span in segment.split(","):
        match = _SPAN.fullmatch(span)
        if match is None:
            raise ValueError(f"{segment!r} is not of the form 6-7 or 6:10-7:4")
        first, last = int(match[1]), int(match[3] or match[1])
        if last >= len(runs):
            raise ValueError(f"run {last} of {len(runs)} is named")
        for index in range(first, last + 1):
            down, points = runs[index]
            start = int(match[2] or 0) if index == first else 0
            stop = int(match[4]) + 1 if index == last and match[4] else len(points)
            if down and len(points[start:stop]):
                strokes.append(points[start:stop])
    if not strokes:
        raise ValueError(f"segment {segment!r} has no ink")
    return strokes


def segments_of(files: Mapping[str, bytes]) -> Iterator[Segment]:
    """Yield the characters of the archive's `files`, by path, in the order of their paths.

    A file of `data/` names segments of the file below `include/` that it includes. Raises UserError with the file and
    the line of a mistake.
    """
    included: dict[str, tuple[str, list[Run]]] = {}
    for path in sorted(path for path in files if path.startswith("data/")):
        text = _text(files, path, path)
        match = _INCLUDE.search(text)
        if match is None:
            raise UserError(f"{path}: includes no data; replace the file")
        name = f"include/{match[1]}"
        if name not in included:
            strokes = _text(files, name, path)
            author = _WRITER.search(strokes)
            if author is None:
                raise UserError(f"{name}: no .WRITER_ID; replace the file")
            included[name] = author[1], runs_of(strokes, name)
        author_id, runs = included[name]
        prefix = path.removeprefix("data/").rpartition(".")[0]
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.startswith(".SEGMENT"):
                continue
            found = _SEGMENT.fullmatch(line.strip())
            try:
                if found is None:
                    raise ValueError(f'{line.strip()!r} is not of the form .SEGMENT CHARACTER 6-7 ? "4"')
                yield Segment(f"{prefix}/{found[1]}", found[2][-1], author_id, strokes_of(runs, found[1]))
            except ValueError as error:
                raise UserError(f"{path}, line {number}: {error}; replace the file") from None


def _text(files: Mapping[str, bytes], path: str, wanted_by: str) -> str:
    try:
        return files[path].decode("latin-1")
    except KeyError:
        raise UserError(f"{wanted_by}: includes {path}, which is missing; replace the archive") from None


def writer_names(segments: Iterable[Segment]) -> dict[tuple[str, str], str]:
    """Return the writer of each `Segment.person`, such as "ap-07": the published ids of a laboratory, numbered."""
    people = groupby(sorted({one.person for one in segments}), key=itemgetter(0))
    numbered = ((person, number) for _, group in people for number, person in enumerate(group, start=1))
    return {person: f"{person[0]}-{number:02d}" for person, number in numbered}


def fitted(segments: Sequence[Segment]) -> list[list[Stroke]]:
    """Return the strokes of one writer's characters on the canvas; see `Sample.strokes`.

    A letter or symbol of less than half the writer's usual size (the median of the longer sides) is enlarged as one of
    half that size.
    """
    boxes = [_box(one.strokes) for one in segments]
    sides = [float((high - low).max()) for low, high in boxes]
    half = SMALL * float(np.median(sides))
    drawn: list[list[Stroke]] = []
    for one, (low, high), side in zip(segments, boxes, sides, strict=True):
        side = max(side, 1.0, 0.0 if one.kind == "digit" else half)
        scale, middle = FITTED / side * np.array([1, -1]), (low + high) / 2
        placed = [(points - middle) * scale + CANVAS_SIDE / 2 for points in one.strokes]
        drawn.append([points.astype(np.float32) for points in placed])
    return drawn


def _box(strokes: Sequence[Points]) -> tuple[Points, Points]:
    points = np.concatenate(strokes)
    return points.min(axis=0), points.max(axis=0)


class UnipenSource(PublishedSource):
    """`source` of conf/data/unipen.yaml: the archive, and what each writer is for."""

    roles: ClassVar[tuple[str, ...]] = ("archive",)

    writers: Writers


def prepare(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch UNIPEN and write `out/strokes.npz` with all characters, and two sets of drawings.

    `data` is `conf/data/unipen.yaml`. `out/validation` and `out/test` hold the digits of these writers. Characters in
    unipen_left_out.txt are left out. Raises UserError if no mirror serves the archive or a listed writer is unknown.
    """
    source = validated(UnipenSource, data.source.arguments, "data.source")
    segments = list(segments_of(Fetcher(data.name, source, mirror, patience).fetch_files("archive")))
    samples = samples_of(segments, source.writers)
    for part in ("validation", "test"):
        write_drawings(out / part, map(drawing, chosen(samples, part, "digit")))
    write_samples(out / FILE_NAME, samples)


def samples_of(segments: Sequence[Segment], writers: Writers) -> list[Sample]:
    """Return all characters but those left out, by writer. Raises UserError if one of `writers` wrote nothing."""
    names = writer_names(segments)
    unknown = sorted({*writers.test, *writers.validation} - set(names.values()))
    if unknown:
        raise UserError(f"conf/data/unipen.yaml: writers {', '.join(unknown)} wrote nothing; fix the list")
    left_out = set(LEFT_OUT.read_text(encoding="ascii").split())
    written: dict[tuple[str, str], list[Segment]] = {}
    for one in segments:
        written.setdefault(one.person, []).append(one)
    samples: list[Sample] = []
    for person, writer in names.items():
        own = written[person]
        part = "test" if writer in writers.test else "validation" if writer in writers.validation else "training"
        samples += [
            Sample(one.id, one.contributor, writer, one.kind, one.label, part, strokes)
            for one, strokes in zip(own, fitted(own), strict=True)
            if one.id not in left_out
        ]
    return samples


def chosen(samples: Iterable[Sample], part: str, kind: str) -> list[Sample]:
    """Return the samples of one part ("training", "validation" or "test") and kind ("digit", "letter", "symbol")."""
    return [one for one in samples if (one.part, one.kind) == (part, kind)]


def forms() -> dict[str, set[str]]:
    """Return the ids of test digits by their form, such as "slashed_0" or "barred_7"; a digit can have two."""
    found: dict[str, set[str]] = {}
    for line in FORMS.read_text(encoding="ascii").splitlines():
        form, name = line.split()
        found.setdefault(form, set()).add(name)
    return found


def drawing(one: Sample) -> Drawing:
    """Return a sample as a drawing; one that is no digit has the label None."""
    return Drawing(
        id=one.id,
        label=int(one.label) if one.kind == "digit" else None,
        writer=one.writer,
        source="unipen",
        canvas=(CANVAS_SIDE, CANVAS_SIDE),
        strokes=[stroke.tolist() for stroke in one.strokes],
        image=None,
        created=PUBLISHED,
    )


_TEXTS = ("id", "contributor", "writer", "kind", "label", "part")


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write samples as one NumPy archive, whole or not at all: texts (N,), strokes a sample (N,), points a stroke."""
    strokes = [stroke for one in samples for stroke in one.strokes]
    arrays: dict[str, NDArray[Any]] = {
        name: np.array([getattr(one, name) for one in samples], np.bytes_) for name in _TEXTS
    }
    arrays["strokes"] = np.array([len(one.strokes) for one in samples], np.int32)
    arrays["points"] = np.array([len(stroke) for stroke in strokes], np.int32)
    arrays["xy"] = np.rint(np.concatenate(strokes) * TENTH).astype(np.int16)
    write_arrays(path, arrays)


def read(folder: Path) -> list[Sample]:
    """Return all characters that `prepare` wrote to `folder`; raises UserError if there are none."""
    path, again = folder / FILE_NAME, "run `python src/download.py data=unipen`"
    try:
        with np.load(path) as arrays:
            texts: list[list[Any]] = [arrays[name].astype(np.str_).tolist() for name in _TEXTS]
            xy = arrays["xy"].astype(np.float32) / TENTH
            points, strokes = (np.cumsum([0, *arrays[name]]).tolist() for name in ("points", "strokes"))
    except FileNotFoundError:
        raise UserError(f"{path}: not made yet; {again}") from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and {again}") from error
    lines = [xy[start:stop] for start, stop in pairwise(points)]
    texts.append([lines[start:stop] for start, stop in pairwise(strokes)])
    return [Sample(*fields) for fields in zip(*texts, strict=True)]
