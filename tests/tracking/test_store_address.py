"""An error of the tracking store is one line, and looking for a store makes none."""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow.exceptions import RestException

from inkproof.config.one_line import explain as explain_any
from inkproof.config.one_line import explain_tracking as explain
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import require_tracking_store, tracking_uri
from inkproof.tracking.mlflow_tracker import Tracker
from support.trackers import use


def line_of(error: BaseException) -> str:
    line = explain(error)
    assert line is not None and len(line.splitlines()) == 1
    assert line.startswith(f"MLflow store {tracking_uri()}: ")
    return line


def test_a_locked_database_is_one_line(opened: Callable[[], Tracker], tmp_path: Path):
    opened()
    from sqlalchemy import create_engine, text

    with sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        engine = create_engine(f"sqlite:///{tmp_path / 'mlflow.db'}", connect_args={"timeout": 0.1})
        with pytest.raises(Exception, match="locked") as caught, engine.begin() as connection:
            connection.execute(text("UPDATE runs SET status = 'FINISHED'"))
    assert "database is locked: another program" in line_of(caught.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    (tmp_path / "mlflow.db").write_text("this was a database before the disk broke\n" * 100)
    with pytest.raises(Exception, match="not a database") as caught:
        Tracker()
    assert "move it away" in line_of(caught.value)
    assert (tmp_path / "mlflow.db").read_text().startswith("this was"), "the user's file is left alone"


def test_a_server_that_is_not_there_is_one_line_within_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = time.monotonic()
    with pytest.raises(Exception, match="Max retries exceeded") as caught:
        Tracker()
    assert time.monotonic() - began < 30
    assert "does not answer; check MLFLOW_TRACKING_URI" in line_of(caught.value)


def test_an_address_of_an_unknown_kind_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlight:///mlflow.db")
    with pytest.raises(Exception, match="unsupported URI") as caught:
        Tracker()
    assert "check MLFLOW_TRACKING_URI" in line_of(caught.value)


def test_an_error_that_is_not_the_stores_is_not_explained():
    assert explain(ValueError("database is locked")) is None
    assert explain(sqlite3.OperationalError("no such table: runs")) is None


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=r"mlflow\.db: no database there; src/train\.py makes it"):
        require_tracking_store()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mlflow.db").touch()
    require_tracking_store()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:1")
    require_tracking_store()  # whether a server answers, asking it will tell


@pytest.mark.parametrize("name", ["a#b", "100%", "with space", "a;b=c&d", "ü'"])
def test_a_store_lies_in_the_repository_whatever_its_path(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    root = tmp_path / name
    root.mkdir()
    shutil.copyfile(empty_store, root / "mlflow.db")
    use(root, monkeypatch)
    tracker = Tracker()
    run = tracker.start("mnist", "run", {"key": "k"})
    (tmp_path / "file").write_text("content")
    tracker.file(run, tmp_path / "file", "artifacts")
    tracker.restore(run, ["file"], tmp_path / "restored")
    assert (tmp_path / "restored" / "file").read_text() == "content"
    with sqlite3.connect(root / "mlflow.db") as database:
        assert database.execute("SELECT run_uuid FROM runs").fetchall() == [(run,)]
    assert list(root.glob("mlruns/mnist/*/artifacts/artifacts/file"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "file", "restored"])


@pytest.mark.parametrize("name", ["why?", "a%20b"])
def test_a_path_that_mlflow_cannot_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    (tmp_path / name).mkdir()
    use(tmp_path / name, monkeypatch)
    with pytest.raises(UserError) as caught:
        Tracker()
    line = f"{tmp_path / name}: MLflow cannot read a path with ? or with %20 and the like; rename the folder"
    assert str(caught.value) == line
    assert [path.name for path in tmp_path.rglob("*")] == [name], "no store is elsewhere"


@pytest.mark.parametrize("damage", ["cut", "cut in its head", "zeroed", "zeroed from the third page"])
def test_a_damaged_database_is_one_line(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
):
    use(tmp_path, monkeypatch)
    whole = empty_store.read_bytes()
    content = {
        "cut": whole[: len(whole) // 2],
        "cut in its head": whole[:50],
        "zeroed": bytes(len(whole)),
        "zeroed from the third page": whole[:8192] + bytes(len(whole) - 8192),
    }[damage]
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(Exception, match=r"not a database|malformed") as caught:
        Tracker()
    assert "the file is damaged; move it away" in line_of(caught.value)
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_an_empty_database_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    (tmp_path / "mlflow.db").touch()
    assert Tracker().find("mnist", {"key": "k"}) is None


def test_a_folder_in_place_of_the_database_is_one_line_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    use(tmp_path, monkeypatch)
    (tmp_path / "mlflow.db").mkdir()
    began = time.monotonic()
    with pytest.raises(UserError, match=r"mlflow\.db: a folder is where MLflow's database should be; move it away$"):
        Tracker()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("file:///tmp/mlruns", "sqlite:///mlflow.db"),
        ("databricks", "check MLFLOW_TRACKING_URI"),
        ("postgresql://nobody@127.0.0.1:9/mlflow", "install the Python package psycopg"),
        ("http://127.0.0.1:99999", "Invalid url"),
    ],
)
def test_another_kind_of_store_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, words: str, capfd: pytest.CaptureFixture[str]
):
    use(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(Exception, match=r"\w") as caught:
        Tracker()
    line = explain_any(caught.value)
    assert line is not None and words in line and "\n" not in line and line.startswith(f"MLflow store {address}: ")


class Refusing(BaseHTTPRequestHandler):
    """A server that answers everything with `status`."""

    status = 200

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b"<p>no\n</p>12345")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Refusing]]:
    """A tracking server of the class that is returned."""
    made = type("Made", (Refusing,), {})
    serving = ThreadingHTTPServer(("127.0.0.1", 0), made)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    use(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{serving.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(logging.getLogger("urllib3.connectionpool"), "filters", [])
    yield made
    serving.shutdown()
    serving.server_close()


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404])
def test_a_server_that_is_no_mlflow_or_refuses_is_one_line(server: type[Refusing], status: int):
    server.status = status
    with pytest.raises(Exception, match=r"\w") as caught:
        Tracker()
    assert "check MLFLOW_TRACKING_URI" in line_of(caught.value)


def test_waiting_for_a_server_is_said_at_the_first_retry_and_not_at_each(
    server: type[Refusing], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    server.status = 503
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    for _ in range(2):
        with pytest.raises(Exception, match="Max retries exceeded") as caught:
            Tracker()
        (line,) = capsys.readouterr().err.splitlines()  # a new tracker says it anew
        assert (
            line == f"MLflow store {tracking_uri()}: no answer; MLflow tries again, for some minutes (Ctrl-C stops it)"
        )
    assert "does not answer" in line_of(caught.value)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_a_server_refuses_is_one_line(status: int):
    line = explain(RestException({"error_code": "PERMISSION_DENIED", "message": f"{status}: not\nallowed"}))
    assert line is not None and line.startswith("MLflow store ") and f"{status}: not allowed" in line
    assert "\n" not in line and "check MLFLOW_TRACKING_URI" in line
