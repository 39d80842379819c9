"""The page that says what fine-tuning gave: one HTML file, without network or script, like the report's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.evaluation.comparison import verdict
from inkproof.reporting.section import image, write_html
from inkproof.reporting.wording import count, percent, points

MINE = "mine"
TITLES = {
    MINE: ("Your drawings", "of writers who were held out"),
    "mnist": ("MNIST", "test digits, through the layer"),
    "pens": ("Pen tablet", "writers nothing was trained on"),
}
_VERDICTS = {"better": "clearly better", "worse": "clearly worse", "alike": "could be chance"}


def write_page(folder: Path, found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], shot: Path | None) -> Path:
    """Write `folder`/index.html and return its path.

    `found` is the content of finetuned.json, `rows` are of `comparison.by_writer`, `shot` is the image of drawings
    before and after.
    """
    sets = found["sets"]
    return write_html(
        folder,
        "finetuning_page.html.j2",
        headline=headline(sets),
        kept=what_was_lost(sets),
        lines=[(*TITLES[name], sets[name], _VERDICTS[verdict(sets[name], len(sets))]) for name in TITLES],
        rows=rows,
        image=image(shot) if shot else None,
        about=found,
        few=sets[MINE]["interval"] == "digits",
    )


def headline(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what fine-tuning did for the drawings of the held-out writers, in a sentence."""
    mine = sets[MINE]
    before, after = (percent(mine[moment]["accuracy"], mine["n"]) for moment in ("before", "after"))
    hands = count(mine["writers"], "writer")
    moved = f"{before} before, {after} after" if before != after else f"{after}, before as after"
    said = {"better": "Your drawings helped", "worse": "Your drawings did harm", "alike": "No clear difference"}
    return f"{said[verdict(mine, len(sets))]}: {moved}, on {hands} held out."


def what_was_lost(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return whether anything was forgotten, and how much may have been at most, in a sentence."""
    others = {name: entry for name, entry in sets.items() if name != MINE}
    lost = [TITLES[name][0] for name, entry in others.items() if verdict(entry, len(sets)) == "worse"]
    most = [
        f"{TITLES[name][0]} {points(entry['difference']['value'], entry['n'])} points "
        f"({points(entry['difference']['low'], entry['n'])} to {points(entry['difference']['high'], entry['n'])})"
        for name, entry in others.items()
    ]
    first = f"Something was forgotten on {' and '.join(lost)}" if lost else "No clear loss on what was known before"
    return f"{first}: {', '.join(most)}."
