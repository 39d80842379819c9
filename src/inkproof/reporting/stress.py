"""The stress suite as two figures: what it does to a digit, and what it does to a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inkproof.reporting.style import DPI, PALETTE, WIDTH, place, sheet, styled
from inkproof.reporting.tiles import Block, framed, paint, shrunk

Grey = npt.NDArray[np.uint8]

# The strongest colour stands for this share of errors and more: a model that guesses is wrong nine times in ten.
_WORST = 0.9
# Pixels of the contact sheet: for the names, between pictures, and for the headings.
_NAMES, _GAP, _HEAD = 122, 8, 34


@styled
def stress_heatmap(summary: Mapping[str, Any]) -> Figure:
    """Draw accuracy in per cent by corruption (row) and severity (column) of a `summarise_stress`.

    The first column is accuracy on clean canvases, one cell for all; the last is each corruption's mean, and
    below it stands their mean, the mean corruption accuracy. The darker a cell, the more digits are misread.
    """
    corruptions = summary["corruptions"]
    names = list(corruptions)
    grades = len(next(iter(corruptions.values()))["severities"])
    # Between the clean column, the severities and the means lies a gap.
    mean_x = grades + 1.3
    figure = sheet(0.6 + 0.245 * (len(names) + 1.25))
    axes = place(figure, 1.22, 0.06, 0.06, 0.5)
    _cell(axes, -0.15, (len(names) - 1) / 2, summary["clean"]["accuracy"], len(names))
    for y, name in enumerate(names):
        for x, accuracy in enumerate(corruptions[name]["severities"], start=1):
            _cell(axes, x, y, accuracy)
        _cell(axes, mean_x, y, corruptions[name]["accuracy"], bold=True)
    bottom = len(names) + 0.25
    _cell(axes, mean_x, bottom, summary["mca"]["accuracy"], bold=True)
    axes.text(mean_x - 0.65, bottom, "mean corruption accuracy", ha="right", va="center_baseline", fontsize=8.5)
    axes.set_xlim(-0.7, mean_x + 0.55)
    axes.set_ylim(bottom + 0.55, -0.55)
    axes.set_xticks(
        [-0.15, *range(1, grades + 1), mean_x], ["clean", *(str(grade) for grade in range(1, grades + 1)), "mean"]
    )
    axes.set_yticks(range(len(names)), [words(name) for name in names])
    axes.tick_params(length=0, labelcolor=PALETTE["ink"])
    axes.xaxis.tick_top()
    axes.text((grades + 1) / 2, -1.6, "severity", ha="center", va="center_baseline", fontsize=8, color=PALETTE["muted"])
    axes.text(-0.85, -1.0, "% read right", ha="right", va="center_baseline", fontsize=8, color=PALETTE["muted"])
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _cell(axes: Axes, x: float, y: float, accuracy: float, rows: int = 1, bold: bool = False) -> None:
    """One accuracy in its cell, `rows` rows high around y."""
    share = min(1.0, (1 - accuracy) / _WORST) ** 0.7
    corner, height = (x - 0.47, y - rows / 2 + 0.04), rows - 0.08
    axes.add_patch(Rectangle(corner, 0.94, height, facecolor=PALETTE["wrong"], alpha=0.04 + 0.86 * share, linewidth=0))
    axes.text(
        x,
        y,
        "100" if accuracy == 1 else f"{100 * accuracy:.1f}",
        ha="center",
        va="center_baseline",
        fontsize=8,
        fontweight="bold" if bold else "normal",
        color=PALETTE["paper"] if share > 0.8 else PALETTE["ink"],
    )


@styled
def stress_sheet(canvases: Mapping[str, Sequence[Grey] | Grey]) -> Figure:
    """Draw one digit under each corruption (row) and severity (column).

    `canvases` holds for each corruption the canvases uint8 (280, 280) from severity 1 on. Raises ValueError
    when there is none, or not equally many of each.
    """
    counts = {len(own) for own in canvases.values()}
    if len(counts) != 1 or counts == {0}:
        raise ValueError("a stress sheet needs the same severities, at least one, of every corruption")
    columns = counts.pop()
    width = round(WIDTH * DPI)
    pitch = (width - _NAMES) // columns
    side = pitch - _GAP
    height = _HEAD + len(canvases) * pitch
    figure = sheet(height / DPI)
    blocks: list[Block] = []
    for column in range(columns):
        x = _NAMES + column * pitch + side / 2
        figure.text(x / width, 1 - (_HEAD - 11) / height, str(column + 1), ha="center", color=PALETTE["muted"])
    figure.text(_GAP / width, 1 - (_HEAD - 11) / height, "severity", color=PALETTE["muted"], fontsize=8.5)
    for row, (name, own) in enumerate(canvases.items()):
        top = _HEAD + row * pitch
        figure.text(
            _GAP / width, 1 - (top + side / 2) / height, words(name).replace(" ", "\n"), va="center", fontsize=8.5
        )
        for column, canvas in enumerate(own):
            blocks += framed(_NAMES + column * pitch, top, shrunk(canvas, side))
    paint(figure, width, height, blocks)
    return figure


def words(name: str) -> str:
    """Return a corruption's name for people."""
    return name.replace("_", " ")
