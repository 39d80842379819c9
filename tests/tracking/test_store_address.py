"""An error of the tracking store is one line, and looking for a store makes none."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.exceptions import RestException

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


def test_a_question_mark_in_the_path_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("inkproof.runtime.paths.ROOT", tmp_path / "why?")
    with pytest.raises(UserError, match=r"why\?: MLflow cannot read a path with a question mark; rename the folder$"):
        tracking_uri()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_a_server_refuses_is_one_line(status: int):
    line = explain(RestException({"error_code": "PERMISSION_DENIED", "message": f"{status}: not\nallowed"}))
    assert line is not None and line.startswith("MLflow store ") and f"{status}: not allowed" in line
    assert "\n" not in line and "check MLFLOW_TRACKING_URI" in line
