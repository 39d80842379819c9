"""Draw docs/images/session.png: a session at 1440 and at 360 pixels. `make screenshots` runs it; needs Chromium."""

import io
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
DESKTOP = {"viewport": {"width": 1440, "height": 620}, "color_scheme": "dark"}
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


def pages(desktop: Page, phone: Page) -> tuple[Image.Image, list[Image.Image]]:
    """Return a session on a desktop, and the beginning, middle and end of one on a phone."""
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


def main() -> None:
    """Serve the page from a folder, draw two sessions and write the picture."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("session_sheet: Chromium is missing; install it with your system's package manager")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_site(Path(folder), {"pretrained": ROOT / "models" / "pretrained" / "canvas.tflite"}, 20.0)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = []
        for options in (DESKTOP, PHONE):
            page = browser.new_context(**options).new_page()
            page.set_default_timeout(SLOW)
            page.goto(f"http://127.0.0.1:{server.server_port}/?session=2")
            page.wait_for_selector("#session-start[open]")
            page.wait_for_selector("#status:has-text('browser')", state="attached")
            opened.append(page)
        path = ROOT / "docs" / "images" / "session.png"
        composed(*pages(*opened)).save(path, optimize=True)
        browser.close()
        server.shutdown()
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"session_sheet: {path}: {size / 1000:.0f} kB, more than {LARGEST / 1000:.0f}")
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
