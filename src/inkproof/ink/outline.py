"""Where the outline of strokes runs, inside a graph: sharpened, measured, and told from a staircase."""

from typing import Any

from keras import ops

from inkproof.ink.neighbours import dilated

# Half way between the strongest and the weakest ink within so many pixels is the outline ...
_REACH = 4
# ... where the strongest has at least this share of the strongest of all: less is no stroke ...
_FAINT = 0.2
# ... and the weakest at most this share of the strongest: more is no hole.
_HOLE = 0.65
# The edge of a sharpened stroke rises by so much a pixel.
_STEEPNESS = 2.0
# A smooth curve is 4/pi times as long in rows and columns as it is in truth; an outline of hard pixels runs along
# rows and columns only, and is no longer. From the first ratio on it is smooth, from the second down all stairs.
_SMOOTH, _STAIRS = 1.17, 1.14
# Grey along the outline, as the width of a line of it in pixels of the frame: black and white pixels have none
# whatever their size, while a picture of 28 x 28 as soft as MNIST's has 0.6 (nearly all more than 0.45).
_SOFT, _HARD = 0.4, 0.3


def sharpened(grid: Any) -> Any:
    """Bring strokes of any strength to full strength, and gaps between them to none, with a narrow edge.

    Args:
        grid: float32 (B, S, S), ink as a share of full strength.

    Returns:
        float32 (B, S, S), 0 to 1.
    """
    strongest, paper = grid, 1.0 - grid
    for _ in range(_REACH):
        strongest, paper = dilated(strongest), dilated(paper)
    most = ops.maximum(ops.max(grid, axis=(1, 2), keepdims=True), 1e-3)
    high = ops.maximum(strongest, _FAINT * most)
    low = ops.minimum(1.0 - paper, _HOLE * high)
    return ops.clip(_STEEPNESS * ((grid - low) / (high - low) - 0.5) + 0.5, 0.0, 1.0)


def stroke_width(grid: Any) -> Any:
    """Mean width of strokes in pixels: twice their area over the length of their outline.

    The length is the sum of the gradient's magnitude (the total variation), which takes no skeleton and no
    threshold. float32 (B, S, S) to (B, 1), 0 where there is no ink.
    """
    down, across = _slopes(grid)
    return 2.0 * _total(grid) / ops.maximum(_length(down, across), 1e-3)


def stairs(grid: Any, pixels: int) -> tuple[Any, Any]:
    """How far an outline is one of pixels, by enlarging a small picture, and how far of hard ones.

    Args:
        grid: float32 (B, S, S), ink as a share of full strength.
        pixels: so many pixels of the grid are one of the frame.

    Returns:
        float32 (B, 1) twice, 0 to 1; hard ones are of black and white alone, as Paint draws them.
    """
    down, across = _slopes(grid)
    length = ops.maximum(_length(down, across), 1e-3)
    ratio = 0.5 * (_total(ops.abs(down)) + _total(ops.abs(across))) / length
    grey = 4.0 * _total(grid * (1.0 - grid)) / length / pixels
    stepped = ops.clip((_SMOOTH - ratio) / (_SMOOTH - _STAIRS), 0.0, 1.0)
    return stepped, stepped * ops.clip((_SOFT - grey) / (_SOFT - _HARD), 0.0, 1.0)


def _slopes(grid: Any) -> tuple[Any, Any]:
    """Twice the slope down and across, (B, S, S) each; the outermost pixels have none."""
    down = ops.pad(grid[:, 2:, :] - grid[:, :-2, :], ((0, 0), (1, 1), (0, 0)))
    across = ops.pad(grid[:, :, 2:] - grid[:, :, :-2], ((0, 0), (0, 0), (1, 1)))
    return down, across


def _length(down: Any, across: Any) -> Any:
    return 0.5 * _total(ops.sqrt(ops.square(down) + ops.square(across)))


def _total(grid: Any) -> Any:
    return ops.sum(grid, axis=(1, 2))[:, None]
