"""The report page in headless Chromium: its height and width on a phone and a desktop, and what sorting does."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import ReportConfig
from inkproof.reporting.page import write_page
from inkproof.reporting.results import load_models

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed, as by `apt-get install chromium`"),
]

# A window of Chromium has at least 500 pixels, a frame may be as narrow as a phone.
LOOK = """<!doctype html><meta charset="utf-8"><pre id="found"></pre><script>
const found = {};
const names = (frame) => [...frame.contentDocument.querySelectorAll(".board tbody th a")].map((a) => a.textContent);
function look(width, next) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800;
  frame.srcdoc = PAGE;
  frame.onload = () => {
    const page = frame.contentDocument, right = page.documentElement.clientWidth;
    const inside = (e) => e.closest(".scroll, svg") === null && e.checkVisibility();
    const wide = [...page.querySelectorAll("body *")].filter(
      (e) => inside(e) && e.getBoundingClientRect().right > right + 1);
    const cut = [...page.querySelectorAll(".scroll")].filter(
      (e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1);
    found[width] = { height: page.documentElement.scrollHeight, scrolls: page.documentElement.scrollWidth > right,
      hint: cut.filter((e) => frame.contentWindow.getComputedStyle(e).backgroundAttachment === "local, scroll").length,
      wide: wide.map((e) => e.outerHTML.slice(0, 80)), cut: cut.map((e) => e.getAttribute("aria-label")) };
    next(frame);
  };
  document.body.append(frame);
}
look(360, () => look(1440, (frame) => {
  const heads = [...frame.contentDocument.querySelectorAll(".board thead th")];
  found.sorted = heads.map((head) => [0, 1].map(() => {
    head.querySelector("button").click();
    return [head.getAttribute("aria-sort"), ...names(frame)];
  }));
  found.marked = heads.filter((head) => head.hasAttribute("aria-sort")).length;
  // Its address is relative to the outer page, so a click would leave the frame.
  frame.contentWindow.location.hash = frame.contentDocument.querySelector(".board tbody a").hash;
  setTimeout(() => {
    found.opened = frame.contentDocument.querySelectorAll("details[open]").length;
    document.getElementById("found").textContent = JSON.stringify(found);
  }, 300);
}));
</script>"""


def test_the_page_fits_a_phone_and_a_desktop_and_its_leaderboard_sorts(
    mnist_report: Path, strokes_models: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(mnist_report, folder)
    models = load_models(folder / "models", {"mnist_plus_strokes": strokes_models})
    with composing() as compose:
        page = write_page(folder, compose(ReportConfig, ("data=mnist",)).data, models, "cnn").read_text()
    look = tmp_path / "look.html"
    look.write_text(LOOK.replace("PAGE", json.dumps(page).replace("</", "<\\/")))
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'home'}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", look.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    answer = re.search(r'<pre id="found">(.+?)</pre>', dom)
    assert answer is not None, dom[-500:]
    found = json.loads(answer[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    phone, desktop = found["360"], found["1440"]
    assert phone["height"] < 8000
    assert not phone["scrolls"] and not desktop["scrolls"]
    assert phone["hint"] == len(phone["cut"]) > 0, "a shadow shows that there are more columns"
    assert phone["wide"] == desktop["wide"] == desktop["cut"] == []

    by_name = sorted(model.name for model in models)
    by_accuracy = [model.name for model in sorted(models, key=lambda model: model.test.accuracy)]
    by_size = [model.name for model in sorted(models, key=lambda model: model.export["canvas"].kb)]
    title, accuracy, *_, weights = found["sorted"]
    assert title == [["ascending", *by_name], ["descending", *by_name[::-1]]]
    assert accuracy[0] == ["descending", *(model.name for model in models)]
    assert accuracy[1] == ["ascending", *by_accuracy]
    assert weights[0] == ["ascending", *by_size]
    assert len({model.test.accuracy for model in models}) < len(models), "models of equal accuracy are in file order"
    assert found["marked"] == 1
    assert found["opened"] == 1, "a link of the leaderboard opens its model"
