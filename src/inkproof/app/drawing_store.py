"""The database of kept drawings, in SQLite: an acknowledged drawing is on the disk and survives a crash."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypedDict

from pydantic import Field, TypeAdapter, ValidationError

from inkproof.app.payload import Side, Stroke, parsed
from inkproof.config.validation import mistake
from inkproof.data.drawings import Digit, must
from inkproof.runtime.errors import UserError

FORMAT = 1  # of the database, in SQLite's user_version since Inkproof 0.1
_CREATE = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS drawings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    label INTEGER CHECK (label BETWEEN 0 AND 9),
    writer TEXT NOT NULL,
    strokes TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    predicted INTEGER CHECK (predicted BETWEEN 0 AND 9),
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    device TEXT NOT NULL,
    pointer TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deleted (id TEXT PRIMARY KEY) STRICT;
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_WAIT = 5.0  # seconds to wait for another process that writes
_ID = re.compile(r"[\w-]{1,60}")
_Text = Annotated[str, Field(strict=True)]
_ROW = re.compile(r"row-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Kept:
    """A drawing in the database.

    Attributes:
        id: the unique id.
        label: the digit that the writer meant, or None for "not a digit".
        writer: who drew it.
        strokes: lists of points [x, y, t] or [x, y, t, pressure] on a canvas of `width` x `height` pixels.
        predicted: the predicted digit, or None if it was rejected as not a digit.
        model, version: the model that predicted it, and the version of its file.
        device, pointer: the class of the device, and the tool that drew it.
        created: when it was kept, ISO 8601, UTC.
    """

    id: Annotated[_Text, must(_ID.fullmatch, "not an id")]
    label: Digit | None
    writer: Annotated[_Text, must(str.strip, "not a text")]
    strokes: Annotated[list[Stroke], Field(min_length=1)]
    width: Side
    height: Side
    predicted: Digit | None
    model: _Text
    version: _Text
    device: _Text
    pointer: _Text
    created: Annotated[_Text, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*$")]


_COLUMNS = tuple(field.name for field in fields(Kept))
_CHECKED = TypeAdapter(Kept)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that is no drawing.

    `id` is its own id or, if that is damaged too, "row-" and its number. `error` is one line.
    """

    id: str
    error: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some drawings, the newest first, and the damaged rows among them.

    `before` is the parameter for the next page, None on the last page.
    """

    drawings: list[Kept]
    damaged: list[Damaged]
    before: int | None


class Counts(TypedDict):
    """How many drawings there are: in all, predicted wrong, by label ("0" to "9" and "none") and by writer."""

    total: int
    wrong: int
    labels: dict[str, int]
    writers: dict[str, int]


class DrawingStore:
    """The database in one file, which the first drawing creates. Safe for several threads and processes.

    Every method raises UserError if the file is not such a database or was written by a newer version. It raises
    sqlite3.OperationalError if the system fails, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Raise UserError with one line if there is a file, and it cannot be read as such a database."""
        if not self.path.exists():
            return
        try:
            if self.path.is_file() and not self.path.stat().st_size:
                raise sqlite3.DatabaseError("it is empty")
            with self._open() as connection:  # reads every drawing
                connection.execute(f"SELECT sum(length(strokes)), {', '.join(_COLUMNS)} FROM drawings").fetchall()
                connection.execute("SELECT count(id) FROM deleted").fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None

    def add(self, drawing: Kept) -> bool:
        """Keep a drawing. Once this returns, the drawing survives the end of the process and a power cut.

        Return False, and change nothing, if a drawing with its id is kept already, or was deleted.
        """
        marks = ", ".join("?" * len(_COLUMNS))
        query = f"""INSERT INTO drawings ({", ".join(_COLUMNS)}) SELECT {marks}
            WHERE NOT EXISTS (SELECT 1 FROM deleted WHERE id = ?) ON CONFLICT (id) DO NOTHING"""
        with self._open(create=True) as connection:
            values = [json.dumps(value) if isinstance(value, list) else value for value in astuple(drawing)]
            return bool(connection.execute(query, [*values, drawing.id]).rowcount == 1)

    def find(
        self,
        label: int | str | None = None,
        wrong: bool = False,
        writer: str | None = None,
        before: int | None = None,
        most: int = 60,
    ) -> Page:
        """Return at most `most` drawings, the newest first.

        Args:
            label: a digit, or "none" for drawings that are not a digit. None returns every label.
            wrong: only drawings whose prediction differs from their label.
            writer: only drawings of one writer.
            before: `before` of the previous page.
        """
        wanted = {"label = ?": None if label == "none" else label, "writer = ?": writer, "number < ?": before}
        given = {condition: value for condition, value in wanted.items() if value is not None}
        without = {"label IS NULL": label == "none", "label IS NOT predicted": wrong}
        conditions = [*given, *(condition for condition, holds in without.items() if holds)]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT number, {', '.join(_COLUMNS)} FROM drawings {where} ORDER BY number DESC LIMIT ?"
        with self._open() as connection:
            rows = connection.execute(query, (*given.values(), most + 1)).fetchall()
        found = [_kept(row) for row in rows[:most]]
        return Page(
            [one for one in found if isinstance(one, Kept)],
            [one for one in found if isinstance(one, Damaged)],
            rows[most - 1][0] if most and len(rows) > most else None,
        )

    def get(self, name: str) -> Kept | Damaged | None:
        """Return the drawing or damaged row with the id `name`, or None."""
        query = f"SELECT number, {', '.join(_COLUMNS)} FROM drawings WHERE {_named(name)}"
        with self._open() as connection:
            row = connection.execute(query, {"name": name}).fetchone()
        return _kept(row) if row else None

    def correct(self, name: str, label: int | None, writer: str) -> bool:
        """Change the label and writer of a drawing; return whether the drawing exists."""
        with self._open() as connection:
            query = "UPDATE drawings SET label = ?, writer = ? WHERE id = ?"
            return connection.execute(query, (label, writer, name)).rowcount == 1

    def delete(self, name: str) -> bool:
        """Delete a drawing or damaged row; return whether it exists.

        The id of a drawing stays in a table, so that `collect` can remove it from the set.
        """
        with self._open() as connection:
            found: bool = connection.execute(f"DELETE FROM drawings WHERE {_named(name)}", {"name": name}).rowcount == 1
            if found:
                connection.execute("INSERT OR IGNORE INTO deleted VALUES (?)", (name,))
            return found

    def counts(self) -> Counts:
        """Return how many drawings there are."""
        with self._open() as connection:
            # A label or writer of a damaged row may have any type.
            labels = connection.execute("SELECT CAST(label AS TEXT), count(*) FROM drawings GROUP BY 1").fetchall()
            writers = connection.execute(
                "SELECT writer, count(*) FROM drawings WHERE typeof(writer) = 'text' GROUP BY writer"
            ).fetchall()
            wrong = connection.execute("SELECT count(*) FROM drawings WHERE label IS NOT predicted").fetchone()[0]
        by_label = {"none" if label is None else label: count for label, count in labels}
        return {"total": sum(by_label.values()), "wrong": wrong, "labels": by_label, "writers": dict(writers)}

    def all(self) -> list[Kept]:
        """Return all drawings in the order in which they were kept, without damaged rows."""
        return [one for one in self._all() if isinstance(one, Kept)]

    def damaged(self) -> list[Damaged]:
        """Return all damaged rows."""
        return [one for one in self._all() if isinstance(one, Damaged)]

    def _all(self) -> list[Kept | Damaged]:
        with self._open() as connection:
            query = f"SELECT number, {', '.join(_COLUMNS)} FROM drawings ORDER BY number"
            return [_kept(row) for row in connection.execute(query)]

    def deleted(self) -> set[str]:
        """Return the ids of all deleted drawings."""
        with self._open() as connection:
            return {row[0] for row in connection.execute("SELECT id FROM deleted")}

    @contextmanager
    def _open(self, create: bool = False) -> Iterator[Any]:
        """Yield a connection in a transaction. Without a file it is to an empty database in memory.

        With `create` the file is created.
        """
        exists = self.path.exists()
        if create and not exists:
            self._make()
        try:
            place = self.path if create or exists else ":memory:"
            with closing(sqlite3.connect(place, timeout=_WAIT)) as connection:
                self._prepare(connection)
                with connection:
                    yield connection
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError | sqlite3.IntegrityError):
                raise
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> UserError:
        return UserError(f"{self.path}: not a database of drawings ({error}); move it away, or name another")

    def _make(self) -> None:
        """Create an empty database in one step: SQLite does not wait for others while it switches to a log."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{self.path.name}-", dir=self.path.parent) as folder:
            unfinished = Path(folder, self.path.name)
            with closing(sqlite3.connect(unfinished)) as connection:
                self._prepare(connection)
            with suppress(FileExistsError):  # another process was faster
                self.path.hardlink_to(unfinished)
        parent = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(parent)  # the file's name survives a power cut, too
        finally:
            os.close(parent)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # FULL writes the log to the disk before a write is acknowledged. secure_delete overwrites strokes with zeros.
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise UserError(
                f"{self.path}: written by a newer version of Inkproof; update it or choose another database"
            )
        if version == 0:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.DatabaseError("it is another program's")
            connection.execute("PRAGMA journal_mode = WAL")  # stays in the file
            connection.executescript(_CREATE)


def _named(name: str) -> str:
    """The SQL condition for the row with this `Kept.id` or `Damaged.id`."""
    row = _ROW.fullmatch(name)
    return f"number = {int(row[1])}" if row else "id = :name"


def _kept(row: tuple[Any, ...]) -> Kept | Damaged:
    """Return the drawing in a row of its number and `_COLUMNS`."""
    values = dict(zip(_COLUMNS, row[1:], strict=True))
    try:
        if isinstance(values["strokes"], str):
            values["strokes"] = parsed(values["strokes"])
        return _CHECKED.validate_python(values)
    except ValidationError as error:
        reason = mistake(error, Kept)[1]
    except ValueError as error:
        reason = f"strokes: {error}"
    name = values["id"]
    return Damaged(name if isinstance(name, str) and _ID.fullmatch(name) else f"row-{row[0]}", reason)


def as_json(drawing: Kept) -> dict[str, Any]:
    """Return a drawing as the API sends it."""
    values = asdict(drawing)
    canvas = [values.pop("width"), values.pop("height")]
    return {**values, "canvas": canvas}


def new_id() -> str:
    """Return a new unique id."""
    return f"page-{os.urandom(8).hex()}"
