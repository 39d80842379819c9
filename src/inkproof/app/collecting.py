"""Collect the drawings that the page kept into a set of drawings: from its database, or from a file it exported."""

import re
import sys
from collections.abc import Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from inkproof.app.drawing_store import DrawingStore, Kept
from inkproof.app.payload import parsed
from inkproof.config.compose import composing, path_of
from inkproof.config.stages import AppConfig
from inkproof.config.validation import mistake
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.runtime.errors import UserError
from inkproof.stages.drawings import print_next, table

SOURCE = "drawing page"
FORMAT = 1  # of a line of the file that the page exports; static/js/browser_storage.js writes it
SUFFIXES = (".jsonl", ".json", ".txt")  # of such files: some systems rename a file that a browser saves
_ID = re.compile(r"page-[0-9a-f]{16}")
_UNNAMED = "me"  # the page's writer if nobody has typed a name
_KEPT, _DRAWING = TypeAdapter(Kept), TypeAdapter(Drawing)


@dataclass(slots=True)
class Collected:
    """The result of collecting: the whole set, and which drawings were added, changed and removed."""

    drawings: list[Drawing]
    added: list[Drawing]
    changed: list[Drawing]
    removed: list[Drawing]


def collect(database: Path, into: Path) -> Collected:
    """Update the set in `into` with the drawings kept in `database`; collecting again changes nothing.

    Imported drawings stay unchanged and come first. The collected drawings follow, sorted by writer. A drawing is
    removed only if it was deleted in the gallery: drawings of a lost database stay.

    Raises:
        UserError: the database is missing, or it or the set cannot be read. Nothing is written then.
    """
    if not database.is_file():
        raise UserError(f"{database}: no drawings have been kept; `make app` serves the drawing page")
    store = DrawingStore(database)
    store.check()
    for row in store.damaged():
        print(f"{database}: skipped {row.id}, which is damaged: {row.error}. The gallery deletes it", file=sys.stderr)
    return _merge(into, [as_drawing(kept) for kept in store.all()], store.deleted())


def import_page(file: Path, into: Path, writer: str | None = None) -> Collected:
    """Bring the drawings of a file that the page exported into the set in `into`, as `collect` does with a database.

    Args:
        file: a line of JSON for each drawing, and one with the ids of those that were deleted on the page.
        into: folder of the set; made if need be.
        writer: the name for drawings by "me", the page's default. If None, they keep the name that they have in the
            set.

    Raises:
        UserError: the file or the set cannot be read. Nothing is written then.
    """
    drawings, deleted = read_exported(file)
    names = {drawing.id: drawing.writer for drawing in read_drawings(into)}
    drawings = [
        replace(one, writer=writer or names.get(one.id, _UNNAMED)) if one.writer == _UNNAMED else one
        for one in drawings
    ]
    return _merge(into, drawings, deleted)


def read_exported(file: Path) -> tuple[list[Drawing], set[str]]:
    """Return the drawings in a file that the page exported, and the ids of those that were deleted.

    Raises:
        UserError: the page did not export this file, or it is damaged. The message names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text; export the drawings on the page again") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    kept: dict[str, Drawing] = {}
    deleted: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            one = _exported(line)
            if isinstance(one, Drawing):
                kept[one.id] = one  # of two exports in one file, the second is newer
            else:
                deleted |= one
        except ValueError as error:
            raise UserError(f"{file}, line {number}: {error}") from None
    if not kept and not deleted:
        raise UserError(f"{file} has no drawings; export them in the gallery of the page")
    return [drawing for drawing in kept.values() if drawing.id not in deleted], deleted


def _exported(line: str) -> Drawing | set[str]:
    """Return the drawing in a line, or the ids of deleted drawings; raises ValueError for anything else."""
    values = parsed(line)
    if not isinstance(values, dict) or not {"id", "deleted"} & {*values}:
        raise ValueError("not a drawing that the page exported")
    if values.pop("format", None) != FORMAT:
        raise ValueError(f"its format is not {FORMAT}; if a newer Inkproof has written it, update this one")
    ids = values.get("deleted", [values.get("id")])
    if not isinstance(ids, list):
        raise ValueError("deleted is no list of ids")
    for name in ids:
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise ValueError(f"{str(name)[:60]!r} is no id that the page makes, such as page-0123456789abcdef")
    if "deleted" in values:
        return set(ids)
    try:
        kept = _KEPT.validate_python(values)
        strokes = [stroke for stroke in kept.strokes if stroke]
        if not strokes:
            raise ValueError("strokes: no point")
        drawing = as_drawing(replace(kept, strokes=strokes, writer=" ".join(kept.writer.split())))
        if not f"{drawing.writer}{drawing.source}{drawing.created}".isprintable():
            raise ValueError("writer, device, pointer or created: a character that cannot be printed")
        return _DRAWING.validate_python(asdict(drawing))  # sets have limits of their own
    except ValidationError as error:
        raise ValueError(mistake(error, Kept)[1]) from None


def _merge(into: Path, ours: list[Drawing], deleted: Set[str]) -> Collected:
    """Write the set in `into`: `ours` are added or replace drawings of the same id, and `deleted` ids are removed."""
    before = {drawing.id: drawing for drawing in read_drawings(into)}
    kept = {drawing.id: drawing for drawing in ours}
    stay = [drawing for name, drawing in before.items() if name not in deleted and name not in kept]
    imported = [drawing for drawing in stay if not drawing.source.startswith(SOURCE)]
    ours = [*(drawing for drawing in stay if drawing.source.startswith(SOURCE)), *kept.values()]
    drawings = [*imported, *sorted(ours, key=lambda drawing: (drawing.writer, drawing.created, drawing.id))]
    if drawings != list(before.values()):
        write_drawings(into, drawings)
    return Collected(
        drawings,
        added=[drawing for name, drawing in kept.items() if name not in before],
        changed=[drawing for name, drawing in kept.items() if before.get(name, drawing) != drawing],
        removed=[drawing for name, drawing in before.items() if name in deleted],
    )


def as_drawing(kept: Kept) -> Drawing:
    """Return a kept drawing in the format of sets: the same strokes, without pressure."""
    return Drawing(
        id=kept.id,
        label=kept.label,
        writer=kept.writer,
        source=f"{SOURCE}/{kept.device}-{kept.pointer}",
        canvas=(kept.width, kept.height),
        strokes=[[[float(number) for number in point[:3]] for point in stroke] for stroke in kept.strokes],
        image=None,
        created=kept.created,
    )


def collect_kept(database: Path | None, into: Path) -> None:
    """Collect the drawings of `database`, by default that of conf/app.yaml, and print a summary."""
    with composing() as compose:
        result = collect(database or path_of(compose(AppConfig).database), into)
    print_collected(result, into)


def print_collected(result: Collected, into: Path) -> None:
    """Print what was done with the set in `into`, and its drawings by writer."""
    print(f"{into}: {len(result.added)} added, {len(result.changed)} corrected, {len(result.removed)} deleted\n")
    writers = sorted({drawing.writer for drawing in result.drawings})
    by_writer = {name: [drawing for drawing in result.drawings if drawing.writer == name] for name in writers}
    print(table({**by_writer, "in the set": result.drawings}))
    print_next(into)
