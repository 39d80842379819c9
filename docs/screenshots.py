"""Take the pictures of docs/images: `make screenshots`, after `make demo` and a small sweep; needs Chromium.

They show MLflow's runs of optdigits and the committed report of MNIST, at 1440 x 900 pixels.
"""

import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from mlflow.entities import Run
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from inkproof.runtime.paths import ROOT
from inkproof.tracking.mlflow_tracker import Tracker

EXPERIMENT = "optdigits"
SIZE = {"width": 1440, "height": 900}
SETTLE = 5  # seconds until charts are drawn, after the text below; MLflow has no sign for that
LARGEST = 150_000  # bytes of a picture
# A text that each page has once its data is there.
AWAITED = {
    "runs": r"^[1-9]\d* matching run",
    "charts": "Learning curves and choices",
    "compare": "Run details",
    "run": r"Metrics \(\d+\)",
    "model": r"Version \d+",
    "report": "Inkproof",
}
# What is pressed before the picture is taken: figures make room for what differs, and a greeting closes.
PRESSED = {"compare": ("Visualizations", "Show diff only"), "model": ("Try it now",)}
# A first visit opens the panel of MLflow's assistant, which takes a quarter of the page.
CLOSED = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
"""
TRAINING = "workflowType=machine_learning"  # else MLflow shows its mode for generative AI
FOLDER = ROOT / "docs" / "images"


@contextmanager
def mlflow_ui(uri: str) -> Iterator[str]:
    """Yield the address of an MLflow server on the store `uri`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--backend-store-uri", uri]
    process = subprocess.Popen([*server, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with suppress(OSError), urllib.request.urlopen(f"{address}/health"):
                break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()


def addresses(tracker: Tracker, ui: str) -> dict[str, str]:
    """Return the address of each picture by the picture's name."""
    number = tracker.experiment(EXPERIMENT)
    finished = "attributes.status = 'FINISHED'"
    runs: list[Run] = list(tracker.client.search_runs([number], finished, order_by=["attributes.start_time DESC"]))
    evaluated = [run for run in runs if run.data.tags.get("stage") != "train"]
    if not evaluated or len(runs) < 5:
        sys.exit("screenshots: no evaluated runs of optdigits and a sweep; run `make demo` and a sweep first")
    compared = quote(json.dumps([run.info.run_id for run in runs[:4]]))
    view = f"{ui}/#{tracker.view(EXPERIMENT).partition('#')[2]}"
    return {
        "runs": view,
        "charts": f"{view}&compareRunsMode=CHART",
        "compare": f"{ui}/#/compare-runs?runs={compared}&experiments={quote(json.dumps([number]))}&{TRAINING}",
        "run": f"{ui}/#/experiments/{number}/runs/{evaluated[0].info.run_id}?{TRAINING}",
        "model": f"{ui}/#/models?{TRAINING}",
        "report": (ROOT / "reports" / "mnist" / "index.html").as_uri(),
    }


def take(page: Page, address: str, path: Path) -> None:
    """Write the picture of a page as a small PNG; the name of the file says which page it is."""
    page.goto(address)
    awaited = page.get_by_text(re.compile(AWAITED[path.stem])).first
    awaited.wait_for(timeout=120_000)
    time.sleep(SETTLE)
    for text in PRESSED.get(path.stem, ()):
        for place in page.get_by_text(text).all():
            place.click()
        awaited.scroll_into_view_if_needed()
        time.sleep(1)  # what closes fades
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        sys.exit(f"screenshots: {path}: {path.stat().st_size / 1000:.0f} kB, more than {LARGEST / 1000:.0f}")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Take all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("screenshots: Chromium is missing; install it with your system's package manager")
    FOLDER.mkdir(exist_ok=True)
    tracker = Tracker()
    with mlflow_ui(tracker.uri) as ui, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, address in addresses(tracker, ui).items():
            page = browser.new_page(viewport=SIZE)
            page.add_init_script(CLOSED)
            take(page, address, FOLDER / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
