"""The page in headless Chromium: drawn on by mouse, finger, pen and keyboard, with and without server and network."""

import base64
import io
import json
import re
import shutil
import sqlite3
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import drawings as command
from inkproof.app.drawing_store import DrawingStore
from inkproof.app.site import write_site
from inkproof.data.drawings import Drawing, read_drawings
from inkproof.exporting.metadata import read_metadata, write_metadata
from inkproof.runtime.paths import ROOT
from support.browsing import (
    DESKTOP,
    DRAW,
    PHONE,
    PREDICTION,
    PREFIX,
    Host,
    Running,
    contrast,
    draw_by_finger,
    draw_by_mouse,
    needs_server,
    until,
    without_server,
)
from support.web_app import PRETRAINED, canvas_of, starter

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

SAME = 200  # drawings for the browser and the server
# Both compute the same graph in float32, with operations in different orders.
CLOSE = 1e-5
NO_WASM = "delete globalThis.WebAssembly;"


def example(label: int, number: int = 0) -> list:
    return [drawing.strokes for drawing in starter() if drawing.label == label][number]


@pytest.fixture
def models(tmp_path: Path, stand_in: Path) -> dict[str, Path]:
    # The same graph with other bytes: a third model with a long name.
    third = tmp_path / "third.tflite"
    third.write_bytes(write_metadata(PRETRAINED.read_bytes(), {**read_metadata(PRETRAINED), "copy": True}))
    return {"pretrained": PRETRAINED, "stand-in": stand_in / "canvas.tflite", "optdigits-with_a_long_name": third}


def test_a_three_is_drawn_and_predicted(visit: Callable[..., Any]):
    page = visit()
    assert page.locator("#invitation").is_visible() and page.locator("#undo").is_disabled()
    draw_by_mouse(page, example(3))
    assert page.inner_text(".card .digit") == "3"
    assert page.inner_text(".card .verdict").endswith("%")
    shares = [
        float(bar.evaluate("bar => bar.style.getPropertyValue('--share')")) for bar in page.locator(".bars li").all()
    ]
    assert int(np.argmax(shares)) == 3 and abs(sum(shares) - 1) < 1e-3
    assert page.locator(".bars li").nth(3).get_attribute("aria-label").startswith("3: 9")
    assert page.evaluate("inkproof.models.place") == "browser"
    assert "Predicted in this browser" in page.inner_text("#status")
    seen = page.evaluate("""() => { const canvas = document.querySelector(".seen");
      return Array.from(canvas.getContext("2d").getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0); }""")
    assert seen == page.evaluate(PREDICTION)["seen"] and max(seen) > 200
    until(page, "/^3, 9.*next/.test(document.getElementById('live').textContent)")
    assert not page.locator("#invitation").is_visible()
    page.click("#undo")
    until(page, "document.querySelector('.card').classList.contains('idle')")
    assert page.locator("#invitation").is_visible()


def test_a_drawing_that_is_not_a_digit_is_rejected(visit: Callable[..., Any]):
    page = visit()
    letters = [d for d in read_drawings(ROOT / "data" / "drawn" / "not_digits") if "letter" in d.source or "F" in d.id]
    for drawing in letters or read_drawings(ROOT / "data" / "drawn" / "not_digits"):
        page.evaluate(DRAW, drawing.strokes)
        if not page.evaluate(PREDICTION)["accepted"]:
            break
    assert page.inner_text(".card .verdict") == "Not a digit"
    assert page.locator(".card.rejected").count() == 1
    assert page.inner_text(".card .next").startswith("perhaps ")


@pytest.mark.parametrize(
    ("server", "without"),
    [("app", ""), ("app", NO_WASM), ("site", "")],
    indirect=["server"],
    ids=["browser", "server", "site"],
)
def test_strokes_beside_the_paper_leave_no_ink(without: str, visit: Callable[..., Any]):
    page = visit(script=without)
    page.evaluate("inkproof.drawing.set([[[400, 20, 0, 0.5], [400, 200, 9, 0.5]]])")
    prediction = page.evaluate(PREDICTION)
    assert (prediction["ink"], prediction["digit"], prediction["accepted"]) == (False, None, False)
    assert page.inner_text(".card .verdict") == "No ink found"
    assert page.locator(".bars .best").count() == 0 and page.locator(".card.rejected").count() == 0
    until(page, "document.getElementById('live').textContent === 'no ink found'")


@needs_server
def test_a_damaged_row_is_shown_and_deleted(visit: Callable[..., Any], database: Path):
    page = visit()
    page.check("#consent")
    draw_by_mouse(page, example(3))
    page.click("#labels [data-label='3']")
    until(page, "document.getElementById('toast').textContent.startsWith('Kept as 3')")
    [kept] = DrawingStore(database).all()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE drawings SET strokes = '[[[1'")
    page.click("#to-gallery")
    page.wait_for_selector("#drawings .damaged")
    assert f"{kept.id} is damaged. strokes:" in page.inner_text("#drawings .damaged")
    page.click("#drawings .damaged button")
    until(page, "!document.querySelector('#drawings li')")
    assert DrawingStore(database).damaged() == []


def same_prediction(page: Any, server: Running, drawings: list[Drawing]) -> float:
    """Assert that page and server predict the same; return the largest difference of a probability."""
    largest = 0.0
    for drawing in drawings:
        page.evaluate(DRAW, drawing.strokes)
        own = page.evaluate(PREDICTION)
        image = Image.open(io.BytesIO(base64.b64decode(own["png"].partition(",")[2])))
        drawn = np.asarray(image.convert("L")).astype(int)
        # The page renders the strokes as the pipeline will.
        kept = Drawing(drawing.id, drawing.label, "w", "s", (280, 280), own["strokes"], None, "2026")
        assert np.abs(drawn - canvas_of(kept)).max() <= 1, drawing.id
        for body in ({"image": own["png"]}, {"strokes": own["strokes"]}):
            request = urllib.request.Request(
                f"{server.url}/api/recognise", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            response = json.loads(urllib.request.urlopen(request).read())
            if "image" in body:
                assert (own["digit"], own["accepted"]) == (response["digit"], response["accepted"]), drawing.id
                assert np.allclose(own["probabilities"], response["probabilities"], atol=CLOSE), drawing.id
                # Levels are rounded, and what is half-way between two may become either.
                assert np.abs(np.subtract(own["seen"], list(base64.b64decode(response["seen"])))).max() <= 1, drawing.id
                differences = np.subtract(own["probabilities"], response["probabilities"])
                largest = max(largest, float(np.abs(differences).max()))
            else:
                assert own["digit"] == response["digit"], drawing.id
        assert own["version"] == response["version"]
    return largest


@needs_server
def test_browser_and_server_predict_the_same_on_200_drawings(visit: Callable[..., Any], server: Running):
    page = visit()
    others = read_drawings(ROOT / "data" / "drawn" / "not_digits")
    drawings = starter()[:: len(starter()) // (SAME - len(others)) or 1][: SAME - len(others)]
    drawings = (starter()[: SAME - len(others)] if len(drawings) < SAME - len(others) else drawings) + others
    assert len(drawings) == SAME
    largest = same_prediction(page, server, drawings)
    assert page.evaluate("inkproof.models.place") == "browser"
    print(f"largest difference of a probability: {largest:.2g}")


@needs_server
def test_without_webassembly_the_server_predicts_the_same(visit: Callable[..., Any], server: Running):
    page = visit(script=NO_WASM)
    assert same_prediction(page, server, starter()[::30]) == 0.0
    assert page.evaluate("inkproof.models.place") == "server"
    assert "Predicted by the server" in page.inner_text("#status")


@without_server
def test_without_webassembly_and_server_the_page_says_so(visit: Callable[..., Any]):
    page = visit(script=NO_WASM)
    draw_by_mouse(page, example(3))
    assert page.inner_text(".card .verdict") == "No prediction"
    assert page.inner_text(".card .next") == "this browser cannot run the network: no WebAssembly"


def test_it_works_with_the_network_off(visit: Callable[..., Any], server: Running | Host):
    page = visit()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, "navigator.serviceWorker.controller !== null")
    page.check("#consent")
    server.stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{server.url}/healthz", timeout=2)
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    draw_by_mouse(page, example(3))
    assert page.inner_text(".card .digit") == "3" and page.evaluate("inkproof.models.place") == "browser"
    page.click("#labels [data-label='3']")
    page.wait_for_selector("#toast:not([hidden])")
    if isinstance(server, Host):
        assert "Kept as 3" in page.inner_text("#toast") and len(server.kept(page)) == 1
        return
    assert "Not kept: the server cannot be reached" in page.inner_text("#toast")
    assert not page.evaluate("inkproof.drawing.empty"), "what was not kept stays on the paper"


@without_server
def test_a_new_version_replaces_the_files_for_offline_use_but_not_those_of_others(
    visit: Callable[..., Any], server: Host
):
    page = visit()
    until(page, "navigator.serviceWorker.controller !== null")
    page.evaluate("caches.open('inkproof /other/ models')")
    names = "async () => (await caches.keys()).filter((name) => !name.endsWith('models'))"
    [before] = page.evaluate(names)
    assert before.startswith(f"inkproof {PREFIX}/ ")
    write_site(server.site, {"renamed": PRETRAINED}, 21.0)
    (server.site / "css" / "page.css").write_text("spoiled while it was sent")
    page.reload()
    until(page, "globalThis.inkproof?.models.all[0]?.name === 'renamed'")
    page.wait_for_timeout(500)
    assert before in page.evaluate(names), "a file that is not the expected one is not kept"
    shutil.copy(ROOT / "src" / "inkproof" / "app" / "static" / "css" / "page.css", server.site / "css")
    (server.site / "sw.js").write_text((server.site / "sw.js").read_text() + "// newer\n")
    page.reload()
    until(page, "caches.keys().then((all) => all.length === 3)")
    assert "inkproof /other/ models" in page.evaluate("caches.keys()")


def test_it_can_be_installed(visit: Callable[..., Any]):
    page = visit()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == [] and json.loads(manifest["data"])["short_name"] == "Inkproof"
    wrong = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one["errorId"] for one in wrong if one["errorId"] != "in-incognito"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(scheme: str, visit: Callable[..., Any]):
    page = visit(**PHONE, color_scheme=scheme)
    draw_by_finger(page, example(3))
    assert page.evaluate("[inkproof.drawing.strokes.length, scrollY]") == [len(example(3)), 0], "it did not scroll"
    assert page.inner_text(".card .digit") == "3"
    bars = page.locator(".bars").bounding_box()
    assert bars["y"] + bars["height"] <= 740, "paper, digit and bars are visible together"
    assert page.evaluate("document.getElementById('pad').width") == round(
        page.locator("#pad").bounding_box()["width"] * 3
    )
    page.evaluate("for (const model of inkproof.models.all) inkproof.models.choose(model.name, true)")
    page.evaluate("document.getElementById('picker').open = true")
    for address in ("#draw", "#gallery"):
        page.evaluate(f"location.hash = '{address}'")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = page.evaluate("""() => Array.from(document.querySelectorAll("button, select, summary, nav a"))
      .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 32).map((one) => one.outerHTML)""")
    assert small == [], "large enough for a finger"


def test_light_and_dark_are_both_legible(visit: Callable[..., Any]):
    grounds = {}
    for scheme in ("light", "dark"):
        page = visit(**DESKTOP, color_scheme=scheme)
        draw_by_mouse(page, example(7))
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for place in (
            "h1 a",
            "nav a[aria-current]",
            "#status",
            ".verdict",
            ".bars b",
            "#undo",
            ".terms",
            ".digit",
        ):
            color = page.evaluate("place => getComputedStyle(document.querySelector(place)).color", place)
            assert contrast(color, ground) >= 4.5, (scheme, place, color)
        ink = page.evaluate("""() => { const pad = document.getElementById("pad");
          const data = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height).data;
          for (let at = 0; at < data.length; at += 4)
            if (data[at + 3] === 255) return `rgb(${data.slice(at, at + 3)})`; }""")
        assert contrast(ink, ground) >= 10, "ink is visible on the paper"
        grounds[scheme] = ground
    assert contrast(grounds["light"], grounds["dark"]) > 12


def test_a_change_of_the_color_scheme_redraws_the_ink(visit: Callable[..., Any]):
    page = visit(**DESKTOP, color_scheme="light")
    draw_by_mouse(page, example(1))
    before = page.screenshot(clip=page.locator("#pad").bounding_box())
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    after = page.screenshot(clip=page.locator("#pad").bounding_box())
    means = [np.asarray(Image.open(io.BytesIO(one)).convert("L")) for one in (before, after)]
    assert means[0].min() < 60 and np.median(means[0]) > 240
    assert means[1].max() > 200 and np.median(means[1]) < 60


def test_reduced_motion_has_no_transitions(visit: Callable[..., Any]):
    for preference, seconds in (("no-preference", 0.12), ("reduce", 0.0)):
        page = visit(**DESKTOP, reduced_motion=preference)
        duration = page.evaluate("getComputedStyle(document.querySelector('.bars .share')).transitionDuration")
        assert float(duration.rstrip("s")) == seconds


def test_models_are_compared_on_the_same_drawing(visit: Callable[..., Any]):
    page = visit()
    draw_by_mouse(page, example(3))
    page.click("#picker summary")
    page.check("#models input[value='stand-in']")
    until(page, "inkproof.predictions.latest.size === 2")
    assert page.locator(".card .name").all_inner_texts() == ["pretrained", "stand-in"]
    for card, name in zip(page.locator(".card").all(), ("pretrained", "stand-in"), strict=True):
        prediction = page.evaluate("name => inkproof.predictions.latest.get(name)", name)
        assert card.locator(".digit").inner_text() == str(prediction["digit"])
    page.reload()
    until(page, "document.querySelectorAll('.card').length === 2")
    page.evaluate("document.getElementById('picker').open = true")
    page.uncheck("#models input[value='stand-in']")
    until(page, "document.querySelectorAll('.card').length === 1")


def no_overlap(page: Any, over: str, under: str) -> bool:
    """Return whether the box of `over` overlaps none of the elements of `under`."""
    boxes = [one.bounding_box() for one in (page.locator(over), *page.locator(under).all())]
    spans = [(box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]) for box in boxes]
    left, top, right, bottom = spans[0]
    return all(x1 <= left or x0 >= right or y1 <= top or y0 >= bottom for x0, y0, x1, y1 in spans[1:])


def test_a_drawing_is_kept_corrected_and_deleted(visit: Callable[..., Any], server: Running | Host, database: Path):
    page = visit()
    assert "Tick" in page.inner_text("#labels-hint")
    draw_by_mouse(page, example(3))
    page.click("#labels [data-label='3']", force=True)
    assert "Tick" in page.inner_text("#toast") and server.kept(page) == [] and not database.exists()
    page.check("#consent")
    assert page.inner_text("#labels-hint") == "Press its label."
    page.fill("#writer", "Zoë")
    page.click("#labels [data-label='3']")
    until(page, "document.getElementById('toast').textContent.startsWith('Kept as 3')")
    assert page.evaluate("inkproof.drawing.empty")
    [kept] = server.kept(page)
    assert (kept.label, kept.predicted, kept.writer, kept.model) == (3, 3, "Zoë", "pretrained")
    assert (kept.device, kept.pointer) == ("desktop", "mouse")
    drawn = np.concatenate(example(3))[:, :2]
    near = np.concatenate([np.array(stroke)[:, :2] for stroke in kept.strokes])
    assert np.abs(drawn[[0, -1]] - near[[0, -1]]).max() < 1.5
    draw_by_mouse(page, example(5))
    page.keyboard.press("8")
    until(page, "document.getElementById('toast').textContent.startsWith('Kept as 8')")
    assert page.inner_text("#labels-hint") == "Draw a digit first."
    assert no_overlap(page, "#toast", "#labels, #writer, #pad, nav, h1")
    page.click("#to-gallery")
    page.wait_for_selector("#drawings li:nth-child(2)")
    assert not page.is_visible("#toast")
    assert page.inner_text("#gallery-count") == "2 kept, 1 predicted correctly"
    page.check("#filter-wrong")
    until(page, "document.querySelectorAll('#drawings li').length === 1")
    page.click("#drawings button")
    page.click("#editor-labels [data-label='5']")
    until(page, "document.querySelector('#editor-labels [data-label=\"5\"]').ariaPressed === 'true'")
    assert [drawing.label for drawing in server.kept(page)] == [3, 5]
    page.click("#editor-close")
    page.wait_for_selector("#gallery-empty:not([hidden])")
    assert page.inner_text("#gallery-count") == "2 kept, 2 predicted correctly"
    assert page.locator("#drawings li").count() == 0, "the corrected drawing is no longer a wrong prediction"
    page.uncheck("#filter-wrong")
    page.click("#drawings button")
    page.fill("#editor-writer", "Max")
    page.click("#editor-close")
    until(page, "document.getElementById('live').textContent.includes('drawn by Max')")
    assert [drawing.writer for drawing in server.kept(page)] == ["Zoë", "Max"]
    page.click("#drawings button")
    page.click("#editor-delete")
    assert page.inner_text("#editor-delete") == "Delete for good?" and len(server.kept(page)) == 2
    page.click("#editor-delete")
    page.wait_for_selector("#editor", state="hidden")
    assert [drawing.label for drawing in server.kept(page)] == [3]
    page.wait_for_selector("#drawings li")
    page.select_option("#filter-label", "9")
    page.wait_for_selector("#gallery-empty:not([hidden])")
    assert "No drawing matches" in page.inner_text("#gallery-empty")


def test_keeping_can_be_undone(visit: Callable[..., Any], server: Running | Host):
    page = visit()
    page.check("#consent")
    draw_by_mouse(page, example(4))
    strokes = page.evaluate("inkproof.drawing.strokes")
    page.keyboard.press("-")
    page.click("#toast button")
    until(page, "!inkproof.drawing.empty")
    assert page.evaluate("inkproof.drawing.strokes") == strokes
    assert server.kept(page) == []


@without_server
def test_drawings_of_the_browser_are_exported_and_imported(visit: Callable[..., Any], server: Host, tmp_path: Path):
    page = visit(**DESKTOP, accept_downloads=True)
    assert "This browser stores the strokes" in page.inner_text("#terms")
    page.check("#consent")
    for digit in (3, 5, 7):
        draw_by_mouse(page, example(digit))
        page.keyboard.press(str(digit))
        until(page, f"document.getElementById('toast').textContent.startsWith('Kept as {digit}')")
    page.click("#to-gallery")

    def exported() -> list[Drawing]:
        with page.expect_download() as download:
            page.click("#export")
        assert re.fullmatch(r"inkproof-drawings-\d{4}-\d\d-\d\d\.jsonl", download.value.suggested_filename)
        download.value.save_as(tmp_path / "drawings.jsonl")
        with pytest.raises(SystemExit) as ended:
            command.main(["import", str(tmp_path / "drawings.jsonl"), "--into", str(tmp_path / "set")])
        assert ended.value.code == 0
        return read_drawings(tmp_path / "set")

    first = exported()
    assert [drawing.label for drawing in first] == [3, 5, 7]
    for drawing, kept in zip(first, server.kept(page), strict=True):
        assert (drawing.id, drawing.strokes, drawing.created) == (kept.id, kept.strokes, kept.created)
        assert drawing.source == "drawing page/desktop-mouse"
    page.click("#drawings li:nth-child(1) button")
    page.click("#editor-delete")
    page.click("#editor-delete")
    until(page, "document.querySelectorAll('#drawings li').length === 2")
    page.click("#drawings li:nth-child(1) button")
    page.click("#editor-labels [data-label='6']")
    until(page, "document.querySelector('#editor-labels [data-label=\"6\"]').ariaPressed === 'true'")
    page.click("#editor-close")
    assert [drawing.label for drawing in exported()] == [3, 6]


@without_server
def test_many_drawings_of_the_browser_are_shown_in_pages(visit: Callable[..., Any], server: Host):
    page = visit()
    page.evaluate("""async () => {
      const one = { writer: "constructor", strokes: [[[1, 2, 0], [200, 200, 9]]], canvas: [280, 280], predicted: 1,
        model: "pretrained", version: "0", device: "phone", pointer: "touch" };
      for (let number = 0; number < 61; number++) await inkproof.storage.keep({ ...one, label: number % 10 });
      await inkproof.storage.keep({ ...one, label: null, id: "page-0000000000000000" });
      await inkproof.storage.keep({ ...one, label: null, id: "page-0000000000000000" });
    }""")
    page.click("#to-gallery")
    page.wait_for_selector("#drawings li:nth-child(60)")
    assert page.inner_text("#gallery-count") == "62 kept, 6 predicted correctly"
    page.click("#more")
    page.wait_for_selector("#drawings li:nth-child(62)")
    assert page.is_hidden("#more")
    page.select_option("#filter-label", "none")
    until(page, "document.querySelectorAll('#drawings li').length === 1")
    page.select_option("#filter-label", "1")
    page.select_option("#filter-writer", "constructor")
    until(page, "document.querySelectorAll('#drawings li').length === 6")


def test_consent_is_remembered_and_can_be_withdrawn(visit: Callable[..., Any], server: Running | Host, database: Path):
    page = visit()
    page.check("#consent")
    page.reload()
    assert page.is_checked("#consent")
    page.uncheck("#consent")
    draw_by_mouse(page, example(2))
    page.keyboard.press("2")
    page.wait_for_timeout(300)
    assert server.kept(page) == [] and not database.exists()


def test_the_keyboard_draws_and_has_commands(visit: Callable[..., Any]):
    page = visit()
    page.focus("#pad")
    assert page.evaluate("getComputedStyle(document.getElementById('pad')).outlineStyle") == "solid"
    page.keyboard.press("Space")
    for _ in range(17):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    page.evaluate("inkproof.predictions.settled()")
    assert page.evaluate(
        "inkproof.drawing.strokes.map((stroke) => [stroke[0].slice(0, 2), stroke.at(-1).slice(0, 2)])"
    ) == [[[140, 56], [140, 228]]]
    assert page.inner_text(".card .digit") == "1"
    page.keyboard.press("z")
    assert page.evaluate("inkproof.drawing.empty")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("c")  # ignored while a dialog is open
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    assert page.locator("#gallery").is_visible()
    page.keyboard.press("d")
    draw_by_mouse(page, example(6))
    page.keyboard.press("Control+z")
    page.evaluate(DRAW, example(6))
    page.keyboard.press("Escape")
    assert page.evaluate("inkproof.drawing.empty")


def test_pen_pressure_widens_the_stroke_and_every_coalesced_point_counts(visit: Callable[..., Any]):
    page = visit()
    stroke = """(pressure) => {
      const pad = document.getElementById("pad"), box = pad.getBoundingClientRect();
      const event = (type, y, more = {}) => new PointerEvent(type, { pointerId: 3, pointerType: "pen", pressure,
        button: 0, bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + y * box.height / 280,
        ...more });
      inkproof.drawing.clear();
      pad.dispatchEvent(event("pointerdown", 60));
      const coalescedEvents = [90, 120, 150].map((y) => event("pointermove", y));
      pad.dispatchEvent(event("pointermove", 150, { coalescedEvents }));
      pad.dispatchEvent(event("pointerup", 150));
      const levels = inkproof.predictions.levels();
      const across = levels.slice(280 * 100, 280 * 101).reduce((sum, level) => sum + 255 - level, 0) / 255;
      return [inkproof.drawing.strokes, across];
    }"""
    widths = {}
    for pressure in (0.1, 0.5, 1.0):
        [[points], widths[pressure]] = page.evaluate(stroke, pressure)
        assert [point[1] for point in points] == [60, 90, 120, 150]
        assert {point[3] for point in points} == {pressure}
    assert widths[0.1] < widths[0.5] - 4 < widths[1.0] - 8
    assert abs(widths[0.5] - 20) < 0.5


def test_a_second_finger_does_not_draw(visit: Callable[..., Any]):
    page = visit(**PHONE)
    session = page.context.new_cdp_session(page)
    box = page.locator("#pad").bounding_box()
    one, other = ({"x": box["x"] + x, "y": box["y"] + 50, "id": x} for x in (50, 200))
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [one]})
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [one, other]})
    session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [one, {**other, "y": box["y"] + 90}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("inkproof.drawing.strokes.length") == 1


@needs_server
def test_a_page_of_another_site_can_neither_read_nor_write(visit: Callable[..., Any], server: Running, chromium: Any):
    other = chromium.new_context().new_page()
    other.goto("data:text/html,<p>elsewhere")
    outcome = other.evaluate(
        """async (url) => { const tried = [];
        for (const [path, options] of [["/api/drawings", {}],
            ["/api/drawings", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }]]) {
          try { await fetch(url + path, options); tried.push("read"); } catch { tried.push("refused"); } }
        return tried; }""",
        server.url,
    )
    assert outcome == ["refused", "refused"]
