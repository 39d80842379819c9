"""Malformed requests get an error with a reason, never a 5xx status, and keep nothing."""

import json
from pathlib import Path

import hypothesis.strategies as some
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings

from support.malformed import malformed
from support.web_app import make_app, to_keep

NUMBERS = some.one_of(some.integers(), some.floats(), some.booleans(), some.none(), some.text(max_size=5))
JSON = some.recursive(
    NUMBERS,
    lambda inner: some.one_of(
        some.lists(inner, max_size=5), some.dictionaries(some.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)
FIELDS = some.sampled_from([*to_keep(), "image", "more"])


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_app(tmp_path_factory.mktemp("malformed") / "app.db").test_client()


def check_response(response) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400 and response.text:
        assert response.json["error"].strip()


@settings(max_examples=150)
@given(path=some.sampled_from(["/api/recognise", "/api/drawings"]), asked=JSON)
def test_any_json_has_a_response(path: str, asked: object, sender: FlaskClient):
    check_response(sender.post(path, data=json.dumps(asked), content_type="application/json"))


@settings(max_examples=150)
@given(field=FIELDS, value=JSON)
def test_any_value_of_a_field_has_a_response(field: str, value: object, sender: FlaskClient):
    asked = {**to_keep(), field: value}
    response = sender.post("/api/drawings", data=json.dumps(asked), content_type="application/json")
    check_response(response)
    if response.status_code == 201:
        drawing = response.json
        again = sender.get(f"/api/drawings/{drawing['id']}")
        assert again.json == drawing
        sender.delete(f"/api/drawings/{drawing['id']}")


@settings(max_examples=100)
@given(query=some.dictionaries(some.sampled_from(["label", "wrong", "writer", "before", "x"]), some.text(max_size=30)))
def test_any_filter_has_a_response(query: dict, sender: FlaskClient):
    check_response(sender.get("/api/drawings", query_string=query))


@settings(max_examples=100)
@given(
    body=some.binary(max_size=300),
    kind=some.text(max_size=40).filter(lambda kind: "\n" not in kind and "\r" not in kind),
)
def test_any_body_has_a_response(body: bytes, kind: str, sender: FlaskClient):
    check_response(
        sender.post("/api/recognise", data=body, content_type=kind.encode("latin-1", "replace").decode("latin-1"))
    )


def test_malformed_requests_keep_nothing(client: FlaskClient, database: Path):
    for request in malformed(500, seed=1998):
        headers = {**request.headers, "Host": "localhost"}
        response = client.open(request.path, method=request.method, data=request.body, headers=headers)
        check_response(response)
    assert not database.parent.exists()
