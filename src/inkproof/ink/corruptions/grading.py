"""What all corruptions share: five severities, canvases of either polarity, and checked arguments."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inkproof.ink.strokes import SIDE

SEVERITIES = (1, 2, 3, 4, 5)

Canvas = NDArray[np.uint8]
Corruption = Callable[[Canvas, int, np.random.Generator], Canvas]
Level = TypeVar("Level")


def graded(
    *levels: Level, of: str = "ink"
) -> Callable[[Callable[[Canvas, Level, np.random.Generator], Canvas]], Corruption]:
    """Make a corruption (canvas, severity, rng) -> canvas of a function that works at a given strength.

    Args:
        levels: what the function gets for the severities 1 to 5.
        of: "ink" hands the function bright ink on a dark ground, whatever the polarity of the canvas, and
            turns its answer back; "light" hands it the canvas as it is.

    The corruption takes uint8 (280, 280) and returns the same, never the array it was given. It raises
    ValueError for another shape or type, or a severity that is none.
    """
    assert len(levels) == len(SEVERITIES) and of in ("ink", "light")

    def decorate(function: Callable[[Canvas, Level, np.random.Generator], Canvas]) -> Corruption:
        @wraps(function)
        def corruption(canvas: Canvas, severity: int, rng: np.random.Generator) -> Canvas:
            if severity not in SEVERITIES:
                raise ValueError(f"a severity is 1 to {SEVERITIES[-1]}, not {severity}")
            if canvas.dtype != np.uint8 or canvas.shape != (SIDE, SIDE):
                raise ValueError(f"a canvas is uint8 ({SIDE}, {SIDE}), not {canvas.dtype} {canvas.shape}")
            level = levels[severity - 1]
            if of == "light" or ground(canvas) < 128:
                return function(canvas, level, rng)
            return 255 - function(255 - canvas, level, rng)

        return corruption

    return decorate


def ground(canvas: Canvas) -> int:
    """Return the grey level of the paper: the median of the outermost ring of pixels."""
    ring = np.concatenate([canvas[0], canvas[-1], canvas[1:-1, 0], canvas[1:-1, -1]])
    return int(np.sort(ring)[len(ring) // 2])


def ink_mask(ink: Canvas) -> NDArray[np.bool_]:
    """Return where bright ink stands out from its ground by more than half of what the strongest does."""
    low, high = ground(ink), int(ink.max())
    return 2 * ink.astype(np.uint16) > low + high


def ink_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of the ink; a blank has none and gives a point in the middle."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return SIDE // 2, SIDE // 2, SIDE // 2, SIDE // 2
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
