"""Specks told from strokes inside a graph: small, alone, and a small part of all the ink."""

from typing import Any

from keras import ops

from inkproof.ink.cells import cell_means, cell_size, on_cells
from inkproof.ink.neighbours import square_sums

# A line of one pixel through a cell of n x n pixels fills 1/n of it. A cell is empty with less than a quarter of
# that, or less than this share of the strongest ink: it holds a lone pixel.
_LINE_SHARE, _EMPTY = 0.25, 0.05
# Paper alone, however noisy, has no cell with three quarters of a line, or this share.
_BLANK_LINE_SHARE, _BLANK = 0.75, 0.12
# On dirty paper a cell is also empty with less than so many times the mean of the border's cells, where none
# counts for more than this share of the strongest ink, since it may be the digit that touches the edge.
_DIRT, _DIRT_LIMIT = 8.0, 0.2
# A speck fits a square of so many cells, holds at most this share of the ink, and has so many empty cells around.
# What is larger must be lonelier, or it is a piece of a broken stroke.
_SPECKS = ((3, 0.01, 2), (5, 0.02, 2), (9, 0.04, 2), (11, 0.1, 4))


def without_specks(ink: Any, peak: Any) -> Any:
    """Clear what is no part of a digit; what is too little to be one leaves a blank.

    Args:
        ink: float32 (B, H, W), white on black.
        peak: float32 (B, 1, 1), the strongest ink, above 0.

    Returns:
        float32 (B, H, W): `ink`, and zero in the cells of specks.
    """
    line = 1.0 / cell_size(ink)
    mass = cell_means(ink) / peak
    edges = [mass[:, 0, :], mass[:, -1, :], mass[:, 1:-1, 0], mass[:, 1:-1, -1]]
    dirt = ops.mean(ops.minimum(ops.concatenate(edges, axis=1), _DIRT_LIMIT), axis=1)[:, None, None]
    present = _yes(mass > ops.maximum(min(_EMPTY, _LINE_SHARE * line), _DIRT * dirt))
    present = present * _yes(ops.max(mass, axis=(1, 2), keepdims=True) > min(_BLANK, _BLANK_LINE_SHARE * line))
    keep = _yes(square_sums(present, 3) > 0.5)
    mass = mass * present
    whole = ops.sum(mass, axis=(1, 2), keepdims=True)
    for side, share, apart in _SPECKS:
        inside = square_sums(mass, side)
        around = square_sums(present, side + 2 * apart) - square_sums(present, side)
        speck = _yes(around < 0.5) * _yes(inside > 0) * _yes(inside < share * whole)
        keep = keep * _yes(square_sums(speck, side) < 0.5)
    return on_cells(ops.multiply, ink, keep)


def _yes(answers: Any) -> Any:
    return ops.cast(answers, "float32")
