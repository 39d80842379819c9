"""Corruptions of the paper: its light, its lines, and marks on it that are not the digit."""

import numpy as np

from inkproof.ink.corruptions.grading import Canvas, graded, ink_box, ink_mask
from inkproof.ink.strokes import SIDE, render

_CENTRES = np.arange(SIDE) + 0.5 - SIDE / 2


@graded(0.12, 0.25, 0.40, 0.56, 0.72)
def uneven_ground(ink: Canvas, loss: float, rng: np.random.Generator) -> Canvas:
    """Let the light fall off across the canvas, in any direction, to 88, 75, 60, 44 and 28% at the far side."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.sin(angle) * _CENTRES, np.cos(angle) * _CENTRES
    reach = np.abs(y).max() + np.abs(x).max()
    shade = (loss * 0.5 * (1 + (y[:, None] + x) / reach)).astype(np.float32)
    # Bright paper darkens, its ink stays dark; on dark paper it is glare that brightens the ground.
    return np.rint(ink + (255 - ink) * shade).astype(np.uint8)


@graded((30, 1.0), (60, 1.3), (95, 1.7), (130, 2.2), (165, 3.0))
def grid_paper(ink: Canvas, lines: tuple[int, float], rng: np.random.Generator) -> Canvas:
    """Put squared paper under the digit: lines of 30, 60, 95, 130 and 165 grey levels, 1 to 3 pixels wide.

    The squares have 24 to 36 pixels, and the paper lies up to 3 degrees off the square.
    """
    level, width = lines
    pitch = rng.uniform(24, 36)
    angle = np.radians(rng.uniform(-3, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    ruled = np.zeros((SIDE, SIDE), np.float32)
    for y, x in ((cos, sin), (-sin, cos)):
        at = ((y * _CENTRES + rng.uniform(0, pitch))[:, None] + x * _CENTRES).astype(np.float32)
        away = np.abs(at - pitch * np.rint(at / pitch))
        np.maximum(ruled, np.clip(width / 2 + 0.5 - away, 0, min(1.0, width)), out=ruled)
    return np.maximum(ink, np.rint(level * ruled).astype(np.uint8))


@graded(10, 25, 45, 68, 95)
def stray_mark(ink: Canvas, length: float, rng: np.random.Generator) -> Canvas:
    """Leave a mark of the pen beside the digit: a curved stroke of 10, 25, 45, 68 and 95 pixels.

    Unlike `dotted_line` and `zigzag` of MNIST-C it does not cross the whole frame: it starts in the widest
    margins and runs along the digit, which it may touch.
    """
    top, bottom, left, right = ink_box(ink_mask(ink))
    margins = np.array([top, SIDE - bottom, left, SIDE - right], np.float64)
    side = int(rng.choice(4, p=margins**2 / (margins**2).sum()))
    brush, start, angle, bend = rng.uniform((7, 0.15, -0.15, -0.002), (13, 0.85, 0.25, 0.006)).tolist()
    # Points three pixels apart, towards the farther end of the margin, where the longest mark has room.
    turn = angle + bend * np.arange(0, length, 3)
    along = SIDE * start + (3 if start < 0.5 else -3) * np.cumsum(np.cos(turn))
    inward = np.maximum(margins[side] / 2 + 3 * np.cumsum(np.sin(turn)), brush)
    across = SIDE - inward if side % 2 else inward
    points = np.stack((along, across) if side < 2 else (across, along), axis=1)
    return np.maximum(ink, render([points.tolist()], brush=brush, ink=int(ink.max()), ground=0))
