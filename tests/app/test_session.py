"""A session in headless Chromium: what it asks for is kept once, whatever happens to connection and storage."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import drawings as command
from inkproof.app.drawing_store import DrawingStore
from inkproof.data.drawings import read_drawings
from support.browsing import DRAW, PHONE, Host, Running, draw_by_finger, needs_server, until, without_server
from support.web_app import starter

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

API = re.compile(r"/api/drawings$")  # where drawings are sent, not where the gallery asks


def strokes_of(label: int) -> list:
    return next(drawing.strokes for drawing in starter() if drawing.label == label)


def begin(page: Any, writer: str = "Zoë") -> None:
    page.fill("#session-writer", writer)
    page.check("#session-consent")
    page.click("#session-form [value='start']")
    page.wait_for_selector("#session-ask")


def asked(page: Any) -> int:
    """The digit that the page asks for."""
    return int(re.fullmatch(r"Draw an? (\d)", page.inner_text("#session-digit"))[1])


def draw(page: Any) -> int:
    """Draw the digit that is asked for and press Done; return the digit."""
    label = asked(page)
    page.evaluate(DRAW, strokes_of(label))
    page.click("#session-keep")
    return label


def kept(server: Running | Host, page: Any) -> list[int | None]:
    return [drawing.label for drawing in server.kept(page)]


def sent(page: Any) -> None:
    until(page, "!Object.keys(localStorage).some((key) => key.startsWith('inkproof.waiting.'))")


def lose(route: Any) -> None:
    """The server gets the request, and its response is lost."""
    route.fetch()
    route.abort()


def test_a_session_asks_for_every_digit_and_keeps_it_as_what_was_asked_for(
    visit: Callable[..., Any], server: Running | Host
) -> None:
    page = visit("/?session=2", **PHONE)
    assert page.locator("#session-start").is_visible() and page.input_value("#session-rounds") == "2"
    assert "stores the strokes" in page.inner_text("#session-terms")
    page.fill("#session-writer", "  Zoë\u200d ")
    page.click("#session-form [value='start']")
    assert page.locator("#session-start").is_visible(), "not without consent"
    begin(page, "  Zoë\u200d ")
    until(page, "document.activeElement.id === 'pad'")
    assert page.locator(".predictions").is_hidden() and page.locator(".keep").is_hidden()
    page.click("#session-keep", force=True)
    assert page.inner_text("#session-count") == "Zoë, 1 of 20" and kept(server, page) == []
    label = asked(page)
    assert re.fullmatch(rf"Draw an? {label}", page.inner_text("#invitation"))
    draw_by_finger(page, strokes_of(label))
    assert page.evaluate("[inkproof.drawing.strokes.length, scrollY]") == [len(strokes_of(label)), 0]
    page.click("#clear")
    labels = [draw(page) for _ in range(6)]
    skipped = asked(page)
    page.click("#session-skip")
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    assert page.inner_text("#session-count") == "Zoë, 8 of 20"
    page.keyboard.press("5")  # a label is no command here
    labels += [draw(page) for _ in range(13)]
    assert page.inner_text("#session-digit") == "Thank you, Zoë." and page.locator("#pad").is_hidden()
    sent(page)
    assert page.inner_text("#session-count").startswith("19 drawn, 1 skipped. 19 kept, ")
    assert kept(server, page) == labels and sorted([*labels, skipped]) == sorted([*range(10)] * 2)
    assert sorted([*labels[:6], skipped, *labels[6:9]]) == [*range(10)], "each digit once a round"
    assert {(one.writer, one.device, one.pointer) for one in server.kept(page)} == {("Zoë", "phone", "touch")}
    right = sum(one.label == one.predicted for one in server.kept(page))
    assert f"{right} of them predicted correctly" in page.inner_text("#session-count") and right > 15
    page.click("#session-again")
    assert page.input_value("#session-writer") == "" and not page.is_checked("#session-consent")


@needs_server
def test_two_tabs_go_on_with_one_session(visit: Callable[..., Any], server: Running) -> None:
    page = visit("/?session=1")
    begin(page, "anna")
    other = page.context.new_page()
    other.goto(server.url)
    until(other, "globalThis.inkproof?.models.all.length > 0")
    for number in range(6):
        tab = (page, other)[number % 2]
        until(tab, f"document.getElementById('session-count').textContent === 'anna, {number + 1} of 10'")
        draw(tab)
    sent(page)
    sent(other)
    labels = [one.label for one in server.kept(page)]
    assert len(labels) == len(set(labels)) == 6


@needs_server
def test_a_lost_connection_and_a_busy_server_lose_nothing(visit: Callable[..., Any], server: Running) -> None:
    page = visit("/?session=1")
    begin(page)
    labels = [draw(page), draw(page)]
    sent(page)
    page.route(API, lose)
    labels.append(draw(page))
    page.wait_for_selector("#session-sent:has-text('1 drawing waits on this device: the server cannot be reached.')")
    assert kept(server, page) == labels, "it is kept, but the page does not know"
    page.unroute(API)
    page.context.set_offline(True)
    labels += [draw(page) for _ in range(3)]
    assert page.inner_text("#session-count") == "Zoë, 7 of 10", "drawing goes on"
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('waiting')).length") == 4
    page.route(API, lambda route: route.fulfill(status=503, body=json.dumps({"error": "too many requests at once"})))
    page.context.set_offline(False)
    page.reload()
    page.wait_for_selector("#session-sent:has-text('4 drawings wait on this device: too many requests at once.')")
    page.unroute(API)
    labels.append(draw(page))
    sent(page)
    assert kept(server, page) == labels, "each of them once"
    assert page.inner_text("#session-sent") == ""


@needs_server
def test_a_drawing_that_the_server_refuses_stays_and_holds_up_no_other(
    visit: Callable[..., Any], server: Running
) -> None:
    page = visit()
    page.click("#open-session")
    begin(page)
    page.evaluate("inkproof.drawing.set([Array.from({ length: 3000 }, (_, step) => [step % 280, 9, step])])")
    page.click("#session-keep")
    page.wait_for_selector("#session-sent:has-text('1 drawing waits on this device: strokes')")
    label = draw(page)
    until(page, "Object.keys(localStorage).filter((key) => key.includes('waiting')).length === 1")
    page.click("#session-stop")
    assert page.inner_text("#session-count").startswith("2 drawn, 0 skipped. 1 kept")
    assert kept(server, page) == [label]
    page.click("#session-close")
    assert page.locator(".predictions").is_visible() and page.inner_text("#invitation") == "Draw a digit"


@needs_server
def test_a_drawing_deleted_before_it_is_sent_again_stays_deleted(
    visit: Callable[..., Any], server: Running, database: Path
) -> None:
    page = visit("/?session=1")
    begin(page)
    page.route(API, lose)
    draw(page)
    page.wait_for_selector("#session-sent:has-text('1 drawing waits')")
    assert DrawingStore(database).delete(DrawingStore(database).all()[0].id)
    page.unroute(API)
    sent(page)
    assert kept(server, page) == []


@without_server
def test_without_server_and_network_a_session_is_kept_exported_and_imported(
    visit: Callable[..., Any], server: Host, tmp_path: Path
) -> None:
    page = visit("/?session=1", accept_downloads=True)
    until(page, "navigator.serviceWorker.controller !== null")
    assert "This browser stores the strokes" in page.inner_text("#session-terms")
    server.stop()
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    begin(page, "17")
    labels = [draw(page) for _ in range(10)]
    sent(page)
    assert kept(server, page) == labels and sorted(labels) == [*range(10)]
    page.click("#session-close")
    page.click("#to-gallery")
    with page.expect_download() as download:
        page.click("#export")
    download.value.save_as(tmp_path / "class.jsonl")
    with pytest.raises(SystemExit) as ended:
        command.main(["import", str(tmp_path / "class.jsonl"), "--into", str(tmp_path / "set")])
    assert ended.value.code == 0
    imported = [(one.writer, one.label) for one in read_drawings(tmp_path / "set")]
    assert sorted(imported) == [("17", label) for label in range(10)]


@without_server
def test_drawings_wait_while_the_browser_cannot_keep_them(visit: Callable[..., Any], server: Host) -> None:
    page = visit("/?session=1")
    begin(page)
    page.evaluate("void (IDBFactory.prototype.open = () => { throw new Error('the disk is full'); })")
    page.evaluate("void (IDBDatabase.prototype.transaction = () => { throw new Error('the disk is full'); })")
    labels = [draw(page), draw(page)]
    page.wait_for_selector("#session-sent:has-text('2 drawings wait on this device: this browser does not let')")
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    labels.append(draw(page))
    sent(page)
    assert kept(server, page) == labels and page.inner_text("#session-sent") == ""


@without_server
def test_a_deleted_drawing_is_not_kept_again(visit: Callable[..., Any], server: Host) -> None:
    page = visit()
    status = page.evaluate("""async () => {
      const one = { id: "page-0123456789abcdef", label: 3, writer: "me", strokes: [[[1, 2, 0]]], canvas: [280, 280] };
      await inkproof.storage.keep(one);
      await inkproof.storage.remove(one.id);
      return inkproof.storage.keep(one).catch((error) => error.status);
    }""")
    assert status == 409 and kept(server, page) == []
