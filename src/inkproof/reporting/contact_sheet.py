"""The contact sheet: pictures as they were drawn, beside what the network saw and what it read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from inkproof.reporting.style import DPI, PALETTE, WIDTH, sheet, styled
from inkproof.reporting.tiles import Block, framed, paint, shrunk

Grey = npt.NDArray[np.uint8]
COLUMNS, SCALE = 3, 3  # a digit's pixel is a square of 3 x 3
SIDE = 28 * SCALE
PITCH = 212  # pixels from one pair of pictures to the next: three are the sheet's 640 and a margin
GAP, LEFT, HEAD, FOOT = 10, 8, 40, 62
NAME_LENGTH = 21  # signs of a name that fit below a pair


@styled
def contact_sheet(
    canvases: Grey, seen: Grey, names: Sequence[str], readings: Sequence[tuple[int, float, bool]], note: str = ""
) -> Figure:
    """Draw a pair a picture: the canvas, what the network saw, and below them what it read and the picture's name.

    `canvases` is (k, 280, 280) and `seen` (k, 28, 28); a reading is the digit, its probability and whether it
    was accepted. `note` stands at the head. Raises ValueError when there is nothing to draw.
    """
    if not len(canvases):
        raise ValueError("a contact sheet needs at least one picture")
    width = round(WIDTH * DPI)
    height = HEAD + -(-len(canvases) // COLUMNS) * (SIDE + FOOT)
    figure = sheet(height / DPI)
    blocks: list[Block] = []

    def write(x: float, y: float, text: str, colour: str, size: float, **how: Any) -> None:
        # File names may hold a dollar sign, which would start a formula.
        place = x / width, 1 - y / height
        figure.text(*place, text, color=colour, fontsize=size, va="baseline", parse_math=False, **how)

    title = "drawn, and what the network saw"
    write(LEFT, HEAD - 16, f"{title}: {note}" if note else title, PALETTE["muted"], 8.5, fontweight="bold")
    for number, (digit, probability, accepted) in enumerate(readings):
        left = LEFT + number % COLUMNS * PITCH
        top = HEAD + number // COLUMNS * (SIDE + FOOT)
        right = left + 2 * SIDE + GAP
        blocks += framed(left, top, shrunk(canvases[number], SIDE))
        blocks.append((left + SIDE + GAP, top, np.kron(seen[number], np.ones((SCALE, SCALE), np.uint8))))
        base = top + SIDE + 22
        if accepted:
            write(left, base, str(digit), PALETTE["ink"], 9.5, fontweight="bold")
            write(right, base, f"{probability:.1%}", PALETTE["muted"], 7.5, ha="right")
        else:
            write(left, base, "not a digit", PALETTE["wrong"], 8)
            write(right, base, f"{digit}? {probability:.0%}", PALETTE["muted"], 7.5, ha="right")
        write(left, top + SIDE + 42, _shortened(names[number]), PALETTE["muted"], 7)
    paint(figure, width, height, blocks)
    return figure


def _shortened(name: str) -> str:
    """The name, or its end after an ellipsis: there stands the file, before it only folders."""
    return name if len(name) <= NAME_LENGTH else "…" + name[1 - NAME_LENGTH :]
