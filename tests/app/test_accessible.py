"""The page by the rules of WCAG 2.1 AA that axe checks, and used with the keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest

from support.browsing import DRAW, Host, Running, contrast, needs_server, until
from support.web_app import starter

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
SIZES = {360: {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}}
SIZES[1440] = {"viewport": {"width": 1440, "height": 900}}
# What has the focus: its id, or its label among the labels, or its text, and whether a frame shows it.
FOCUSED = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return { name: one.id || one.dataset.label || one.textContent.trim(),
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    frame: one.matches(":focus-visible") && style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
    color: style.outlineColor, ground: getComputedStyle(document.body).backgroundColor };
}"""


def strokes_of(label: int) -> list:
    return next(drawing.strokes for drawing in starter() if drawing.label == label)


def violations(page: Any) -> list[str]:
    """What breaks a rule of RULES, a line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="`make browser` adds axe")
    page.wait_for_timeout(250)  # colors that are fading in have less contrast
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_axe_finds_no_violation(width: int, scheme: str, visit: Callable[..., Any], server: Running | Host) -> None:
    page = visit(**SIZES[width], color_scheme=scheme)
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        found[name] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"

    look("empty")
    page.evaluate(DRAW, next(one.strokes for one in starter() if one.label == 3))
    page.check("#consent")
    look("drawn")
    page.click("#labels [data-label='8']")
    page.wait_for_selector("#toast:not([hidden])")
    look("kept")
    page.evaluate("document.getElementById('picker').open = true")
    look("models")
    page.click("#to-gallery")
    page.wait_for_selector("#drawings li")
    look("gallery")
    page.click("#drawings button")
    look("editor")
    page.keyboard.press("Escape")
    page.click("#to-number")
    look("number, empty")
    page.evaluate("strokes => inkproof.line.set(strokes)", [*strokes_of(3), [[300, 150], [330, 120], [320, 180]]])
    page.wait_for_selector("#number-boxes span")
    look("number")
    page.evaluate("document.getElementById('help').showModal()")
    look("keys")
    page.keyboard.press("Escape")
    page.click("#to-draw")
    page.click("#open-session")
    look("start of a session")
    page.fill("#session-writer", "A name of some length")
    page.check("#session-consent")
    page.click("#session-form [value='start']")
    page.wait_for_selector("#session-ask")
    look("session")
    page.context.set_offline(True)
    page.evaluate(DRAW, strokes_of(7))
    look("session, drawn")
    page.click("#session-keep")
    if isinstance(server, Running):  # the other keeps it without a network
        page.wait_for_selector("#session-sent:not(:empty)")
    look("session, offline")
    page.click("#session-stop")
    look("session, over")
    assert {name: lines for name, lines in found.items() if lines} == {}


def walk(page: Any, key: str = "Tab") -> list[str]:
    """Press Tab until the page is left, or its first element has the focus again; return what had the focus."""
    names: list[str] = []
    while len(names) < 60:
        page.keyboard.press(key)
        focused = page.evaluate(FOCUSED)
        if page.evaluate("document.activeElement === document.body") or focused["name"] in names[:1]:
            return names
        names.append(focused["name"])
        page.wait_for_timeout(20)  # it scrolls there
        assert page.evaluate(FOCUSED)["seen"], focused
        assert focused["frame"] and contrast(focused["color"], focused["ground"]) >= 3, focused
    raise AssertionError(names)


LABELS = [*"0123456789", "none"]
HEAD = ["skip", "Inkproof", "to-draw", "to-number", "to-gallery"]


@needs_server
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tab_reaches_everything_in_the_order_of_the_page(scheme: str, visit: Callable[..., Any]) -> None:
    page = visit(**SIZES[1440], color_scheme=scheme)
    page.evaluate(DRAW, strokes_of(3))
    model = f"Model {page.inner_text('#picked')}"
    whole = [*HEAD, "pad", "undo", "clear", "open-help", model, "consent", *LABELS, "writer", "open-session"]
    assert walk(page) == whole
    assert walk(page, "Shift+Tab") == whole[::-1], "no trap"


@needs_server
def test_tab_reaches_everything_where_numbers_are_written(visit: Callable[..., Any]) -> None:
    page = visit(**SIZES[1440])
    page.keyboard.press("n")
    page.evaluate("strokes => inkproof.line.set(strokes)", strokes_of(3))
    whole = [*HEAD[1:], "number-pad", "number-undo", "number-clear", "number-open"]
    assert walk(page) == whole[whole.index("number-pad") :], "the address names the view, where Tab goes on"
    assert walk(page, "Shift+Tab") == whole[::-1], "no trap"
    page.focus("#number-pad")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    draw_a_one(page)
    until(page, "document.getElementById('number-verdict').textContent.startsWith('31')")
    page.keyboard.press("z")
    assert page.evaluate("inkproof.line.strokes.length") == len(strokes_of(3))


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def test_a_digit_is_drawn_kept_and_corrected_by_keyboard(visit: Callable[..., Any], server: Running | Host) -> None:
    page = visit(**SIZES[1440])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "pad", "the skip link leads to the paper"
    draw_a_one(page)
    page.evaluate("inkproof.predictions.settled()")
    tab_to(page, "#undo")
    page.keyboard.press("Enter")
    assert page.evaluate("inkproof.drawing.empty")
    page.focus("#pad")
    draw_a_one(page)
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    assert page.locator("#models").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#models").is_hidden() and page.evaluate("document.activeElement.localName") == "summary"
    assert not page.evaluate("inkproof.drawing.empty"), "that Escape was for the menu"
    tab_to(page, "#consent")
    page.keyboard.press("Space")
    tab_to(page, "#labels [data-label='1']")
    page.keyboard.press("Space")
    until(page, "document.getElementById('toast').textContent.startsWith('Kept as 1')")
    page.keyboard.press("Shift+Tab")
    tab_to(page, "#labels [data-label='2']")
    page.keyboard.press("g")
    page.wait_for_selector("#drawings li")
    tab_to(page, "#drawings button")
    page.keyboard.press("Enter")
    assert page.locator("#editor").is_visible()
    tab_to(page, "#editor-labels [data-label='7']")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#editor-labels [data-label=\"7\"]').ariaPressed === 'true'")
    page.keyboard.press("Escape")
    assert page.locator("#editor").is_hidden()
    assert page.evaluate("document.activeElement.matches('#drawings button')"), "the focus is where it was"
    assert [drawing.label for drawing in server.kept(page)] == [7]


def draw_a_one(page: Any) -> None:
    page.keyboard.press("Space")
    for _ in range(17):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")


def test_a_session_is_drawn_by_keyboard(visit: Callable[..., Any], server: Running | Host) -> None:
    page = visit(**SIZES[1440])
    tab_to(page, "#open-session")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.locator("#session-start").is_hidden()
    assert page.evaluate("document.activeElement.id") == "open-session"
    page.keyboard.press("Space")
    tab_to(page, "#session-writer")
    page.keyboard.type("12")
    tab_to(page, "#session-consent")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'pad'")
    assert page.locator("#session-start").is_hidden() and page.inner_text("#session-count") == "12, 1 of 20"
    names = walk(page)
    assert names == ["undo", "clear", "open-help", "session-keep", "session-skip", "session-stop"][-len(names) :]
    page.focus("#pad")
    draw_a_one(page)
    page.keyboard.press("Enter")
    assert page.inner_text("#session-count") == "12, 2 of 20"
    page.keyboard.press("Enter")
    assert page.inner_text("#session-count") == "12, 2 of 20", "nothing is drawn"
    tab_to(page, "#session-skip")
    page.keyboard.press("Enter")
    assert page.inner_text("#session-count") == "12, 3 of 20"
    until(page, "!Object.keys(localStorage).some((key) => key.includes('waiting'))")
    [kept] = server.kept(page)
    assert (kept.writer, kept.pointer) == ("12", "keyboard")


@needs_server
def test_single_keys_can_be_switched_off(visit: Callable[..., Any]) -> None:
    page = visit(**SIZES[1440])
    page.keyboard.press("?")
    tab_to(page, "#single-keys")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.reload()
    until(page, "globalThis.inkproof?.models.all.length > 0")
    page.evaluate(DRAW, strokes_of(3))
    for key in ("?", "g", "c"):
        page.keyboard.press(key)
    assert page.locator("#help").is_hidden() and page.locator("#draw").is_visible()
    assert not page.evaluate("inkproof.drawing.empty")
    page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    assert page.evaluate("inkproof.drawing.empty")
