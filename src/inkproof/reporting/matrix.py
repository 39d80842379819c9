"""The confusion matrix drawn so that the mistakes can be read beside a diagonal a hundred times larger."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inkproof.reporting.style import PALETTE, place, sheet, styled


@styled
def confusion_matrix(counts: npt.NDArray[np.int64]) -> Figure:
    """Draw counts (10, 10), row = true digit, column = digit read.

    Only mistakes are coloured, by the square root of their share of the largest mistake: on a common scale
    the diagonal would leave every other cell white. The diagonal carries its counts in grey and each row ends
    with its number of mistakes.
    """
    digits = len(counts)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    largest = max(1, int(wrong.max()))
    figure = sheet(4.1)
    axes = place(figure, 0.42, 0.1, 0.1, 0.45)
    for true in range(digits):
        for read in range(digits):
            count = int(counts[true, read])
            corner = (read - 0.47, true - 0.47)
            if true == read:
                axes.add_patch(
                    Rectangle(corner, 0.94, 0.94, facecolor="none", edgecolor=PALETTE["grid"], linewidth=0.8)
                )
                axes.text(
                    read,
                    true,
                    str(count),
                    ha="center",
                    va="center_baseline",
                    fontsize=7,
                    color=PALETTE["muted"],
                )
            elif count:
                share = (count / largest) ** 0.5
                axes.add_patch(
                    Rectangle(corner, 0.94, 0.94, facecolor=PALETTE["wrong"], alpha=0.08 + 0.72 * share, linewidth=0)
                )
                colour = PALETTE["paper"] if share > 0.75 else PALETTE["ink"]
                axes.text(read, true, str(count), ha="center", va="center_baseline", color=colour)
        errors = int(wrong[true].sum())
        axes.text(
            digits - 0.05,
            true,
            str(errors) if errors else "0",
            ha="center",
            va="center_baseline",
            fontweight="bold",
            color=PALETTE["wrong"] if errors else PALETTE["muted"],
        )
    axes.text(digits - 0.05, -0.85, "errors", ha="center", va="center", fontsize=7.5, color=PALETTE["muted"])
    axes.set_xlim(-0.55, digits + 0.45)
    axes.set_ylim(digits - 0.45, -0.55)
    axes.set_xticks(range(digits))
    axes.set_yticks(range(digits))
    axes.tick_params(length=0, labelcolor=PALETTE["ink"])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("read as")
    axes.set_ylabel("true digit", labelpad=5)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure
