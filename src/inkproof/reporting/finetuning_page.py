"""The report page of a fine-tuning: one HTML file that needs neither network nor script."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from inkproof.evaluation.comparison import ComparedSet, FinetunedResult, verdict
from inkproof.reporting.section import image, write_html
from inkproof.reporting.wording import count, percent, points

MINE = "mine"
TITLES = {
    MINE: ("Your drawings", "by held-out writers"),
    "mnist": ("MNIST", "test digits, through the normalizer"),
    "pens": ("Pen tablet", "test writers"),
}
_VERDICTS = {"better": "clearly better", "worse": "clearly worse", "alike": "could be chance"}


def write_page(folder: Path, result: FinetunedResult, rows: pd.DataFrame, shot: Path | None) -> Path:
    """Write `folder`/index.html and return its path.

    `rows` come from `comparison.by_writer`, and `shot` is the image of drawings before and after.
    """
    sets = result.sets
    return write_html(
        folder,
        "finetuning_page.html.j2",
        headline=headline(sets),
        losses=what_was_lost(sets),
        lines=[(*TITLES[name], sets[name], _VERDICTS[verdict(sets[name], len(sets))]) for name in TITLES],
        rows=rows.itertuples(index=False),
        image=image(shot) if shot else None,
        result=result,
        few=sets[MINE].interval == "digits",
    )


def headline(sets: Mapping[str, ComparedSet]) -> str:
    """Return a sentence on the accuracy on the drawings of the held-out writers before and after fine-tuning."""
    mine = sets[MINE]
    before, after = (percent(moment.accuracy, mine.n) for moment in (mine.before, mine.after))
    change = f"{before} before, {after} after" if before != after else f"{after}, before as after"
    effects = {"better": "Your drawings helped", "worse": "Your drawings did harm", "alike": "No clear difference"}
    return f"{effects[verdict(mine, len(sets))]}: {change}, on {count(mine.writers, 'writer')} held out."


def what_was_lost(sets: Mapping[str, ComparedSet]) -> str:
    """Return a sentence on whether the network forgot something, with intervals of the differences."""
    others = {name: entry for name, entry in sets.items() if name != MINE}
    lost = [TITLES[name][0] for name, entry in others.items() if verdict(entry, len(sets)) == "worse"]
    differences = [
        f"{TITLES[name][0]} {points(entry.difference.value, entry.n)} points "
        f"({points(entry.difference.low, entry.n)} to {points(entry.difference.high, entry.n)})"
        for name, entry in others.items()
    ]
    first = f"Something was forgotten on {' and '.join(lost)}" if lost else "No clear loss on what was known before"
    return f"{first}: {', '.join(differences)}."
