"""A damaged database: each kind of damaged row, a file that is cut or zeroed, and a full disk."""

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from inkproof.app.collecting import collect
from inkproof.app.drawing_store import DrawingStore, Kept
from inkproof.data.drawings import read_drawings
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support.web_app import to_keep
from support.web_server import serving
from support.workspaces import TIMEOUT

ONE = Kept(
    **{"id": "page-1", "label": 3, "writer": "anna", "strokes": [[[1.5, 2.0, 0.0]]], "width": 280, "height": 280},
    **{"predicted": 8, "model": "pretrained", "version": "0123", "device": "phone", "pointer": "touch"},
    created="2026-11-21T10:00:00+00:00",
)
COLUMNS = list(ONE.__dataclass_fields__)
# Column, damaged value, a word of the reason.
DAMAGE = [
    *[("strokes", text, "strokes") for text in ("", "[[[1, 2", "{}", "7", "null", "[]", "[3]", '[["a"]]', "[[[1]]]")],
    *[
        ("strokes", text, "strokes")
        for text in ("[[[1, NaN]]]", "[[[1, 1e999]]]", "[[[1, 2, 3, 4, 5]]]", "[" * 100_000)
    ],
    *[("strokes", value, "strokes") for value in (None, 7, b"\xff\x00", "[[[1, 1" + "0" * 400 + "]]]")],
    *[("label", value, "label") for value in (10, -1, "seven", 2.5, b"7")],
    *[("predicted", value, "predicted") for value in (99, "x")],
    *[("width", value, "width") for value in (0, -280, None, 10**15, "wide")],
    *[("height", value, "height") for value in (0, 2.5)],
    *[("writer", value, "writer") for value in (None, "", b"\xff")],
    *[("created", value, "created") for value in (None, "yesterday", "2026")],
    *[("device", None, "device"), ("model", b"\x00", "model")],
    *[("id", value, "id") for value in (None, "", "../..", "a b", b"\xff", "x" * 1000)],
]


def damage(database: Path, **values: object) -> None:
    """Add a row to a copy of the table without its checks, as a damaged disk or another program may leave it."""
    row = {**{name: getattr(ONE, name) for name in COLUMNS}, "strokes": "[[[1, 2, 3]]]", "id": "page-bad", **values}
    with closing(sqlite3.connect(database)) as connection, connection:
        loose = ", ".join(COLUMNS)
        connection.execute("ALTER TABLE drawings RENAME TO strict")
        connection.execute(f"CREATE TABLE drawings (number INTEGER PRIMARY KEY AUTOINCREMENT, {loose})")
        connection.execute("INSERT INTO drawings SELECT * FROM strict")
        connection.execute("DROP TABLE strict")
        marks = ", ".join("?" * len(COLUMNS))
        connection.execute(f"INSERT INTO drawings ({loose}) VALUES ({marks})", [row[name] for name in COLUMNS])


@pytest.mark.parametrize(("column", "value", "word"), DAMAGE, ids=lambda part: repr(part)[:20])
def test_a_damaged_row_is_named_and_can_be_deleted(
    column: str, value: object, word: str, client: FlaskClient, database: Path, tmp_path: Path, capsys
):
    good = client.post("/api/drawings", json=to_keep()).json
    damage(database, **{column: value})
    listed = client.get("/api/drawings")
    assert listed.status_code == 200
    assert listed.json["drawings"] == [good] and listed.json["counts"]["total"] == 2
    [row] = listed.json["damaged"]
    assert row["id"] == ("row-2" if column == "id" else "page-bad")
    assert word in row["error"] and "\n" not in row["error"] and len(row["error"]) < 200
    address = f"/api/drawings/{row['id']}"
    for refused in (client.get(address), client.patch(address, json={"label": 1})):
        assert refused.status_code == 409 and word in refused.json["error"]
    result = collect(database, tmp_path / "mine")
    assert [one.id for one in result.added] == [one.id for one in read_drawings(tmp_path / "mine")] == [good["id"]]
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and row["id"] in line and "damaged" in line
    DrawingStore(database).check()
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    after = client.get("/api/drawings").json
    assert (after["drawings"], after["damaged"]) == ([good], [])


def kept(database: Path) -> bytes:
    store = DrawingStore(database)
    for number in range(40):
        store.add(replace(ONE, id=f"page-{number}", strokes=[[[number, 2.0, 0.0]] * 300]))
    return database.read_bytes()


@pytest.mark.parametrize("kind", ["cut", "short", "empty", "zeroed", "hole", "text", "folder", "foreign", "tables"])
def test_an_unusable_database_is_one_line_at_the_start(kind: str, tmp_path: Path):
    database = tmp_path / "app.db"
    content = kept(database)
    if kind == "folder":
        database.unlink()
        database.mkdir()
    elif kind in ("foreign", "tables"):
        database.unlink()
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("CREATE TABLE diary (day TEXT)")
            connection.execute(f"PRAGMA user_version = {int(kind == 'tables')}")
    else:
        size = len(content)
        changed = {"cut": content[: size // 2], "short": content[:50], "empty": b"", "zeroed": bytes(size)}
        changed["hole"] = content[:4096] + bytes(size - 4096)
        database.write_bytes({**changed, "text": b"my diary\n" * 100}[kind])
    before = database.read_bytes() if database.is_file() else b""
    with pytest.raises(UserError) as refused:
        DrawingStore(database).check()
    assert str(database) in str(refused.value) and "\n" not in str(refused.value)
    assert "move it away" in str(refused.value)
    assert before == (database.read_bytes() if database.is_file() else b""), "it was not changed"


def test_the_server_ends_with_that_line(tmp_path: Path):
    (tmp_path / "app.db").write_bytes(bytes(8192))
    command = [sys.executable, str(ROOT / "src" / "app.py"), "port=0", f"database={tmp_path / 'app.db'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "app.db: not a database of drawings" in done.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EIO, "Input/output error"), 503),
        (PermissionError(errno.EACCES, "Permission denied"), 503),
        (sqlite3.OperationalError("disk I/O error"), 503),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), 503),
        (MemoryError(), 503),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_failing_system_is_an_error_with_one_line(
    error: Exception, status: int, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys
):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(DrawingStore, "add", fail)
    refused = client.post("/api/drawings", json=to_keep())
    assert refused.status_code == status and "nothing was kept" in refused.json["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_database_that_cannot_grow_is_507(client: FlaskClient, database: Path, monkeypatch: pytest.MonkeyPatch):
    prepare = DrawingStore._prepare

    def small(store: DrawingStore, connection: sqlite3.Connection) -> None:
        prepare(store, connection)
        connection.execute("PRAGMA max_page_count = 20")  # SQLite itself then says that the disk is full

    monkeypatch.setattr(DrawingStore, "_prepare", small)
    asked = to_keep(strokes=[[[1, 2, 3]] * 1500])
    answers = [client.post("/api/drawings", json=asked) for _ in range(10)]
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {201, 507} and answers[-1].json == {
        "error": "the disk of the server is full; nothing was kept"
    }
    assert client.get("/api/drawings").json["counts"]["total"] == statuses.count(201)


def test_a_full_disk_keeps_nothing_halfway(tmp_path: Path):
    """The server may write no file longer than 200 KB: for SQLite a disk that is full."""
    database = tmp_path / "app.db"
    with serving(database) as server:
        assert server.ask("POST", "/api/drawings", to_keep())[0] == 201
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (200_000, 200_000))
        asked = to_keep(strokes=[[[1, 2, 3]] * 3500])
        statuses = [server.ask("POST", "/api/drawings", asked)[0] for _ in range(30)]
        assert set(statuses) <= {201, 503, 507} and statuses[-1] != 201
        status, content = server.ask("POST", "/api/drawings", asked)
        assert status in (503, 507) and "nothing was kept" in content["error"]
        total = server.ask("GET", "/api/drawings?most=0")[1]["counts"]["total"]
        assert total == 1 + statuses.count(201)
    store = DrawingStore(database)
    store.check()
    assert len(store.all()) == total and store.damaged() == []
    assert os.listdir(tmp_path) == ["app.db"]  # noqa: PTH208
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
