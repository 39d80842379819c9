"""Grey pictures set onto a figure pixel by pixel, so that no resampling blurs what the network saw."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from inkproof.reporting.style import PALETTE

Block = tuple[int, int, npt.NDArray[np.uint8]]


def paint(figure: Figure, width: int, height: int, blocks: Sequence[Block]) -> None:
    """Cover `figure`, which is `width` x `height` pixels, with grey pictures given as (left, top, picture).

    Everything goes into one image: a set of axes for each picture would take a hundred times as long.
    """
    paper = np.array([round(255 * part) for part in to_rgb(PALETTE["paper"])], dtype=np.uint8)
    page = np.broadcast_to(paper, (height, width, 3)).copy()
    for left, top, picture in blocks:
        rows, columns = picture.shape
        page[top : top + rows, left : left + columns] = picture[..., None]
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=-1)
    axes.imshow(page, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.set_axis_off()


def framed(left: int, top: int, canvas: npt.NDArray[np.uint8], side: int) -> list[Block]:
    """Return a canvas made `side` pixels wide, on a grey square one pixel larger: white would melt into the paper."""
    picture = np.asarray(Image.fromarray(canvas).resize((side, side), Image.Resampling.BOX))
    return [(left - 1, top - 1, np.full((side + 2, side + 2), 190, np.uint8)), (left, top, picture)]
