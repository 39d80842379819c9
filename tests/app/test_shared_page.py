"""The page for others: below a path, as a reverse proxy has it, and with a token for those who may keep drawings."""

import stat
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from inkproof.app.drawing_store import DrawingStore
from inkproof.app.server import read_token
from inkproof.runtime.errors import UserError
from support.browsing import DESKTOP, DRAW, until
from support.web_app import make_app, starter, to_keep
from support.web_server import serving

STROKES = {"strokes": [[[10, 10], [200, 200]]]}
AT = "/ink/digits"


def test_who_has_no_token_draws_and_looks_and_keeps_nothing(database: Path):
    client = make_app(database, token="secret").test_client()
    ours = {"Authorization": "Bearer secret"}
    one = client.post("/api/drawings", json=to_keep(), headers=ours).json["id"]
    assert client.post("/api/recognise", json=STROKES).status_code == 200
    assert client.get("/api/drawings").json["counts"]["total"] == 1 and client.get(f"/api/drawings/{one}").json

    for headers in ({}, {"Authorization": "Bearer Secret"}, {"Authorization": "Basic secret"}, {"Authorization": "ä"}):
        for refused in (
            client.post("/api/drawings", json=to_keep(), headers=headers),
            client.patch(f"/api/drawings/{one}", json={"label": 1}, headers=headers),
            client.delete(f"/api/drawings/{one}", headers=headers),
        ):
            assert refused.status_code == 401 and "link with a token" in refused.json["error"]
    assert [(kept.id, kept.label) for kept in DrawingStore(database).all()] == [(one, 7)]

    assert client.patch(f"/api/drawings/{one}", json={"label": 1}, headers=ours).json["label"] == 1
    assert client.delete(f"/api/drawings/{one}", headers=ours).status_code == 204


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "new" / "app.token"
    token = read_token(path)
    assert len(token) == 32 and read_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"two words\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_one_line(content: bytes, tmp_path: Path):
    (tmp_path / "app.token").write_bytes(content)
    with pytest.raises(UserError, match=r"app\.token: not a token; delete the file"):
        read_token(tmp_path / "app.token")


class _Proxy(BaseHTTPRequestHandler):
    """A reverse proxy: what is below AT goes to the server, with or without AT, and with the host that was asked."""

    def do_GET(self) -> None:
        self.relay()

    def do_POST(self) -> None:
        self.relay()

    def relay(self) -> None:
        assert self.path.startswith(AT), self.path
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = (self.path.removeprefix(AT) or "/") if server.strips else self.path
        request = urllib.request.Request(server.to + path, body or None, dict(self.headers), method=self.command)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            response = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        content = response.read()
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name not in ("Transfer-Encoding", "Connection", "Content-Length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture(params=[False, True], ids=["passes the path on", "takes the path off"])
def behind_proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The proxy's address of the page, and the token."""
    with serving(tmp_path / "app.db", f"prefix={AT}", "token=true") as server:
        proxy: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
        proxy.to, proxy.strips = server.url, request.param
        Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}{AT}", (tmp_path / "app.token").read_text().strip()
        proxy.shutdown()
        proxy.server_close()


def test_addresses_are_below_the_prefix(tmp_path: Path):
    with serving(tmp_path / "app.db", f"prefix={AT}") as server:
        for path in (AT, f"{AT}/", "/"):  # the first is sent on to the second
            with urllib.request.urlopen(server.url + path, timeout=60) as page:
                assert b"<title>" in page.read() and page.url == f"{server.url}{path if path == '/' else f'{AT}/'}"
        _, found = server.ask("GET", f"{AT}/api/models")
        address = found["models"][0]["file"]
        assert address.startswith(f"{AT}/models/")
        with urllib.request.urlopen(server.url + address, timeout=60) as file:
            assert file.read(8)[4:] == b"TFL3"


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_the_link_with_the_token_lets_a_page_keep_drawings(chromium: Any, behind_proxy: tuple[str, str]):
    address, token = behind_proxy
    page = chromium.new_context(**DESKTOP).new_page()

    def keep() -> str:
        until(page, "globalThis.inkproof?.models.all.length > 0")
        page.evaluate(DRAW, starter()[0].strokes)
        page.check("#consent")
        page.click("#labels button >> nth=3")
        page.wait_for_selector("#toast:not([hidden])")
        return str(page.inner_text("#toast"))

    page.goto(f"{address}/")
    assert "Not kept: this needs the link with a token" in keep()
    page.goto(f"{address}/#token={token}")
    page.reload()
    assert "Kept as 3" in keep()
    assert page.url == f"{address}/", "the token is not left in the address"
    page.goto(f"{address}/")
    assert "Kept as 3" in keep(), "this device remembers it"
    page.context.close()
