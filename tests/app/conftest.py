"""A client of an application with the pretrained model and its own database, and its page in Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from support.browsing import DESKTOP, PREFIX, Host, Running, hosting, running, until
from support.web_app import PRETRAINED, make_app


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "drawn" / "app.db"


@pytest.fixture
def client(database: Path) -> FlaskClient:
    return make_app(database).test_client()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Headless Chromium. One at a time: Playwright does not start twice in a thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="`make browser` adds Playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("Chromium is not installed, as by `apt-get install chromium`")
    with playwright.sync_playwright() as starting:
        browser = starting.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def models() -> dict[str, Path]:
    """The models of `server` by name."""
    return {"pretrained": PRETRAINED}


@pytest.fixture(params=["app", "site"])
def server(request: pytest.FixtureRequest, database: Path, models: dict[str, Path]) -> Iterator[Running | Host]:
    """The app, and a host that only sends the files of the same page: a test runs on both."""
    with running(database, models) if request.param == "app" else hosting(database.parent, models) as one:
        yield one


@pytest.fixture
def visit(chromium: Any, server: Running | Host) -> Iterator[Callable[..., Any]]:
    """A function that opens the page in its own context; it must have no errors, and ask nobody else, at the end."""
    contexts, errors, addresses = [], [], []

    def open_page(path: str = "/", script: str = "", **options: Any) -> Any:
        context = chromium.new_context(**(options or DESKTOP))
        contexts.append(context)
        page = context.new_page()
        context.on("request", lambda request: addresses.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: "Security Policy" in message.text and errors.append(message.text))
        if script:
            page.add_init_script(script)
        page.goto(server.url + path)
        until(page, "globalThis.inkproof?.models.all.length > 0")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    ours = (f"{server.url}/", "blob:", "data:")
    assert [address for address in addresses if not address.startswith(ours)] == []
    if isinstance(server, Host):
        assert [path for path in server.asked if not path.startswith(f"{PREFIX}/")] == []
