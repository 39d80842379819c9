"""The contact sheet of src/predict.py: each image, its ink, what the network saw of it, and the prediction."""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from inkproof.data.digits import IMAGE_SIDE
from inkproof.inference.predict import NO_INK, SHEET, Prediction, printable
from inkproof.reporting.style import DPI, PALETTE, Block, enlarged, framed, paint, save, sheet, shrunk, styled, write

COLUMNS, SCALE = 2, 3  # a digit's pixel is a square of 3 x 3
SIDE = IMAGE_SIDE * SCALE
PITCH = 318  # pixels from one row of three images to the next: two and a margin are the sheet's 640
GAP, LEFT, HEAD, FOOT = 10, 8, 40, 62
NAME_LENGTH = 34  # characters of a name that fit below the three


@styled
def contact_sheet(shown: Sequence[Prediction], note: str = "") -> Figure:
    """Draw three for each image: the canvas, its ink and what the network saw. Prediction and name are below.

    `shown` are predictions that kept their canvases. `note` is added to the heading.
    """
    figure = sheet((HEAD + -(-len(shown) // COLUMNS) * (SIDE + FOOT)) / DPI)
    blocks: list[Block] = []
    title, muted = "drawn, the ink found, and what the network saw", PALETTE["muted"]
    head = f"{title}: {note}" if note else title
    write(figure, LEFT, HEAD - 16, head, color=muted, fontsize=8.5, fontweight="bold")
    for number, one in enumerate(shown):
        assert one.canvas is not None and one.seen is not None
        left = LEFT + number % COLUMNS * PITCH
        top = HEAD + number // COLUMNS * (SIDE + FOOT)
        right = left + 3 * SIDE + 2 * GAP
        blocks += framed(left, top, shrunk(one.canvas, SIDE))
        if one.mask is not None:
            large = Image.fromarray(one.mask).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            blocks.append((left + SIDE + GAP, top, np.asarray(large)))
        blocks.append((left + 2 * (SIDE + GAP), top, enlarged(one.seen, SCALE)))
        base = top + SIDE + 22
        if one.accepted:
            certainty = f"{one.probability:.1%}"
            write(figure, left, base, str(one.digit), fontsize=9.5, fontweight="bold")
        elif not one.ink:
            certainty = ""
            write(figure, left, base, NO_INK, color=PALETTE["wrong"], fontsize=8)
        else:
            certainty = f"{one.digit}? {one.probability:.0%}"
            write(figure, left, base, "not a digit", color=PALETTE["wrong"], fontsize=8)
        write(figure, right, base, certainty, color=muted, fontsize=7.5, ha="right")
        # A long name keeps its end, which is the file name.
        name = printable(one.path)
        name = name if len(name) <= NAME_LENGTH else "…" + name[1 - NAME_LENGTH :]
        write(figure, left, top + SIDE + 42, name, color=muted, fontsize=7)
    paint(figure, blocks)
    return figure


def write_sheet(shown: Sequence[Prediction], total: int, out: Path) -> None:
    """Draw the contact sheet of `shown`, the first of `total` images, to `out`; their canvases must be kept."""
    note = "" if total <= SHEET else f"the first {SHEET} of {total:,} images"
    if note:
        print(f"predict.py: {out}: {note}", file=sys.stderr)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font lacks some scripts, whose characters become boxes
        save(contact_sheet(shown, note), out)
