"""The database of kept drawings, in SQLite: an acknowledged drawing is on the disk and survives a crash."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

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

    id: str
    label: int | None
    writer: str
    strokes: list[list[list[float]]]
    width: int
    height: int
    predicted: int | None
    model: str
    version: str
    device: str
    pointer: str
    created: str


_COLUMNS = tuple(field.name for field in fields(Kept))


@dataclass(frozen=True, slots=True)
class Page:
    """Some drawings, the newest first. `before` is the parameter for the next page, None on the last page."""

    drawings: list[Kept]
    before: int | None


class Counts(TypedDict):
    """How many drawings there are: in all, predicted wrong, by label ("0" to "9" and "none") and by writer."""

    total: int
    wrong: int
    labels: dict[str, int]
    writers: dict[str, int]


class DrawingStore:
    """The database in one file, which the first drawing creates. Safe for several threads and processes.

    Every method raises UserError if the file is not such a database or was written by a newer version, and
    sqlite3.OperationalError if the system fails, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, drawing: Kept) -> None:
        """Keep a drawing. Once this returns, the drawing survives the end of the process and a power cut."""
        marks = ", ".join("?" * len(_COLUMNS))
        with self._open(create=True) as connection:
            values = [json.dumps(value) if isinstance(value, list) else value for value in astuple(drawing)]
            connection.execute(f"INSERT INTO drawings ({', '.join(_COLUMNS)}) VALUES ({marks})", values)

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
        return Page([_kept(row[1:]) for row in rows[:most]], rows[most - 1][0] if most and len(rows) > most else None)

    def get(self, name: str) -> Kept | None:
        """Return the drawing with the id `name`, or None."""
        with self._open() as connection:
            row = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM drawings WHERE id = ?", (name,)).fetchone()
        return _kept(row) if row else None

    def correct(self, name: str, label: int | None, writer: str) -> bool:
        """Change the label and writer of a drawing; return whether the drawing exists."""
        with self._open() as connection:
            query = "UPDATE drawings SET label = ?, writer = ? WHERE id = ?"
            return connection.execute(query, (label, writer, name)).rowcount == 1

    def delete(self, name: str) -> bool:
        """Delete a drawing with its strokes. Its id stays in a table, so that `collect` can remove it from the set."""
        with self._open() as connection:
            found = connection.execute("DELETE FROM drawings WHERE id = ?", (name,)).rowcount == 1
            if found:
                connection.execute("INSERT OR IGNORE INTO deleted VALUES (?)", (name,))
            return found

    def counts(self) -> Counts:
        """Return how many drawings there are."""
        with self._open() as connection:
            labels = connection.execute("SELECT label, count(*) FROM drawings GROUP BY label").fetchall()
            writers = connection.execute("SELECT writer, count(*) FROM drawings GROUP BY writer").fetchall()
            wrong = connection.execute("SELECT count(*) FROM drawings WHERE label IS NOT predicted").fetchone()[0]
        by_label = {"none" if label is None else str(label): count for label, count in labels}
        return {"total": sum(by_label.values()), "wrong": wrong, "labels": by_label, "writers": dict(writers)}

    def all(self) -> list[Kept]:
        """Return all drawings in the order in which they were kept."""
        with self._open() as connection:
            query = f"SELECT {', '.join(_COLUMNS)} FROM drawings ORDER BY number"
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
            raise UserError(f"{self.path}: not a database of drawings ({error}); move the file away") from error

    def _make(self) -> None:
        """Create an empty database in one step: SQLite does not wait for others while it switches to a log."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{self.path.name}-", dir=self.path.parent) as folder:
            unfinished = Path(folder, self.path.name)
            with closing(sqlite3.connect(unfinished)) as connection:
                self._prepare(connection)
            with suppress(FileExistsError):  # another process was faster
                self.path.hardlink_to(unfinished)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # FULL writes the log to the disk before a write is acknowledged. secure_delete overwrites strokes with zeros.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise UserError(
                f"{self.path}: written by a newer version of Inkproof; update it or choose another database"
            )
        if version == 0:
            connection.execute("PRAGMA journal_mode = WAL")  # stays in the file
            connection.executescript(_CREATE)


def _kept(row: tuple[Any, ...]) -> Kept:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Kept(**{**values, "strokes": json.loads(values["strokes"])})


def as_json(drawing: Kept) -> dict[str, Any]:
    """Return a drawing as the API sends it."""
    values = asdict(drawing)
    canvas = [values.pop("width"), values.pop("height")]
    return {**values, "canvas": canvas}


def new_id() -> str:
    """Return a new unique id."""
    return f"page-{os.urandom(8).hex()}"
