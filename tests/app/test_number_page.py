"""Numbers on the page: the shared vectors in JavaScript, strokes, images, and several digits where one is expected."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkproof.data.drawings import read_drawings
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.inference.number import read_image, read_strokes
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.digit_strings import GAPS, digit_string, on_white
from support.browsing import DRAW, PHONE, Host, Running, needs_server, until
from support.number_vectors import FILE
from support.web_app import PRETRAINED

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

VECTORS = json.loads(FILE.read_text())
NO_WASM = "delete globalThis.WebAssembly;"
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
# Calls a function of a module of the page; images are {data, width, height}, typed where they come in.
CALL = """async ([file, name, ...values]) => {
  const module = await import(new URL(`js/${file}.js`, document.baseURI));
  const image = (one) => one?.data ? { ...one, data: Uint8Array.from(one.data) } : one;
  const plain = (one) => one?.data ? { ...one, data: Array.from(one.data) } : one;
  return plain(await module[name](...values.map(image)));
}"""
LINE = """async (levels) => {
  const { lineOf } = await import(new URL("js/number.js", document.baseURI));
  const { inkOf, shrunk } = await import(new URL("js/cuts.js", document.baseURI));
  const image = { ...levels, data: Uint8Array.from(levels.data) };
  const predict = (canvas) => inkproof.models.predict(inkproof.models.selected[0], canvas);
  const line = await lineOf(image, async (canvas) => (await predict(canvas)).mask);
  return { left: line.left, top: line.top, scale: line.scale, width: line.mask.width,
    mask: Array.from(line.mask.data), ink: Array.from(shrunk(inkOf(line)).data) };
}"""
READ = """async (source) => {
  if (source.image) source.image.data = Uint8Array.from(source.image.data);
  return inkproof.models.read(inkproof.models.selected[0], source);
}"""


# Opens PNGs in base64 as a user does, the next before the last is decoded, and then writes strokes if there are any.
OPEN = """async ([pngs, strokes]) => {
  for (const png of pngs) {
    const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "number.png", { type: "image/png" }));
    const input = document.getElementById("number-file");
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
  }
  if (strokes) inkproof.line.set(strokes);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await inkproof.number.settled();
  return document.getElementById("number-verdict").textContent;
}"""


def levels_of(vector: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(vector["png"]))))


def sent(levels: np.ndarray) -> dict:
    """An image as the functions of the page take it."""
    return {"data": levels.ravel().tolist(), "width": levels.shape[1], "height": levels.shape[0]}


def unpacked(vector: dict, name: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(vector[name]), np.uint8).reshape(vector["shape"])


@needs_server
def test_masks_ink_and_cuts_are_those_of_the_vectors(visit: Callable[..., Any]) -> None:
    page = visit()
    for vector in VECTORS["images"]:
        mask, ink = unpacked(vector, "mask"), unpacked(vector, "ink")
        left, top, right, bottom = vector["box"]
        assert page.evaluate(CALL, ["cuts", "boxOf", sent(mask)]) == vector["box"]
        cuts = page.evaluate(CALL, ["cuts", "cutsOf", sent(ink[top:bottom, left:right])])
        assert [[cut["cost"], *cut["columns"]] for cut in cuts] == vector["cuts"]
        line = page.evaluate(LINE, sent(levels_of(vector)))
        assert {name: line[name] for name in vector["line"]} == pytest.approx(vector["line"])
        # LiteRT.js and LiteRT round the mask's network differently, by a level here and there.
        for name, wanted in (("mask", mask), ("ink", ink)):
            found = np.array(line[name]).reshape(wanted.shape)
            assert np.abs(found - wanted.astype(int)).max() <= 2, name


@needs_server
def test_costs_runs_and_groups_are_those_of_the_vectors(visit: Callable[..., Any]) -> None:
    page = visit()
    for vector in VECTORS["costs"]:
        p = vector["probability"]
        digit = {"probabilities": [0.0, p, *[(1 - p) / 8] * 8], "score": vector["score"]}
        run = {"width": vector["width"], "height": vector["height"], "cut": vector["cut"], "digit": digit}
        assert page.evaluate(CALL, ["number", "costOf", run, vector["threshold"]]) == pytest.approx(vector["cost"])
    for vector in VECTORS["paths"]:
        assert page.evaluate(CALL, ["number", "cheapest", vector["pieces"], vector["costs"]]) == vector["runs"]
    for vector in VECTORS["strokes"]:
        groups = page.evaluate(CALL, ["number", "groupsOf", vector["strokes"]])
        assert [[vector["strokes"].index(one) for one in group] for group in groups] == vector["groups"]


@needs_server
@pytest.mark.parametrize("script", ["", NO_WASM], ids=["browser", "server"])
def test_numbers_and_boxes_are_those_of_the_vectors(script: str, visit: Callable[..., Any]) -> None:
    page = visit(script=script)
    images = [({"image": sent(levels_of(vector))}, vector) for vector in VECTORS["images"]]
    for source, wanted in [*images, *(({"strokes": vector["strokes"]}, vector) for vector in VECTORS["strokes"])]:
        found = page.evaluate(READ, source)
        assert found["number"] == wanted["number"] and found["accepted"]
        assert np.allclose([one["box"] for one in found["digits"]], wanted["boxes"], atol=1)


@needs_server
def test_the_browser_reads_what_python_reads(visit: Callable[..., Any]) -> None:
    """Also where neither is right: the same number for 30 strings, as strokes and as images."""
    page, model = visit(), CanvasPredictor(PRETRAINED)
    digits = [one for one in read_drawings(ROOT / "data" / "drawn" / "starter") if one.label is not None]
    for place in range(30):
        string = digit_string(digits, 2 + place % 5, GAPS[place % 3], np.random.default_rng([5, place]))
        strokes = [np.round(path, 1).tolist() for digit in string.strokes for path in digit]
        assert page.evaluate(READ, {"strokes": strokes})["number"] == read_strokes(strokes, model).text
        image = on_white(string, 90)
        assert page.evaluate(READ, {"image": sent(image)})["number"] == read_image(image, model).text


def write(page: Any, strokes: list) -> None:
    """Draw strokes with the mouse on the paper for numbers, and wait until they are read."""
    box = page.locator("#number-pad").bounding_box()
    scale = box["height"] / 280
    for stroke in strokes:
        page.mouse.move(*(edge + value * scale for edge, value in zip((box["x"], box["y"]), stroke[0], strict=True)))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(box["x"] + point[0] * scale, box["y"] + point[1] * scale)
        page.mouse.up()
    page.evaluate("inkproof.number.settled()")


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_number_is_written_read_undone_and_cleared(options: dict, visit: Callable[..., Any]) -> None:
    page = visit(**options)
    page.click("#to-number")
    vector = VECTORS["strokes"][0]
    write(page, [[[x, y + 40] for x, y in stroke] for stroke in vector["strokes"]])
    assert page.inner_text("#number-verdict") == f"{vector['number']} is read"
    assert "".join(page.locator("#number-digits b").all_inner_texts()) == vector["number"]
    assert all(words.endswith("%") for words in page.locator("#number-digits span").all_inner_texts())
    pad = page.locator("#number-paper").bounding_box()
    boxes = [frame.bounding_box() for frame in page.locator("#number-boxes span").all()]
    for box, (left, top, right, bottom) in zip(boxes, vector["boxes"], strict=True):
        found = [box["x"] - pad["x"], box["y"] - pad["y"], box["width"], box["height"]]
        wanted = [left - 8, top + 40 - 8, right - left + 16, bottom - top + 16]
        assert np.allclose(np.array(found) * 280 / pad["height"], wanted, atol=3)
    assert "nothing is sent" in page.inner_text("#number-status")
    until(page, f"document.getElementById('live').textContent === '{vector['number']} is read'")
    page.click("#number-undo")
    page.evaluate("inkproof.number.settled()")
    assert page.evaluate("inkproof.line.strokes.length") == len(vector["strokes"]) - 1
    page.keyboard.press("c")
    page.evaluate("inkproof.number.settled()")
    assert page.inner_text("#number-verdict") == "Nothing written yet"
    assert page.locator("#number-boxes span").count() == 0 and page.locator("#number-invitation").is_visible()
    assert page.evaluate("inkproof.drawing.empty"), "the paper for one digit is another one"


def test_an_image_is_opened_read_and_closed(visit: Callable[..., Any], server: Running | Host) -> None:
    page = visit(**DESKTOP)
    page.click("#to-number")
    vector = VECTORS["images"][0]
    file = {"name": "three.png", "mimeType": "image/png", "buffer": base64.b64decode(vector["png"])}
    page.set_input_files("#number-file", file)
    until(page, "document.getElementById('number-verdict').textContent.endsWith('is read')")
    assert page.inner_text("#number-verdict") == f"{vector['number']} is read"
    assert page.locator("#number-image").is_visible() and page.locator("#number-pad").is_hidden()
    levels = levels_of(vector)
    box = page.locator("#number-paper").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(levels.shape[1] / levels.shape[0], rel=0.02)
    two = io.BytesIO()
    Image.fromarray(np.vstack([levels, levels])).save(two, "PNG")
    page.set_input_files("#number-file", {**file, "buffer": two.getvalue()})
    until(page, "document.getElementById('number-verdict').textContent.startsWith('Not read: several lines')")
    page.set_input_files("#number-file", {**file, "buffer": b"no image"})
    until(page, "document.getElementById('number-verdict').textContent.includes('cannot open that file')")
    assert page.locator("#number-pad").is_visible()
    page.set_input_files("#number-file", file)
    until(page, "document.getElementById('number-verdict').textContent.endsWith('is read')")
    page.click("#number-clear")
    until(page, "document.getElementById('number-verdict').textContent === 'Nothing written yet'")
    assert page.locator("#number-pad").is_visible() and page.locator("#number-clear").is_disabled()


def test_the_last_thing_done_is_read(visit: Callable[..., Any]) -> None:
    """Opening takes a while: what is written or opened meanwhile counts, and the page draws frames while it reads."""
    page = visit(**DESKTOP)
    page.click("#to-number")
    large = io.BytesIO()
    Image.fromarray(levels_of(VECTORS["images"][1]).repeat(25, 0).repeat(25, 1)).save(large, "PNG")
    png = base64.b64encode(large.getvalue()).decode()
    small, strokes = VECTORS["images"][0], VECTORS["strokes"][2]
    assert page.evaluate(OPEN, [[png, small["png"]], None]) == f"{small['number']} is read"
    page.click("#number-clear")
    assert page.evaluate(OPEN, [[png], strokes["strokes"]]) == f"{strokes['number']} is read"
    assert page.locator("#number-pad").is_visible()
    page.evaluate("""() => { globalThis.longest = 0; let last = performance.now();
      const frame = (now) => { longest = Math.max(longest, now - last); last = now; requestAnimationFrame(frame); };
      requestAnimationFrame(frame); }""")
    touching = VECTORS["images"][2]
    assert page.evaluate(OPEN, [[touching["png"]], None]) == f"{touching['number']} is read"
    assert page.evaluate("longest") < 1000, "milliseconds without a frame"


@needs_server
def test_a_model_that_could_not_be_loaded_is_loaded_the_next_time(visit: Callable[..., Any]) -> None:
    page = visit(script="navigator.serviceWorker.register = async () => {};")
    page.route("**/*.tflite", lambda route: route.abort())
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    page.click("#to-number")
    strokes = VECTORS["strokes"][0]["strokes"]
    page.evaluate("strokes => inkproof.line.set(strokes)", strokes)
    until(page, "document.getElementById('number-verdict').textContent.startsWith('Not read')")
    page.unroute("**/*.tflite")
    page.evaluate("strokes => inkproof.line.set(strokes)", strokes)
    until(
        page, f"document.getElementById('number-verdict').textContent === '{VECTORS['strokes'][0]['number']} is read'"
    )


@needs_server
def test_an_opened_photograph_is_upright_and_on_white(visit: Callable[..., Any]) -> None:
    page = visit()
    levels = """async (bytes) => {
      const { levelsOf } = await import(new URL("js/levels.js", document.baseURI));
      const { data, width, height } = await levelsOf(new Blob([Uint8Array.from(bytes)]));
      return { data: Array.from(data), width, height };
    }"""
    turned = Image.new("L", (40, 20), 200)
    turned.paste(0, (0, 0, 10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter clockwise
    file = io.BytesIO()
    turned.save(file, "JPEG", exif=exif, quality=95)
    found = page.evaluate(levels, list(file.getvalue()))
    assert (found["width"], found["height"]) == (20, 40)
    assert np.array(found["data"]).reshape(40, 20)[4].max() < 20
    clear = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    clear.putpixel((1, 0), (0, 0, 0, 0))
    file = io.BytesIO()
    clear.save(file, "PNG")
    assert page.evaluate(levels, list(file.getvalue()))["data"] == [76, 255], "ITU-R 601, and white"


@pytest.mark.parametrize("script", ["", NO_WASM], ids=["browser", "server"])
@needs_server
def test_several_digits_where_one_is_expected_are_said(script: str, visit: Callable[..., Any]) -> None:
    page = visit(script=script)
    vector = VECTORS["strokes"][0]
    most = max(point[0] for stroke in vector["strokes"] for point in stroke)
    page.evaluate(DRAW, [[[x * 250 / most + 10, y * 250 / most + 60] for x, y in one] for one in vector["strokes"]])
    assert page.inner_text(".card .verdict") == "Several digits"
    until(page, "document.getElementById('live').textContent === 'several digits, where one is expected'")
    page.click(".card .as-number")
    until(page, f"document.getElementById('number-verdict').textContent === '{vector['number']} is read'")
    assert page.locator("#number").is_visible() and page.locator("#draw").is_hidden()


@needs_server
def test_one_digit_and_one_letter_are_never_several(visit: Callable[..., Any]) -> None:
    page = visit()
    for folder in ("starter", "not_digits"):
        for drawing in read_drawings(ROOT / "data" / "drawn" / folder)[::7]:
            if drawing.strokes and "two-digits" not in drawing.id:
                page.evaluate(DRAW, drawing.strokes)
                [found] = page.evaluate("[...inkproof.predictions.latest.values()]")
                assert not found["several"], drawing.id


def test_numbers_are_read_without_a_network(visit: Callable[..., Any], server: Running | Host) -> None:
    page = visit(**PHONE)
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    until(page, "navigator.serviceWorker.controller !== null")
    server.stop()
    page.context.set_offline(True)
    page.goto(f"{server.url}/#number")
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    vector = VECTORS["strokes"][1]
    page.evaluate("strokes => inkproof.line.set(strokes)", vector["strokes"])
    until(page, f"document.getElementById('number-verdict').textContent === '{vector['number']} is read'")
