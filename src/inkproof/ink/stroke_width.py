"""Strokes made wider or narrower inside a graph, without breaking one or closing a hole."""

from typing import Any

from keras import ops

from inkproof.ink.neighbours import dilated, square_sums

# What an opening takes away so clearly has become as thin as a step and must stay ...
_RIDGE = 0.35
# ... if it is a line, at least so many of the 5 x 5 pixels around, or all that is left there. A corner leaves one
# pixel or two beside the rest.
_LINE = 3


def with_outline_moved(grid: Any, shape: Any, amount: Any, hard: Any, steps: int) -> Any:
    """Move the outline of strokes out by `amount` pixels, or in where it is negative.

    Growing ink is shrinking paper, and neither is shrunk away: a stroke or a gap that has become thin keeps its
    middle line, so that strokes do not break and holes do not close. A part of a pixel is a mean of two steps.

    Args:
        grid: float32 (B, S, S), 0 to 1: what an amount of zero gives.
        shape: float32 (B, S, S), 0 to 1: the same with a clear outline, which is moved.
        amount: float32 (B, 1), at most `steps` either way.
        hard: float32 (B, 1), 0 to 1: how far `shape` is to take the place of `grid` whatever the amount.
        steps: how many pixels an outline can be moved.

    Returns:
        float32 (B, S, S), 0 to 1.
    """
    grows = ops.cast(amount > 0, "float32")[:, :, None]
    amount = ops.abs(amount)[:, :, None]
    kept = ops.relu(1.0 - ops.maximum(amount, hard[:, :, None]))
    shrinking = ops.abs(grows - shape)
    moved = ops.relu(1.0 - amount - kept) * shrinking
    for step in range(1, steps + 1):
        shrinking = _shrunk(shrinking, square=step % 2 == 0)
        moved = moved + ops.relu(1.0 - ops.abs(amount - step)) * shrinking
    return kept * grid + ops.abs(grows * (1.0 - kept) - moved)


def _shrunk(shape: Any, square: bool) -> Any:
    less = 1.0 - dilated(1.0 - shape, square)
    opened = dilated(less, square)
    ridge = _yes(shape - opened > _RIDGE)
    line = _yes(square_sums(ridge, 5) > _LINE - 0.5)
    alone = _yes(dilated(opened) < _RIDGE)
    kept = shape * ridge * ops.maximum(line, alone)
    # What lies between a kept line and the rest joins the two.
    joint = ops.minimum(shape, ops.minimum(dilated(kept, square=False), opened))
    return ops.maximum(ops.maximum(less, kept), joint)


def _yes(answers: Any) -> Any:
    return ops.cast(answers, "float32")
