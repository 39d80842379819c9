"""Keeping, listing, correcting and deleting drawings with the API."""

import datetime
import sqlite3
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from support.web_app import to_keep


def keep(client: FlaskClient, **changed) -> dict:
    kept = client.post("/api/drawings", json=to_keep(**changed))
    assert kept.status_code == 201, kept.text
    return kept.json


def test_a_drawing_is_kept_with_all_its_fields(client: FlaskClient):
    strokes = [[[10.04, 20.26, 0], [30.0, 40.0, 17, 0.5]], [[279.96, 1, 900]]]
    kept = keep(client, strokes=strokes, label=None, predicted=3, writer="  Zoë ", device="tablet", pointer="pen")
    assert client.get(f"/api/drawings/{kept['id']}").json == kept
    created = datetime.datetime.fromisoformat(kept.pop("created"))
    assert abs(datetime.datetime.now(datetime.UTC) - created) < datetime.timedelta(minutes=1)
    assert kept.pop("id").startswith("page-")
    expected = to_keep(label=None, predicted=3, writer="Zoë", device="tablet", pointer="pen")
    del expected["consent"]
    expected["strokes"] = [[[10.0, 20.3, 0], [30, 40, 17, 0.5]], [[280, 1, 900]]]
    assert kept == expected


def test_a_drawing_that_is_sent_again_is_kept_once(client: FlaskClient):
    name = "page-0123456789abcdef"
    first = keep(client, id=name)
    assert first["id"] == name
    again = client.post("/api/drawings", json=to_keep(id=name, label=3))
    assert (again.status_code, again.json) == (200, first), "what is kept stays as it is"
    other = keep(client)
    assert client.get("/api/drawings").json["counts"]["total"] == 2 and other["id"] != name
    assert client.delete(f"/api/drawings/{name}").status_code == 204
    late = client.post("/api/drawings", json=to_keep(id=name))
    assert late.status_code == 409 and "has been deleted since" in late.json["error"]
    assert client.get("/api/drawings").json["counts"]["total"] == 1
    for wrong in ("page-1", "x" * 21, "page-0123456789ABCDEF", 7):
        refused = client.post("/api/drawings", json=to_keep(id=wrong))
        assert refused.status_code == 422 and "id" in refused.json["error"]


@pytest.mark.parametrize("consent", [False, None, "true", 1])
def test_without_consent_nothing_is_kept(consent: object, client: FlaskClient, database: Path):
    refused = client.post("/api/drawings", json=to_keep(consent=consent))
    assert refused.status_code == 403 and "consent" in refused.json["error"]
    assert not database.exists()


@pytest.mark.parametrize("field", to_keep())
def test_every_field_is_required(field: str, client: FlaskClient, database: Path):
    asked = to_keep()
    del asked[field]
    refused = client.post("/api/drawings", json=asked)
    assert refused.status_code == 400 and field in refused.json["error"]
    assert not database.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("label", value) for value in (10, "7", True, 7.0)],
        *[("predicted", value) for value in (-1, "none")],
        *[("writer", value) for value in ("", "a\nb", "x" * 61, "\ud800")],
        *[("device", "fridge"), ("pointer", "nose"), ("model", 3), ("version", "")],
        *[("canvas", [280, 280.5]), ("strokes", []), ("strokes", "0,0")],
    ],
)
def test_a_wrong_value_is_named(field: str, value: object, client: FlaskClient, database: Path):
    refused = client.post("/api/drawings", json=to_keep(**{field: value}))
    assert refused.status_code == 422 and field in refused.json["error"]
    assert not database.exists()


def test_the_gallery_has_filters_and_pages(client: FlaskClient):
    for number in range(12):
        keep(
            client,
            label=number % 10,
            predicted=number % 10 if number % 4 else 5,
            writer="anna" if number < 3 else "ben",
        )
    keep(client, label=None, predicted=None)
    first = client.get("/api/drawings").json
    assert [drawing["label"] for drawing in first["drawings"]] == [None, 1, 0, 9, 8]
    second = client.get("/api/drawings", query_string={"before": first["before"]}).json
    third = client.get("/api/drawings", query_string={"before": second["before"]}).json
    assert [len(page["drawings"]) for page in (second, third)] == [5, 3]
    assert third["before"] is None
    assert first["counts"]["total"] == 13 and first["counts"]["wrong"] == 3
    assert first["counts"]["writers"] == {"anna": 4, "ben": 9}
    assert first["counts"]["labels"]["none"] == 1 and first["counts"]["labels"]["0"] == 2

    def labels(**query: str) -> list:
        return [drawing["label"] for drawing in client.get("/api/drawings", query_string=query).json["drawings"]]

    assert labels(label="1") == [1, 1] and labels(label="none") == [None]
    assert labels(wrong="1") == [8, 4, 0]
    assert labels(most="2") == [None, 1] and len(labels(most="1000")) == 5
    counted = client.get("/api/drawings?most=0").json
    assert (counted["drawings"], counted["before"], counted["counts"]) == ([], None, first["counts"])
    for wrong in ("most=-1", "before=1_0", "label=07", "wrong=true"):
        refused = client.get(f"/api/drawings?{wrong}")
        assert refused.status_code == 422 and wrong.split("=")[0] in refused.json["error"]
    refused = client.get("/api/drawings?before=abc")
    assert refused.json["error"] == "before=abc: expected a text that matches ^[0-9]{1,18}$"
    keep(client, label=3, predicted=None)
    keep(client, label=None, predicted=3)
    assert labels(wrong="1") == [None, 3, 8, 4, 0], "a rejected digit, and an accepted drawing that is not a digit"
    assert labels(writer="anna", label="1") == [1] and labels(writer="nobody") == []


def test_a_drawing_is_corrected_and_deleted(client: FlaskClient, database: Path):
    one, other = keep(client), keep(client)
    path = f"/api/drawings/{one['id']}"
    assert client.patch(path, json={"label": 1}).json == {**one, "label": 1}
    assert client.patch(path, json={"label": None, "writer": "ben"}).json == {**one, "label": None, "writer": "ben"}
    for wrong, status in (({"label": 11}, 422), ({"strokes": []}, 400), ({}, 400), ({"writer": " "}, 422)):
        assert client.patch(path, json=wrong).status_code == status
    assert client.get(path).json["writer"] == "ben"
    assert client.delete(path).status_code == 204
    for send in (client.get, client.delete):
        assert send(path).status_code == 404
    assert client.patch(path, json={"label": 1}).status_code == 404
    assert [drawing["id"] for drawing in client.get("/api/drawings").json["drawings"]] == [other["id"]]


def test_an_empty_gallery_creates_no_file(client: FlaskClient, database: Path):
    empty = client.get("/api/drawings").json
    none = {"total": 0, "wrong": 0, "labels": {}, "writers": {}}
    assert empty == {"drawings": [], "damaged": [], "before": None, "counts": none}
    assert client.delete("/api/drawings/page-0").status_code == 404
    assert not database.parent.exists()


def test_a_locked_or_foreign_database_is_an_error_and_nothing_is_kept(
    client: FlaskClient, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr("inkproof.app.drawing_store._WAIT", 0.05)
    keep(client)
    with sqlite3.connect(database) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = client.post("/api/drawings", json=to_keep())
        assert refused.status_code == 503 and "terminal" in refused.json["error"]
        assert client.get("/api/drawings").json["counts"]["total"] == 1
    assert "locked" in capsys.readouterr().err
    holder.close()
    database.write_bytes(b"my diary, by hand" * 100)
    assert client.get("/api/drawings").status_code == 503
    assert "not a database" in capsys.readouterr().err
    assert database.read_bytes().startswith(b"my diary")
