"""The gallery of the worst mistakes: read wrong and most sure of it."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from inkproof.reporting.style import DPI, PALETTE, WIDTH, sheet, styled
from inkproof.reporting.tiles import paint

# 5 columns of 32 units of 4 pixels are the sheet's 640 pixels: a digit's pixel is a square of 4 x 4.
COLUMNS, SCALE, TILE = 5, 4, 28
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
    for place, index in enumerate(shown):
        x = (place % COLUMNS * PITCH_X + MARGIN) * SCALE
        y = (place // COLUMNS * PITCH_Y + MARGIN) * SCALE
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
