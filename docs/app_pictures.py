"""Draw docs/images/app.png, number.png and session.png: the page at 1440 and 360 pixels. Needs Chromium.

`make screenshots` runs it.
"""

import base64
import io
import json
import shutil
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from inkproof.app.site import write_site
from inkproof.data.drawings import read_drawings
from inkproof.runtime.paths import ROOT

LARGEST = 150_000  # bytes
GAP = 12  # pixels
SLOW = 180_000  # milliseconds: other programs may keep the machine busy
DESKTOP = {"viewport": {"width": 1440, "height": 680}, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 660}, "is_mobile": True, "has_touch": True, "color_scheme": "light"}
DRAWINGS = {one.label: one.strokes for one in reversed(read_drawings(ROOT / "data" / "drawn" / "starter"))}


class Quiet(SimpleHTTPRequestHandler):
    """Sends the files of a folder and prints nothing."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def shot(page: Page) -> Image.Image:
    """Return the page as it is."""
    page.wait_for_timeout(300)  # what fades in or scrolls
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def one_digit(page: Page, digit: int) -> Image.Image:
    """Draw a digit of the starter set, point by point: the first predictions take longer than the others."""
    for end in range(1, 1 + len(DRAWINGS[digit][0])):
        page.evaluate("strokes => inkproof.drawing.set(strokes)", [DRAWINGS[digit][0][:end], *DRAWINGS[digit][1:]])
        page.evaluate("inkproof.predictions.settled()")
    return shot(page)


def number(page: Page, digits: tuple[int, ...]) -> Image.Image:
    """Write digits side by side."""
    page.evaluate("location.hash = 'number'")
    width = 520 / len(digits)
    page.evaluate(
        "strokes => inkproof.line.set(strokes)",
        [
            [[20 + place * width + x * width / 240, 140 + (y - 140) * width / 240] for x, y, *_ in stroke]
            for place, digit in enumerate(digits)
            for stroke in DRAWINGS[digit]
        ],
    )
    page.evaluate("inkproof.number.settled()")
    return shot(page)


def image(page: Page) -> Image.Image:
    """Open an image of three touching digits."""
    vector = json.loads((ROOT / "tests" / "data" / "numbers.json").read_text())["images"][2]
    page.click("#number-clear")
    png = base64.b64decode(vector["png"])
    page.set_input_files("#number-file", {"name": "a.png", "mimeType": "image/png", "buffer": png})
    page.wait_for_selector(f"#number-verdict:has-text('{vector['number']}')")
    return shot(page)


def begin(page: Page, writer: str) -> Image.Image:
    """Start a session; return the dialog as it is filled in."""
    page.fill("#session-writer", writer)
    page.check("#session-consent")
    filled = shot(page)
    page.click("#session-form [value='start']")
    page.wait_for_selector("#session-ask")
    return filled


def draw(page: Page) -> None:
    """Draw the digit that is asked for."""
    page.evaluate("strokes => inkproof.drawing.set(strokes)", DRAWINGS[int(page.inner_text("#session-digit")[-1])])


def session(desktop: Page, phone: Page) -> tuple[Image.Image, list[Image.Image]]:
    """Return a session on a desktop, and the beginning, middle and end of one on a phone."""
    for page in (desktop, phone):
        page.evaluate("location.hash = 'draw'")
        page.click("#clear")
        page.click("#open-session")
        page.fill("#session-rounds", "2")
    begin(desktop, "Zoë")
    for _ in range(6):
        draw(desktop)
        desktop.click("#session-keep")
    draw(desktop)
    shots = [begin(phone, "17")]
    for step in range(20):
        draw(phone)
        if step == 12:
            shots.append(shot(phone))
        phone.click("#session-skip" if step == 4 else "#session-keep")
    phone.wait_for_selector("#session-count:has-text('19 kept')")
    return shot(desktop), [*shots, shot(phone)]


def composed(wide: Image.Image, narrow: list[Image.Image]) -> Image.Image:
    """Return the wide picture above the narrow ones, in a row of the same width."""
    width = sum(one.width + GAP for one in narrow) - GAP
    above = wide.resize((width, wide.height * width // wide.width), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (width, above.height + GAP + narrow[0].height), "#9aa3ae")
    sheet.paste(above, (0, 0))
    for number, one in enumerate(narrow):
        sheet.paste(one, (number * (one.width + GAP), above.height + GAP))
    return sheet.quantize(128, dither=Image.Dither.NONE)


def write(name: str, wide: Image.Image, narrow: list[Image.Image]) -> None:
    """Write a picture, unless it is too large."""
    path = ROOT / "docs" / "images" / name
    composed(wide, narrow).save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"app_pictures: {path}: {size / 1000:.0f} kB, more than {LARGEST / 1000:.0f}")
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")


def main() -> None:
    """Serve the page from a folder, use it and write the pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("app_pictures: Chromium is missing; install it with your system's package manager")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_site(Path(folder), {"pretrained": ROOT / "models" / "pretrained" / "canvas.tflite"}, 20.0)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = []
        for options in (DESKTOP, PHONE):
            page = browser.new_context(**options).new_page()
            page.set_default_timeout(SLOW)
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            page.wait_for_selector("#status:has-text('browser')", state="attached")
            opened.append(page)
        desktop, phone = opened
        write("app.png", one_digit(desktop, 2), [one_digit(phone, digit) for digit in (4, 7)])
        write("number.png", number(desktop, (4, 0, 7, 2)), [number(phone, (1, 9, 5)), image(phone)])
        write("session.png", *session(desktop, phone))
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
