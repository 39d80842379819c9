"""Figures of drawings: before and after preparation, by method, as a contact sheet."""

import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from inkproof.data.digits import IMAGE_SIDE
from inkproof.inference.predict import SHEET, Prediction, printable
from inkproof.reporting.results import all_methods, methods_of
from inkproof.reporting.style import (
    DPI,
    PALETTE,
    WIDTH,
    Block,
    enlarged,
    framed,
    paint,
    percent_axis,
    place,
    remark,
    save,
    sheet,
    shrunk,
    styled,
    write,
)
from inkproof.reporting.wording import set_title

Gray = npt.NDArray[np.uint8]

_PAIR_GAP, _PAIR_HEAD, _PAIR_FOOT = 14, 44, 48
"""Pixels between images, above the first row for the headings, below each image for its reading."""


# Digits that people write in the most different ways first: a short image should not show zeros only.
VARIED = (7, 4, 1, 2, 9, 5, 3, 8, 6, 0)


def telling(
    labels: npt.NDArray[np.integer], predictions: Mapping[str, npt.NDArray[np.integer]], most: int = 6
) -> list[int]:
    """Return the indices of up to `most` drawings that show best what preparation does.

    Drawings come first that the first method misreads and the last reads, then those that the first reads too.
    The last place is kept for a drawing that even the last method misreads: an image of successes only would
    lie. Digits not yet picked go before those that were.
    """
    methods = list(predictions)
    before, after = predictions[methods[0]] == labels, predictions[methods[-1]] == labels
    times: Counter[int] = Counter()
    lost = 1 if most > 1 and not after.all() else 0
    kept = _varied(labels, ~after, lost, times)
    chosen: list[int] = []
    for kind in (~before & after, before & after, ~after):
        kind[kept] = False
        chosen += _varied(labels, kind, most - len(kept) - len(chosen), times)
    return chosen + kept


def _varied(labels: npt.NDArray[np.integer], mask: npt.NDArray[np.bool_], room: int, times: Counter[int]) -> list[int]:
    """Pick up to `room` of the masked drawings, the digit shown least often so far each time."""
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
    """Draw one row a drawing: the canvas with the digit meant, then a column a method with the digit read.

    `canvases` is (k, 280, 280), each array of `methods` (k, 28, 28), `labels` and each of `predictions` (k,).
    A reading is green with a tick or orange with a cross. Raises ValueError when a method has no predictions
    or there is nothing to draw.
    """
    count = len(canvases)
    if not count or set(methods) != set(predictions):
        raise ValueError("before_after needs at least one drawing and predictions for every method")
    width = round(WIDTH * DPI)
    columns = 1 + len(methods)
    scale = max(1, (width // columns - _PAIR_GAP) // IMAGE_SIDE)
    side, pitch = IMAGE_SIDE * scale, width // columns
    figure = sheet((_PAIR_HEAD + count * (side + _PAIR_FOOT)) / DPI)
    blocks: list[Block] = []
    reading: dict[str, Any] = {"fontsize": 9.5, "fontweight": "bold"}
    lefts = [column * pitch + _PAIR_GAP // 2 for column in range(columns)]
    for left, title in zip(lefts, ["drawn", *methods], strict=True):
        write(figure, left, _PAIR_HEAD - 14, title, color=PALETTE["muted"], fontsize=8.5, fontweight="bold")
    for row in range(count):
        top = _PAIR_HEAD + row * (side + _PAIR_FOOT)
        base = top + side + 24
        meant = int(labels[row])
        blocks += framed(lefts[0], top, shrunk(canvases[row], side))
        write(figure, lefts[0], base, f"{meant}", **reading)
        for left, (method, images) in zip(lefts[1:], methods.items(), strict=True):
            blocks.append((left, top, enlarged(images[row], scale)))
            read = int(predictions[method][row])
            sign, color = ("✓", PALETTE["right"]) if read == meant else ("✗", PALETTE["wrong"])
            write(figure, left, base, f"{read} {sign}", color=color, **reading)
    paint(figure, blocks)
    return figure


@styled
def method_bars(drawn: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw one model's accuracy as a bar for every set and method, with its interval.

    `drawn` is the content of `drawn.json`, less the sets without drawings.
    """
    if not drawn:
        return remark(0.5, "no drawings")
    methods = all_methods(drawn.values())
    bar, gap = 0.17, 0.34
    lines = [(name, methods_of(entry)) for name, entry in drawn.items()]
    height = sum(gap + bar * len(own) for _, own in lines) + 0.5
    figure = sheet(height)
    axes = place(figure, 0.95, 0.35, 0.6, 0.0)
    y = height - 0.35
    ticks: list[tuple[float, str]] = []
    for name, own in lines:
        y -= gap
        title = f"{set_title(name)}, {int(drawn[name]['n']):,} drawings"
        axes.text(0, y + 0.07, title, fontsize=8.5, fontweight="bold", color=PALETTE["ink"])
        for method in own:
            y -= bar
            middle = y + bar / 2
            accuracy, low, high = (drawn[name][method][key] for key in ("accuracy", "low", "high"))
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


COLUMNS, SCALE = 3, 3  # a digit's pixel is a square of 3 x 3
SIDE = IMAGE_SIDE * SCALE
PITCH = 212  # pixels from one pair of images to the next: three are the sheet's 640 and a margin
GAP, LEFT, HEAD, FOOT = 10, 8, 40, 62
NAME_LENGTH = 21  # signs of a name that fit below a pair


@styled
def contact_sheet(
    canvases: Gray, seen: Gray, names: Sequence[str], readings: Sequence[tuple[int, float, bool]], note: str = ""
) -> Figure:
    """Draw a pair an image: the canvas, what the network saw, and below them what it read and the image's name.

    `canvases` is (k, 280, 280) and `seen` (k, 28, 28); a reading is the digit, its probability and whether it
    was accepted. `note` stands at the head. Raises ValueError when there is nothing to draw.
    """
    if not len(canvases):
        raise ValueError("a contact sheet needs at least one image")
    figure = sheet((HEAD + -(-len(canvases) // COLUMNS) * (SIDE + FOOT)) / DPI)
    blocks: list[Block] = []
    title, muted = "drawn, and what the network saw", PALETTE["muted"]
    head = f"{title}: {note}" if note else title
    write(figure, LEFT, HEAD - 16, head, color=muted, fontsize=8.5, fontweight="bold")
    for number, (digit, probability, accepted) in enumerate(readings):
        left = LEFT + number % COLUMNS * PITCH
        top = HEAD + number // COLUMNS * (SIDE + FOOT)
        right = left + 2 * SIDE + GAP
        blocks += framed(left, top, shrunk(canvases[number], SIDE))
        blocks.append((left + SIDE + GAP, top, enlarged(seen[number], SCALE)))
        base = top + SIDE + 22
        if accepted:
            sure = f"{probability:.1%}"
            write(figure, left, base, str(digit), fontsize=9.5, fontweight="bold")
        else:
            sure = f"{digit}? {probability:.0%}"
            write(figure, left, base, "not a digit", color=PALETTE["wrong"], fontsize=8)
        write(figure, right, base, sure, color=muted, fontsize=7.5, ha="right")
        # Of a long name the end after an ellipsis: there stands the file, before it only folders.
        name = names[number] if len(names[number]) <= NAME_LENGTH else "…" + names[number][1 - NAME_LENGTH :]
        write(figure, left, top + SIDE + 42, name, color=muted, fontsize=7)
    paint(figure, blocks)
    return figure


def write_sheet(shown: Sequence[Prediction], total: int, out: Path) -> None:
    """Draw the contact sheet of `shown`, the first of `total` images, whose canvases were kept, to `out`."""
    note = "" if total <= SHEET else f"the first {SHEET} of {total:,} images"
    if note:
        print(f"predict.py: {out}: {note}", file=sys.stderr)
    figure = contact_sheet(
        np.stack([one.canvas for one in shown if one.canvas is not None]),
        np.stack([one.seen for one in shown if one.seen is not None]),
        [printable(one.path) for one in shown],
        [(one.digit, one.probability, one.accepted) for one in shown],
        note,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # names in a script that the font lacks come out as boxes
        save(figure, out)
