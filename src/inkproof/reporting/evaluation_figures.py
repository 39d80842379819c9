"""Figures of one model on the test digits."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from inkproof.evaluation.statistics import wilson
from inkproof.reporting.style import (
    DPI,
    PALETTE,
    as_table,
    cell,
    enlarged,
    paint,
    percent_axis,
    place,
    remark,
    sheet,
    styled,
    write,
)


def _pair(axes: Axes, curves: pd.DataFrame, key: str) -> None:
    # A line through one epoch is invisible, so short runs have markers.
    mark = "o" if len(curves) <= 12 else ""
    styles = ((key, PALETTE["muted"], "--", "training"), (f"val_{key}", PALETTE["accent"], "-", "validation"))
    for name, color, dashes, label in styles:
        if name in curves:
            axes.plot(curves[name], color=color, linestyle=dashes, marker=mark, markersize=3, label=label)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(curves.index[0] - 0.5, curves.index[-1] + 0.5)


@styled
def learning_curves(history: pd.DataFrame, kept: int) -> Figure:
    """Draw accuracy above and loss below over the epochs, training dashed and validation solid.

    `history` has a row for each epoch: `epoch`, `accuracy`, `loss` and, with validation, `val_accuracy` and `val_loss`.
    The figure marks `kept`, the epoch whose weights the model has, if it has a validation accuracy.
    """
    curves = history.astype(float).astype({"epoch": int}).set_index("epoch")
    figure = sheet(3.7)
    above = place(figure, 0.55, 1.95, 0.15, 0.3)
    below = place(figure, 0.55, 0.45, 0.15, 2.05)
    _pair(above, curves, "accuracy")
    _pair(below, curves, "loss")
    above.set_title("accuracy")
    below.set_title("loss")
    below.set_xlabel("epoch")
    above.tick_params(labelbottom=False)
    percent_axis(above)
    below.set_ylim(bottom=0)
    if "val_accuracy" in curves and pd.notna(reached := curves["val_accuracy"].get(kept)):
        ring: dict[str, Any] = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "markeredgewidth": 1.6}
        color = PALETTE["wrong"]
        above.plot(kept, reached, linestyle="none", markeredgecolor=color, label=f"weights of epoch {kept}", **ring)
    above.legend(loc="lower right", handlelength=2.2)
    return figure


@styled
def confusion_matrix(counts: npt.NDArray[np.int64]) -> Figure:
    """Draw counts (10, 10), row = true digit, column = predicted digit.

    Only errors are colored, by the square root of their share of the largest error: on a common scale the diagonal
    would leave every other cell white. The diagonal has its counts in gray, and each row ends with its number of
    errors.
    """
    digits = len(counts)
    wrong = counts * ~np.eye(digits, dtype=bool)
    largest = max(1, int(wrong.max()))
    figure = sheet(4.1)
    axes = place(figure, 0.42, 0.1, 0.1, 0.45)
    middle: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
    for true in range(digits):
        for predicted in range(digits):
            count = int(counts[true, predicted])
            if true == predicted:
                cell(axes, predicted, true, facecolor="none", edgecolor=PALETTE["grid"], linewidth=0.8)
                axes.text(predicted, true, str(count), fontsize=7, color=PALETTE["muted"], **middle)
            elif count:
                share = (count / largest) ** 0.5
                cell(axes, predicted, true, alpha=0.08 + 0.72 * share)
                color = PALETTE["paper"] if share > 0.75 else PALETTE["ink"]
                axes.text(predicted, true, str(count), color=color, **middle)
        errors = int(wrong[true].sum())
        color = PALETTE["wrong"] if errors else PALETTE["muted"]
        axes.text(digits - 0.05, true, str(errors), fontweight="bold", color=color, **middle)
    axes.text(digits - 0.05, -0.85, "errors", ha="center", va="center", fontsize=7.5, color=PALETTE["muted"])
    axes.set_xlim(-0.55, digits + 0.45)
    axes.set_ylim(digits - 0.45, -0.55)
    axes.set_xticks(range(digits))
    axes.set_yticks(range(digits))
    as_table(axes)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("predicted digit")
    axes.set_ylabel("true digit", labelpad=5)
    return figure


# 5 columns of 32 units of 4 pixels are the sheet's 640 pixels: a digit's pixel is a square of 4 x 4.
COLUMNS, SCALE = 5, 4
PITCH_X, PITCH_Y, MARGIN = 32, 42, 2


def worst_first(labels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Return the indices of the wrong predictions, the most confident first, equal ones in their order."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    return wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]


@styled
def mistakes_gallery(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    probabilities: npt.NDArray[np.float32],
    most: int = 40,
) -> Figure:
    """Draw up to `most` wrong predictions, the most confident first: "4 → 9" is a 4 that was classified as 9.

    `images` is (N, 28, 28) white on black, `labels` (N,), `probabilities` (N, 10). Below each image is the probability
    of its prediction.
    """
    shown = worst_first(labels, probabilities)[:most]
    if not shown.size:
        return remark(0.8, f"All {len(labels):,} predictions are correct: nothing to show.")
    figure = sheet(-(-shown.size // COLUMNS) * PITCH_Y * SCALE / DPI)
    blocks = []
    tile = images.shape[1]
    for number, index in enumerate(shown):
        x = (number % COLUMNS * PITCH_X + MARGIN) * SCALE
        y = (number // COLUMNS * PITCH_Y + MARGIN) * SCALE
        blocks.append((x, y, enlarged(images[index], SCALE)))
        predicted = int(probabilities[index].argmax())
        right, base = x + tile * SCALE, y + (tile + 7.5) * SCALE
        write(figure, x, base, f"{labels[index]} → {predicted}", fontsize=8.5, fontweight="bold")
        certainty = f"{probabilities[index, predicted]:.0%}"
        write(figure, right, base, certainty, fontsize=7.5, ha="right", color=PALETTE["muted"])
    paint(figure, blocks)
    return figure


@styled
def reliability_diagram(rows: pd.DataFrame) -> Figure:
    """Draw accuracy over confidence, one point per bin with its Wilson interval, above the sizes of the bins.

    `rows` come from `inkproof.evaluation.calibration.reliability`. A calibrated model is on the diagonal, an
    overconfident one below it. The sizes have a logarithmic scale, since nearly all digits fall into the last bin.
    """
    bins = rows[rows["n"] > 0]
    figure = sheet(4.1)
    above = place(figure, 0.72, 1.4, 0.15, 0.1)
    below = place(figure, 0.72, 0.45, 0.15, 2.9)
    above.plot([0, 1], [0, 1], color=PALETTE["muted"], linewidth=1, linestyle=":")
    for x, accuracy, n in bins[["confidence", "accuracy", "n"]].itertuples(index=False):
        interval = wilson(round(accuracy * n), int(n))
        above.plot([x, x], interval, color=PALETTE["accent"], linewidth=1.2, alpha=0.55)
    above.plot(bins["confidence"], bins["accuracy"], color=PALETTE["accent"], marker="o", linewidth=1.2)
    above.text(0.03, 0.95, "underconfident", color=PALETTE["muted"], va="top", fontsize=8.5)
    above.text(0.97, 0.04, "overconfident", color=PALETTE["muted"], ha="right", fontsize=8.5)
    above.set_ylim(-0.03, 1.03)
    above.set_ylabel("accuracy")
    above.tick_params(labelbottom=False)
    above.grid()
    percent_axis(above)
    middles, widths = (bins["low"] + bins["high"]) / 2, (bins["high"] - bins["low"]) * 0.86
    below.bar(middles, bins["n"], width=widths, color=PALETTE["muted"], alpha=0.6)
    below.set_yscale("log")
    below.set_ylim(bottom=0.5)
    below.minorticks_off()
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.set_ylabel("digits")
    below.set_xlabel("confidence (largest probability)")
    percent_axis(below, "x")
    for axes in (above, below):
        axes.set_xlim(-0.03, 1.03)
        axes.yaxis.set_label_coords(-0.175, 0.5)
    return figure
