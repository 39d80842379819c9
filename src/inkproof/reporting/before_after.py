"""A drawing before and after: the canvas as drawn, what the network sees on each rung, and what it reads."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from inkproof.reporting.style import DPI, PALETTE, WIDTH, sheet, styled
from inkproof.reporting.tiles import Block, framed, paint

Grey = npt.NDArray[np.uint8]
GAP, HEAD, FOOT = 14, 44, 48
"""Pixels between pictures, above the first row for the headings, below each picture for its reading."""


# Digits that people write in the most different ways first: a short picture should not show zeros only.
VARIED = (7, 4, 1, 2, 9, 5, 3, 8, 6, 0)


def telling(
    labels: npt.NDArray[np.integer], predictions: Mapping[str, npt.NDArray[np.integer]], most: int = 6
) -> list[int]:
    """Return the indices of up to `most` drawings that show best what preparation does.

    Drawings come first that the first rung misreads and the last reads, then those that the first reads too.
    The last place is kept for a drawing that even the last rung misreads: a picture of successes only would
    lie. Digits not yet picked go before those that were.
    """
    rungs = list(predictions)
    before, after = predictions[rungs[0]] == labels, predictions[rungs[-1]] == labels
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
    canvases: Grey,
    rungs: Mapping[str, Grey],
    labels: Sequence[int] | npt.NDArray[np.integer],
    predictions: Mapping[str, Sequence[int] | npt.NDArray[np.integer]],
) -> Figure:
    """Draw one row a drawing: the canvas with the digit meant, then a column a rung with the digit read.

    `canvases` is (k, 280, 280), each array of `rungs` (k, 28, 28), `labels` and each of `predictions` (k,).
    A reading is green with a tick or orange with a cross. Raises ValueError when a rung has no predictions
    or there is nothing to draw.
    """
    count = len(canvases)
    if not count or set(rungs) != set(predictions):
        raise ValueError("before_after needs at least one drawing and predictions for every rung")
    width = round(WIDTH * DPI)
    columns = 1 + len(rungs)
    scale = max(1, (width // columns - GAP) // 28)
    side, pitch = 28 * scale, width // columns
    height = HEAD + count * (side + FOOT)
    figure = sheet(height / DPI)
    blocks: list[Block] = []

    def write(x: float, y: float, text: str, colour: str, size: float = 8.5, weight: str = "normal") -> None:
        figure.text(x / width, 1 - y / height, text, fontsize=size, fontweight=weight, color=colour, va="baseline")

    lefts = [column * pitch + GAP // 2 for column in range(columns)]
    for left, title in zip(lefts, ["drawn", *rungs], strict=True):
        write(left, HEAD - 14, title, PALETTE["muted"], weight="bold")
    for row in range(count):
        top = HEAD + row * (side + FOOT)
        base = top + side + 24
        meant = int(labels[row])
        blocks += framed(lefts[0], top, canvases[row], side)
        write(lefts[0], base, f"{meant}", PALETTE["ink"], 9.5, "bold")
        for left, (rung, pictures) in zip(lefts[1:], rungs.items(), strict=True):
            blocks.append((left, top, np.kron(pictures[row], np.ones((scale, scale), np.uint8))))
            read = int(predictions[rung][row])
            sign, colour = ("✓", PALETTE["right"]) if read == meant else ("✗", PALETTE["wrong"])
            write(left, base, f"{read} {sign}", colour, 9.5, "bold")
    paint(figure, width, height, blocks)
    return figure
