"""The database of kept drawings: durability, threads and later versions."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from inkproof.app.drawing_store import FORMAT, DrawingStore, Kept, new_id
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

ONE = Kept(
    **{"id": "page-1", "label": 3, "writer": "anna", "strokes": [[[1.5, 2.0, 0.0]]], "width": 280, "height": 280},
    **{"predicted": 8, "model": "pretrained", "version": "0123", "device": "phone", "pointer": "touch"},
    created="2026-11-21T10:00:00+00:00",
)
# What Inkproof 0.1 wrote: a log, the number 1, and these tables.
FIRST = """
PRAGMA journal_mode = WAL;
CREATE TABLE drawings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, label INTEGER CHECK (label BETWEEN 0 AND 9),
    writer TEXT NOT NULL, strokes TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    predicted INTEGER CHECK (predicted BETWEEN 0 AND 9), model TEXT NOT NULL, version TEXT NOT NULL,
    device TEXT NOT NULL, pointer TEXT NOT NULL, created TEXT NOT NULL
) STRICT;
CREATE TABLE deleted (id TEXT PRIMARY KEY) STRICT;
PRAGMA user_version = 1;
INSERT INTO drawings VALUES (
    7, 'page-1', 3, 'anna', '[[[1.5, 2.0, 0.0]]]', 280, 280, 8, 'pretrained', '0123', 'phone', 'touch',
    '2026-11-21T10:00:00+00:00'
);
INSERT INTO deleted VALUES ('page-0');
"""


def test_another_store_finds_the_same_drawing(tmp_path: Path):
    DrawingStore(tmp_path / "deep" / "app.db").add(ONE)
    assert DrawingStore(tmp_path / "deep" / "app.db").get("page-1") == ONE


def test_it_has_a_write_ahead_log_and_waits_for_the_disk(tmp_path: Path):
    store = DrawingStore(tmp_path / "app.db")
    store.add(ONE)
    with store._open() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        assert connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT


def test_many_threads_may_write_at_once_from_the_first_drawing_on(tmp_path: Path):
    store = DrawingStore(tmp_path / "app.db")
    names = [new_id() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.add(replace(ONE, id=name)), names))
    assert sorted(drawing.id for drawing in store.all()) == sorted(names)
    assert {path.name for path in tmp_path.iterdir()} == {"app.db"}


def test_many_threads_may_create_the_database_at_once(tmp_path: Path):
    def first_drawings(number: int) -> int:
        store = DrawingStore(tmp_path / str(number) / "app.db")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.add(replace(ONE, id=name)), [new_id() for _ in range(8)]))
        return store.counts()["total"]

    # One database in a hundred failed with "database is locked" when every connection changed the journal mode.
    assert {first_drawings(number) for number in range(40)} == {8}


def test_deleted_strokes_are_not_left_in_the_file(tmp_path: Path):
    store = DrawingStore(tmp_path / "app.db")
    store.add(replace(ONE, writer="somebody in particular"))
    assert store.delete("page-1") and not store.delete("page-1")
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"in particular" not in store.path.read_bytes()
    assert store.deleted() == {"page-1"} and store.all() == []


def test_a_database_of_the_first_version_is_read(tmp_path: Path):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
    store = DrawingStore(path)
    assert store.all() == [ONE] and store.deleted() == {"page-0"}
    store.add(replace(ONE, id="page-2"))
    assert store.counts()["total"] == 2


def test_a_database_of_a_newer_version_is_not_changed(tmp_path: Path):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(UserError, match="newer version"):
        DrawingStore(path).add(ONE)


def test_the_database_rejects_an_invalid_label(tmp_path: Path):
    with pytest.raises(sqlite3.IntegrityError):
        DrawingStore(tmp_path / "app.db").add(replace(ONE, label=10))
    assert DrawingStore(tmp_path / "app.db").all() == []


def test_a_failed_write_changes_nothing(tmp_path: Path):
    store = DrawingStore(tmp_path / "app.db")
    store.add(ONE)
    with pytest.raises(RuntimeError), store._open() as connection:
        connection.execute("DELETE FROM drawings")
        raise RuntimeError("pulled out")
    assert store.all() == [ONE]


def test_killed_while_saving_it_loses_no_acknowledged_drawing(tmp_path: Path):
    program = textwrap.dedent("""
        import sys
        from dataclasses import replace
        from pathlib import Path
        sys.path[:0] = sys.argv[2:]
        from inkproof.app.drawing_store import DrawingStore, new_id
        from test_drawing_store import ONE
        store = DrawingStore(Path(sys.argv[1]))
        while True:
            name = new_id()
            store.add(replace(ONE, id=name))
            print(name, flush=True)
    """)
    path = tmp_path / "app.db"
    command = [sys.executable, "-c", program, str(path), str(ROOT / "src"), str(Path(__file__).parent)]
    acknowledged: list[str] = []
    for last in (5, 17):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for count, line in enumerate(process.stdout):
            acknowledged.append(line.strip())
            if count == last:
                os.kill(process.pid, signal.SIGKILL)
                break
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
    kept = [drawing.id for drawing in DrawingStore(path).all()]
    assert set(acknowledged) <= set(kept) and len(kept) <= len(acknowledged) + 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
