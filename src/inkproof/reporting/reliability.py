"""The reliability diagram: stated confidence against the accuracy it came with."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from inkproof.reporting.style import PALETTE, percent_axis, place, sheet, styled
from inkproof.scoring.intervals import wilson


@styled
def reliability_diagram(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw accuracy over confidence, one point a bin with its Wilson interval, above the bins' sizes.

    `rows` are those of `inkproof.scoring.calibration.reliability`. On the diagonal a model means what it
    says; below it, it promises too much. The sizes stand on a logarithmic scale,
    since nearly all digits fall into the last bin.
    """
    filled = [row for row in rows if int(row["n"])]
    figure = sheet(4.1)
    above = place(figure, 0.72, 1.4, 0.15, 0.1)
    below = place(figure, 0.72, 0.45, 0.15, 2.9)
    above.plot([0, 1], [0, 1], color=PALETTE["muted"], linewidth=1, linestyle=":")
    for row in filled:
        n, accuracy = int(row["n"]), float(row["accuracy"])
        low, high = wilson(round(accuracy * n), n)
        x = float(row["confidence"])
        above.plot([x, x], [low, high], color=PALETTE["accent"], linewidth=1.2, alpha=0.55)
    above.plot(
        [float(row["confidence"]) for row in filled],
        [float(row["accuracy"]) for row in filled],
        color=PALETTE["accent"],
        marker="o",
        linewidth=1.2,
    )
    above.text(0.03, 0.95, "says too little", color=PALETTE["muted"], va="top", fontsize=8.5)
    above.text(0.97, 0.04, "promises too much", color=PALETTE["muted"], ha="right", fontsize=8.5)
    above.set_ylim(-0.03, 1.03)
    above.set_ylabel("digits read right")
    above.tick_params(labelbottom=False)
    above.grid()
    percent_axis(above)
    for row in filled:
        low, high = float(row["low"]), float(row["high"])
        below.bar((low + high) / 2, int(row["n"]), width=(high - low) * 0.86, color=PALETTE["muted"], alpha=0.6)
    below.set_yscale("log")
    below.set_ylim(bottom=0.5)
    below.minorticks_off()
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.set_ylabel("digits")
    below.set_xlabel("stated confidence")
    percent_axis(below, "x")
    for axes in (above, below):
        axes.set_xlim(-0.03, 1.03)
        axes.yaxis.set_label_coords(-0.175, 0.5)
    return figure
