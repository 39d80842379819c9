"""A client of an application with the pretrained model and its own database, and its page in Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from support.browsing import Running, running, until
from support.web_app import make_app


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "drawn" / "app.db"


@pytest.fixture
def client(database: Path) -> FlaskClient:
    return make_app(database).test_client()


@pytest.fixture(scope="module")
def chromium_browser() -> Iterator[Any]:
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
def page_server(database: Path) -> Iterator[Running]:
    with running(database) as server:
        yield server


@pytest.fixture
def new_page(chromium_browser: Any, page_server: Running) -> Iterator[Callable[..., Any]]:
    """A function that opens the page in a context of its own; the page must have no errors at the end."""
    contexts, errors = [], []

    def opened(path: str = "/", **options: Any) -> Any:
        contexts.append(chromium_browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: "Security Policy" in message.text and errors.append(message.text))
        page.goto(page_server.url + path)
        until(page, "globalThis.inkproof?.models.all.length > 0")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []
