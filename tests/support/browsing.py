"""Drawing on the page in a browser, and its predictions."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inkproof.app.drawing_store import DrawingStore, Kept
from inkproof.app.site import write_site
from support.web_app import PRETRAINED, make_app

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
# Tests of the page run on the app and on a host that only sends files, but for these.
needs_server = pytest.mark.parametrize("server", ["app"], indirect=True)
without_server = pytest.mark.parametrize("server", ["site"], indirect=True)

# Draws strokes with pointer events as a browser sends them, and waits for the predictions.
DRAW = """async (strokes) => {
  const pad = document.getElementById("pad");
  const box = pad.getBoundingClientRect();
  const at = (type, [x, y], buttons) => pad.dispatchEvent(new PointerEvent(type, {
    pointerId: 7, pointerType: "touch", isPrimary: true, bubbles: true, cancelable: true, button: 0, buttons,
    clientX: box.left + x * box.width / 280, clientY: box.top + y * box.height / 280 }));
  inkproof.drawing.clear();
  for (const stroke of strokes) {
    at("pointerdown", stroke[0], 1);
    for (const point of stroke.slice(1)) at("pointermove", point, 1);
    at("pointerup", stroke.at(-1), 0);
  }
  await inkproof.predictions.settled();
}"""
# The prediction, and the PNG of the pixels it is for.
PREDICTION = """async () => {
  await inkproof.predictions.settled();
  const { pngOf } = await import(new URL("js/server_model.js", document.baseURI));
  const [prediction] = inkproof.predictions.latest.values();
  return { ...prediction, seen: Array.from(prediction.seen), place: inkproof.models.place,
    strokes: inkproof.drawing.strokes, png: pngOf({ data: inkproof.predictions.levels(), width: 280, height: 280 }) };
}"""


@dataclass
class Running:
    """A server in a thread of the tests; `stop` ends it like a lost network."""

    url: str
    database: Path
    _server: Any

    def kept(self, page: Any) -> list[Kept]:
        """The drawings that were kept."""
        return DrawingStore(self.database).all()

    def stop(self) -> None:
        self._server.close()
        self._server.task_dispatcher.shutdown()
        for channel in list(self._server.active_channels.values()):
            channel.close()


@contextmanager
def running(database: Path, models: dict[str, Path] | None = None) -> Iterator[Running]:
    """Yield a server of the page; models as `make_app` takes them."""
    from waitress.server import create_server

    server = create_server(make_app(database, models), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    server_running = Running(f"http://127.0.0.1:{server.effective_port}", database, server)
    try:
        yield server_running
    finally:
        server_running.stop()
        thread.join(5)


PREFIX = "/some/prefix"


@dataclass
class Host:
    """A host that only sends the files of a folder, in a thread of the tests. The page is below `PREFIX`."""

    site: Path
    asked: list[str] = field(default_factory=list)  # paths

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}{PREFIX}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def kept(self, page: Any) -> list[Kept]:
        """The drawings that the browser keeps."""
        exported = page.evaluate("async () => (await inkproof.storage.exported()).text()")
        lines = [json.loads(line) for line in exported.splitlines()]
        return [
            Kept(**{name: value for name, value in line.items() if name != "format"}) for line in lines if "id" in line
        ]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, host: Host, *arguments: Any) -> None:
        self.host = host
        super().__init__(*arguments, directory=str(host.site.parents[PREFIX.count("/") - 1]))

    def send_head(self) -> Any:
        self.host.asked.append(self.path)
        return super().send_head()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def hosting(folder: Path, models: dict[str, Path] | None = None) -> Iterator[Host]:
    """Yield a host of the page as `make site` writes it, in `folder`."""
    site = folder / PREFIX.strip("/")
    write_site(site, models or {"pretrained": PRETRAINED}, 20.0)
    host = Host(site)
    try:
        yield host
    finally:
        host.stop()


def _run(server: Any) -> None:
    with contextlib.suppress(OSError):  # `stop` closes its socket
        server.run()


def until(page: Any, condition: str, seconds: float = 30.0) -> None:
    """Wait until `condition` is true. Playwright's own wait compiles text, which the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        time.sleep(0.02)


def draw_by_mouse(page: Any, strokes: list) -> None:
    """Draw strokes of a canvas of 280 x 280 with a mouse, and wait for the predictions."""
    box = page.locator("#pad").bounding_box()
    scale = box["width"] / 280

    def place(point: list) -> tuple[float, float]:
        return box["x"] + point[0] * scale, box["y"] + point[1] * scale

    for stroke in strokes:
        page.mouse.move(*place(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*place(point))
        page.mouse.up()
    page.evaluate("inkproof.predictions.settled()")


def draw_by_finger(page: Any, strokes: list) -> None:
    """Draw them with a finger on a touch screen."""
    session = page.context.new_cdp_session(page)
    box = page.locator("#pad").bounding_box()
    scale = box["width"] / 280
    for stroke in strokes:
        for index, point in enumerate(stroke):
            place = {"x": box["x"] + point[0] * scale, "y": box["y"] + point[1] * scale}
            kind = "touchMove" if index else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.evaluate("inkproof.predictions.settled()")


def luminance(color: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG defines it."""
    channels = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colors, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
