"""Figures of drawings: before and after preprocessing, accuracy by method, and accuracy against size or time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from inkproof.evaluation.results import Accuracy, DrawnSet
from inkproof.reporting.results import all_methods, by_method
from inkproof.reporting.style import (
    DPI,
    PALETTE,
    WIDTH,
    Block,
    enlarged,
    framed,
    lines_of,
    paint,
    percent_axis,
    place,
    remark,
    series,
    sheet,
    shrunk,
    styled,
    write,
)
from inkproof.reporting.wording import set_title

Gray = npt.NDArray[np.uint8]

_PAIR_GAP, _PAIR_HEAD, _PAIR_FOOT, _PAIR_LINE = 14, 62, 48, 20
"""Pixels between images, above the first row for the headings, below each image, and for each line of a heading."""

# First the digits that people write in the most different ways: a short figure should not show zeros only.
VARIED = (7, 4, 1, 2, 9, 5, 3, 8, 6, 0)


def telling(
    labels: npt.NDArray[np.integer], predictions: Mapping[str, npt.NDArray[np.integer]], most: int = 6
) -> list[int]:
    """Return the indices of up to `most` drawings that show best what preprocessing does.

    First come drawings that are wrong with the first method and correct with the last, then drawings that are correct
    with both. The last place is for a drawing that is wrong even with the last method, since successes alone would
    mislead. Digits that were not picked yet come before others.
    """
    methods = list(predictions)
    before, after = predictions[methods[0]] == labels, predictions[methods[-1]] == labels
    times: Counter[int] = Counter()
    failures = 1 if most > 1 and not after.all() else 0
    failed = _varied(labels, ~after, failures, times)
    chosen: list[int] = []
    for kind in (~before & after, before & after, ~after):
        kind[failed] = False
        chosen += _varied(labels, kind, most - len(failed) - len(chosen), times)
    return chosen + failed


def _varied(labels: npt.NDArray[np.integer], mask: npt.NDArray[np.bool_], room: int, times: Counter[int]) -> list[int]:
    """Pick up to `room` of the masked drawings, each time of the digit that was picked least often."""
    waiting = {digit: np.flatnonzero(mask & (labels == digit)).tolist() for digit in VARIED}
    picked: list[int] = []
    while len(picked) < room and any(waiting.values()):
        digit = min((d for d in VARIED if waiting[d]), key=lambda d: (times[d], VARIED.index(d)))
        picked.append(waiting[digit].pop(0))
        times[digit] += 1
    return picked


@styled
def before_after(
    canvases: Gray,
    methods: Mapping[str, Gray],
    labels: Sequence[int] | npt.NDArray[np.integer],
    predictions: Mapping[str, Sequence[int] | npt.NDArray[np.integer]],
) -> Figure:
    """Draw one row per drawing: the canvas with its label, then for each method the image and the prediction.

    `canvases` is (k, 280, 280), each array of `methods` (k, 28, 28), `labels` and each of `predictions` (k,).
    A correct prediction is green with a tick, a wrong one is orange with a cross. Raises ValueError without a drawing
    or method, and if a method has no predictions.
    """
    count = len(canvases)
    if not count or set(methods) != set(predictions):
        raise ValueError("before_after needs at least one drawing and predictions for every method")
    width = round(WIDTH * DPI)
    columns = 1 + len(methods)
    (image_side,) = {images.shape[1] for images in methods.values()}
    scale = max(1, (width // columns - _PAIR_GAP) // image_side)
    side, pitch = image_side * scale, width // columns
    figure = sheet((_PAIR_HEAD + count * (side + _PAIR_FOOT)) / DPI)
    blocks: list[Block] = []
    bold: dict[str, Any] = {"fontsize": 9.5, "fontweight": "bold"}
    lefts = [column * pitch + _PAIR_GAP // 2 for column in range(columns)]
    for left, title in zip(lefts, ["drawn", *methods], strict=True):
        for up, line in enumerate(reversed(lines_of(title))):
            y = _PAIR_HEAD - 14 - up * _PAIR_LINE
            write(figure, left, y, line, color=PALETTE["muted"], fontsize=8.5, fontweight="bold")
    for row in range(count):
        top = _PAIR_HEAD + row * (side + _PAIR_FOOT)
        base = top + side + 24
        label = int(labels[row])
        blocks += framed(lefts[0], top, shrunk(canvases[row], side))
        write(figure, lefts[0], base, f"{label}", **bold)
        for left, (method, images) in zip(lefts[1:], methods.items(), strict=True):
            blocks.append((left, top, enlarged(images[row], scale)))
            predicted = int(predictions[method][row])
            sign, color = ("✓", PALETTE["right"]) if predicted == label else ("✗", PALETTE["wrong"])
            write(figure, left, base, f"{predicted} {sign}", color=color, **bold)
    paint(figure, blocks)
    return figure


@styled
def method_bars(drawn: Mapping[str, DrawnSet]) -> Figure:
    """Draw one model's accuracy as a bar for every set and method, with its interval.

    `drawn` is the content of drawn.json without the empty sets.
    """
    if not drawn:
        return remark(0.5, "no drawings")
    methods = all_methods(drawn.values())
    bar, gap = 0.17, 0.34
    lines = [(name, by_method(entry)) for name, entry in drawn.items()]
    height = sum(gap + bar * len(own) for _, own in lines) + 0.5
    figure = sheet(height)
    axes = place(figure, 1.08, 0.35, 0.6, 0.0)
    y = height - 0.35
    ticks: list[tuple[float, str]] = []
    for name, own in lines:
        y -= gap
        title = f"{set_title(name)}, {drawn[name].n:,} drawings"
        axes.text(-0.44, y + 0.07, title, fontsize=8.5, fontweight="bold", color=PALETTE["ink"])
        for method, result in own.items():
            y -= bar
            middle = y + bar / 2
            accuracy, low, high = result.accuracy, result.low, result.high
            strength = 0.35 + 0.65 * (methods.index(method) + 1) / len(methods)
            axes.barh(middle, accuracy, height=bar * 0.8, color=PALETTE["accent"], alpha=strength)
            axes.plot([low, high], [middle] * 2, color=PALETTE["ink"], linewidth=1.2)
            axes.text(max(high, accuracy) + 0.02, middle, f"{accuracy:.1%}", va="center_baseline", fontsize=8)
            ticks.append((middle, method))
    axes.set_ylim(y - 0.06, height - 0.35)
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.set_xlim(0, 1)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    percent_axis(axes, "x")
    return figure


@styled
def accuracy_against(costs: Sequence[float | None], accuracies: Sequence[Accuracy | None], label: str) -> Figure:
    """Draw accuracy with its interval against what a model costs (log scale, with `label`), a point per model.

    Both are in the order of the leaderboard, which decides color and marker. A model that lacks one of the two has no
    point.
    """
    figure = sheet(2.3)
    axes = place(figure, 0.5, 0.45, 0.15, 0.12)
    both = [(index, *pair) for index, pair in enumerate(zip(costs, accuracies, strict=True))]
    points = [(index, cost, one) for index, cost, one in both if cost and one]
    for index, cost, one in points:
        color, marker = series(index)
        axes.plot([cost] * 2, [one.low, one.high], color=color, linewidth=3, alpha=0.35)
        axes.plot(cost, one.accuracy, color=color, marker=marker, markersize=7, markeredgecolor=PALETTE["paper"])
    axes.set_xscale("log")
    known = [cost for _, cost, _ in points]
    axes.set_xlim(min(known, default=1) / 1.4, max(known, default=1) * 1.4)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
    axes.grid()
    percent_axis(axes)
    return figure
