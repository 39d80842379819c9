"""A user's own pictures into a set of drawings: copied as PNG under the hash of their content."""

import datetime
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.data.labelled_pictures import LabelledPicture, label_pictures
from inkproof.data.pictures import open_picture
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

# Four times the canvas: enough for any later way of reading the ink, and a photograph stays below a megabyte.
LONGEST_SIDE = 1120


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        drawings: the whole set after it.
        added: drawings that are new.
        changed: drawings that were there and have another label or writer now.
        known: how many pictures were there already.
        skipped: a line for each picture that could not be taken, with the reason.
        unlabelled: pictures that have no label.
    """

    drawings: list[Drawing]
    added: list[Drawing] = field(default_factory=list)
    changed: list[Drawing] = field(default_factory=list)
    known: int = 0
    skipped: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)


def import_drawings(
    folder: Path,
    into: Path,
    labels: Path | None = None,
    writer: str | None = None,
    progress: Callable[[list[LabelledPicture]], Iterable[LabelledPicture]] = iter,
) -> Imported:
    """Bring the labelled pictures of `folder` into the set of drawings in `into`.

    A picture is known by its pixels, so importing it again adds nothing; another label, or a writer that is
    given, replaces the old one.

    Args:
        folder: the pictures; see `label_pictures` for the shapes it may have.
        into: folder of the set; made if need be.
        labels: CSV of the labels.
        writer: who drew the pictures for which the CSV does not say it; "me" if nothing does.
        progress: passes the pictures on one by one and may show how far it has come.

    Raises:
        UserError: there is nothing to import, a label is wrong, or the set cannot be read or made; nothing is
            written then.
    """
    writer = (writer or "").strip() or None
    labelling = label_pictures(folder, labels)
    result = Imported(read_drawings(into), unlabelled=labelling.unlabelled)
    result.skipped += [f"{folder / name} cannot be read: there is no such file" for name in labelling.absent]
    place = {drawing.id: index for index, drawing in enumerate(result.drawings)}
    names: dict[str, str] = {}
    written: list[Path] = []
    try:
        for source in progress(labelling.pictures):
            try:
                picture = _storable(open_picture(source.path))
            except UserError as error:
                result.skipped.append(str(error))
                continue
            name = _content_hash(picture)
            if name not in place:
                file = into / f"{name}.png"
                _save(picture, file, written)
                drawing = _drawing(name, source, source.writer or writer or "me", folder, picture.size)
                place[name] = len(result.drawings)
                result.drawings.append(drawing)
                result.added.append(drawing)
            else:
                _meet_again(result, place[name], source, source.writer or writer, names.get(name))
            names.setdefault(name, source.name)
        if not names:
            raise UserError(f"no picture can be read; the first of {len(result.skipped)}: {result.skipped[0]}")
        if result.added or result.changed:
            write_drawings(into, result.drawings)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
    return result


def _storable(picture: Image.Image) -> Image.Image:
    """At most `LONGEST_SIDE` pixels, grey if all its colours are, and nothing but pixels."""
    scale = LONGEST_SIDE / max(picture.size)
    if scale < 1:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.HAMMING, reducing_gap=3.0)
    levels = np.asarray(picture)
    if levels.ndim == 3 and (levels == levels[:, :, :1]).all():
        levels = levels[:, :, 0]
    # A new image leaves colour profile, comments and place of a photograph behind.
    return Image.fromarray(np.ascontiguousarray(levels))


def _content_hash(picture: Image.Image) -> str:
    head = f"{picture.mode} {picture.width} {picture.height} "
    return hashlib.sha256(head.encode() + picture.tobytes()).hexdigest()[:16]


def _save(picture: Image.Image, file: Path, written: list[Path]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{file.parent} cannot be made: a file is in its way; give another --into") from None
    if not file.exists():
        written.append(file)
    with replacing(file) as temporary:
        picture.save(temporary, "PNG")


def _drawing(name: str, source: LabelledPicture, writer: str, folder: Path, canvas: tuple[int, int]) -> Drawing:
    changed = datetime.datetime.fromtimestamp(source.path.stat().st_mtime, datetime.UTC)
    return Drawing(
        id=name,
        label=source.label,
        writer=writer,
        # A file name may hold bytes that are no UTF-8; the set is UTF-8 throughout.
        source=os.fsencode(f"{folder.resolve().name}/{source.name}").decode("utf-8", "replace"),
        canvas=canvas,
        strokes=None,
        image=f"{name}.png",
        created=changed.date().isoformat(),
    )


def _meet_again(result: Imported, index: int, source: LabelledPicture, writer: str | None, twin: str | None) -> None:
    """Count a picture that is in the set; `twin` is the same picture under another name in this import."""
    old = result.drawings[index]
    new = replace(old, label=source.label, writer=writer or old.writer)
    if twin is not None and new.label != old.label:
        said = "no digit" if old.label is None else str(old.label)
        result.skipped.append(f"{source.path} is the same picture as {twin}, which is labelled {said}")
    elif twin is None and new != old:
        result.drawings[index] = new
        result.changed.append(new)
    else:
        result.known += 1
