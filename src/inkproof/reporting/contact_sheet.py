"""The contact sheets of src/predict.py: each image, what the network saw of it or where digits are, the prediction."""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from inkproof.data.digits import IMAGE_SIDE
from inkproof.inference.predict import NO_INK, NUMBER_SIZE, SHEET, NumberPrediction, Prediction, printable
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
    muted = PALETTE["muted"]
    _head(figure, "image, ink, and what the network saw", note)
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
        elif not one.ink or one.several:
            certainty = ""
            text = "several digits" if one.ink else NO_INK
            write(figure, left, base, text, color=PALETTE["wrong"], fontsize=8)
        else:
            certainty = f"{one.digit}? {one.probability:.0%}"
            write(figure, left, base, "not a digit", color=PALETTE["wrong"], fontsize=8)
        write(figure, right, base, certainty, color=muted, fontsize=7.5, ha="right")
        write(figure, left, top + SIDE + 42, _short(one.path), color=muted, fontsize=7)
    paint(figure, blocks)
    return figure


@styled
def number_sheet(shown: Sequence[NumberPrediction], note: str = "") -> Figure:
    """Draw each image with a frame around each digit; orange ones are not accepted. Number and name are below.

    `shown` are predictions that kept their images. `note` is added to the heading.
    """
    pitch = NUMBER_SIZE[1] + FOOT
    figure = sheet((HEAD + -(-len(shown) // COLUMNS) * pitch) / DPI)
    _head(figure, "image, and the digits that were found", note)
    blocks: list[Block] = []
    for place, one in enumerate(shown):
        assert one.shown is not None
        left, top = LEFT + place % COLUMNS * PITCH, HEAD + place // COLUMNS * pitch
        image = Image.fromarray(one.shown).convert("RGB")
        draw = ImageDraw.Draw(image)
        for digit in one.number.digits:
            color = PALETTE["accent" if digit.accepted else "wrong"]
            draw.rectangle([edge * one.scale for edge in digit.box], outline=color, width=2)
        blocks += [framed(left, top, one.shown)[0], (left, top, np.asarray(image))]
        text = one.number.text or one.number.problem or NO_INK
        color = PALETTE["ink" if one.number.accepted else "wrong"]
        write(figure, left, top + NUMBER_SIZE[1] + 22, text, color=color, fontsize=9.5, fontweight="bold")
        write(figure, left, top + NUMBER_SIZE[1] + 42, _short(one.path), color=PALETTE["muted"], fontsize=7)
    paint(figure, blocks)
    return figure


def _head(figure: Figure, title: str, note: str) -> None:
    head = f"{title}: {note}" if note else title
    write(figure, LEFT, HEAD - 16, head, color=PALETTE["muted"], fontsize=8.5, fontweight="bold")


def _short(path: str) -> str:
    """A long name keeps its end, which is the file name."""
    name = printable(path)
    return name if len(name) <= NAME_LENGTH else "…" + name[1 - NAME_LENGTH :]


def write_sheet(shown: Sequence[Prediction | NumberPrediction], total: int, out: Path) -> None:
    """Draw the contact sheet of `shown`, the first of `total` images, to `out`; their images must be kept."""
    note = "" if total <= SHEET else f"the first {SHEET} of {total:,} images"
    if note:
        print(f"predict.py: {out}: {note}", file=sys.stderr)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font lacks some scripts, whose characters become boxes
        digits = [one for one in shown if isinstance(one, Prediction)]
        numbers = [one for one in shown if isinstance(one, NumberPrediction)]
        save(number_sheet(numbers, note) if numbers else contact_sheet(digits, note), out)
