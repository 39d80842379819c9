"""Figures of one model on the test digits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from inkproof.data.digits import IMAGE_SIDE
from inkproof.evaluation.statistics import wilson
from inkproof.reporting.style import DPI, PALETTE, WIDTH, paint, percent_axis, place, sheet, styled

Rows = Sequence[Mapping[str, Any]]


def _values(history: Rows, key: str) -> list[float]:
    """One value an epoch, NaN where the history has none, so that the line shows the gap."""
    values = [row.get(key) for row in history]
    return [float("nan") if value is None or value == "" else float(value) for value in values]


def _pair(axes: Axes, epochs: list[int], history: Rows, key: str) -> None:
    # A line through one epoch cannot be seen, hence the marks on short runs.
    mark = "o" if len(epochs) <= 12 else ""
    styles = ((key, PALETTE["muted"], "--", "training"), (f"val_{key}", PALETTE["accent"], "-", "validation"))
    for name, colour, dashes, label in styles:
        if any(name in row for row in history):
            values = _values(history, name)
            axes.plot(epochs, values, color=colour, linestyle=dashes, marker=mark, markersize=3, label=label)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)


@styled
def learning_curves(history: Rows, kept: int | None = None) -> Figure:
    """Draw accuracy above and loss below, training dashed and validation solid, over the epochs.

    `history` holds a row an epoch: `epoch`, `accuracy`, `loss` and, where validation ran, `val_accuracy` and
    `val_loss`. `kept` is the epoch whose weights the model has; without it the epoch with the best validation
    accuracy is marked. Raises ValueError without a row.
    """
    if not history:
        raise ValueError("a learning curve needs at least one epoch")
    epochs = [int(row["epoch"]) for row in history]
    figure = sheet(3.7)
    above = place(figure, 0.55, 1.95, 0.15, 0.3)
    below = place(figure, 0.55, 0.45, 0.15, 2.05)
    _pair(above, epochs, history, "accuracy")
    _pair(below, epochs, history, "loss")
    above.set_title("accuracy")
    below.set_title("loss")
    below.set_xlabel("epoch")
    above.tick_params(labelbottom=False)
    percent_axis(above)
    below.set_ylim(bottom=0)
    reached = _values(history, "val_accuracy")
    known = [i for i, value in enumerate(reached) if value == value]
    word = "best" if kept is None else "kept"
    if kept is not None:
        known = [i for i in known if epochs[i] == kept]
    if known:
        best = max(known, key=lambda i: reached[i])
        above.plot(
            epochs[best],
            reached[best],
            marker="o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=PALETTE["wrong"],
            markeredgewidth=1.6,
            linestyle="none",
            label=f"{word}: epoch {epochs[best]}",
        )
    above.legend(loc="lower right", handlelength=2.2)
    return figure


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


# 5 columns of 32 units of 4 pixels are the sheet's 640 pixels: a digit's pixel is a square of 4 x 4.
COLUMNS, SCALE, TILE = 5, 4, IMAGE_SIDE
PITCH_X, PITCH_Y, MARGIN = 32, 42, 2


def worst_first(labels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Return the indices of the digits read wrong, the surest mistake first; equal ones in their order."""
    read = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(read != labels)
    return wrong[np.argsort(-probabilities[wrong, read[wrong]], kind="stable")]


@styled
def mistakes_gallery(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    probabilities: npt.NDArray[np.float32],
    most: int = 40,
) -> Figure:
    """Draw up to `most` of the digits read wrong, the surest first: "4 → 9" is a 4 read as a 9.

    `images` is (N, 28, 28) white on black, `labels` (N,), `probabilities` (N, 10); below
    each digit stands the probability of the reading.
    """
    shown = worst_first(labels, probabilities)[:most]
    if not shown.size:
        figure = sheet(0.8)
        text = f"All {len(labels):,} digits were read right: nothing to show."
        figure.text(0.5, 0.5, text, ha="center", va="center", color=PALETTE["muted"])
        return figure
    rows = -(-shown.size // COLUMNS)
    width, height = round(WIDTH * DPI), rows * PITCH_Y * SCALE
    figure = sheet(height / DPI)
    blocks = []
    for number, index in enumerate(shown):
        x = (number % COLUMNS * PITCH_X + MARGIN) * SCALE
        y = (number // COLUMNS * PITCH_Y + MARGIN) * SCALE
        blocks.append((x, y, np.kron(images[index], np.ones((SCALE, SCALE), np.uint8))))
        read = int(probabilities[index].argmax())
        base = 1 - (y + (TILE + 7.5) * SCALE) / height
        figure.text(x / width, base, f"{labels[index]} → {read}", fontsize=8.5, fontweight="bold")
        figure.text(
            (x + TILE * SCALE) / width,
            base,
            f"{probabilities[index, read]:.0%}",
            fontsize=7.5,
            ha="right",
            color=PALETTE["muted"],
        )
    paint(figure, width, height, blocks)
    return figure


@styled
def reliability_diagram(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw accuracy over confidence, one point a bin with its Wilson interval, above the bins' sizes.

    `rows` are those of `inkproof.evaluation.calibration.reliability`. On the diagonal a model means what it
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
