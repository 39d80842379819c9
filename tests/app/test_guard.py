"""Which requests are accepted, and the security headers of responses."""

import re

import pytest
from flask.testing import FlaskClient

from support.web_app import to_keep

STROKES = {"strokes": [[[10, 10], [200, 200]]]}


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "", "169.254.0.1:8765", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/api/models", "/api/drawings"])
def test_another_host_is_rejected(host: str, path: str, client: FlaskClient):
    refused = client.get(path, headers={"Host": host})
    assert refused.status_code == 400 and "error" in refused.json


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8765", "127.0.0.1:9", "[::1]:8765"])
def test_own_host_names_are_accepted_on_any_port(host: str, client: FlaskClient):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1234"},
        {"Origin": "http://[::1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_write_from_another_site_is_rejected(headers: dict, client: FlaskClient):
    for send, path, body in (
        (client.post, "/api/recognise", STROKES),
        (client.post, "/api/drawings", to_keep()),
        (client.patch, "/api/drawings/x", {"label": 1}),
        (client.delete, "/api/drawings/x", None),
    ):
        refused = send(path, json=body, headers=headers)
        assert refused.status_code == 403 and "this server" in refused.json["error"]


def test_its_own_page_and_a_program_may_write(client: FlaskClient):
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/recognise", json=STROKES, headers=own).status_code == 200
    assert client.post("/api/recognise", json=STROKES).status_code == 200


def test_every_response_has_the_headers(client: FlaskClient):
    for path in ("/", "/js/main.js", "/api/models", "/nothing", "/litertjs/litert_wasm_compat_internal.wasm"):
        headers = client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert not re.search(r"'unsafe-eval'|https?:|\*", headers["Content-Security-Policy"])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/../conf/app.yaml",
        "/js/../../app.py",
        "/js/%2e%2e/%2e%2e/app.py",
        "/..%2f..%2fapp.py",
        "/%2fetc/passwd",
        "/models/pretrained/..%2f..%2fREADME.md.tflite",
        "/models/..%2fpretrained/canvas.tflite",
        "/models/pretrained/000000000000.tflite",
        "/static/index.html",
        "/litertjs/README.md",
        "/%00",
        "/js/main.js/",
    ],
)
def test_no_path_in_a_request_reaches_the_file_system(path: str, client: FlaskClient):
    assert client.get(path).status_code in (404, 308, 301)
    assert client.get(path, follow_redirects=True).status_code == 404


def test_an_unknown_method_is_an_error(client: FlaskClient):
    refused = client.put("/api/drawings", json={})
    assert refused.status_code == 405 and "POST" in refused.headers["Allow"]
    assert "error" in refused.json
