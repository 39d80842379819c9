"""Collect the drawings that the page kept into a set of drawings."""

import sys
from dataclasses import dataclass
from pathlib import Path

from inkproof.app.drawing_store import DrawingStore, Kept
from inkproof.config.compose import composing, path_of
from inkproof.config.stages import AppConfig
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.runtime.errors import UserError
from inkproof.stages.drawings import print_next, table

SOURCE = "drawing page"


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
    before = {drawing.id: drawing for drawing in read_drawings(into)}
    deleted = store.deleted()
    kept = {drawing.id: drawing for drawing in map(as_drawing, store.all())}
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
    print(f"{into}: {len(result.added)} added, {len(result.changed)} corrected, {len(result.removed)} deleted\n")
    writers = sorted({drawing.writer for drawing in result.drawings})
    by_writer = {name: [drawing for drawing in result.drawings if drawing.writer == name] for name in writers}
    print(table({**by_writer, "in the set": result.drawings}))
    print_next(into)
