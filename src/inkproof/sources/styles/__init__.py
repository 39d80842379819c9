"""Stroke styles for training: the ways the world writes the ten digits, each time deformed anew.

Authored for `data=ink` and apart from the starter set, which is for reporting: no shape, number or code is
shared with it.
"""

import numpy as np

from inkproof.sources.drawings import Drawing
from inkproof.sources.styles import bent, hand, loops, stems, straight
from inkproof.sources.styles.style import STYLES

__all__ = ["CANVAS", "STYLES", "draw", "drawing", "label", "name"]

CANVAS = 280
SIDE = 220.0
"""The longer side of every drawing in pixels of the canvas; the drawing stands in the middle."""
CREATED = "2026-11-21"

_MODULES = (straight, bent, loops, stems)  # imported for what they list


def draw(count: int, seed: int) -> list[Drawing]:
    """Return `count` drawings, the ten digits in turn; the first of them are the same whatever `count` is.

    Ten in a row, one of each digit, are by one hand, which is their writer: `style-<seed>-<hand>`. Strokes
    are points [x, y] in pixels of a canvas of 280 x 280.
    """
    return [drawing(number, seed) for number in range(count)]


def label(number: int) -> int:
    """Return the digit of the drawing `number`, whatever the seed."""
    return number % 10


def name(number: int, seed: int) -> str:
    """Return the id of the drawing `number` of those with this `seed`."""
    return f"style-{seed}-{number // 10:05d}-{label(number)}"


def drawing(number: int, seed: int) -> Drawing:
    """Return the drawing `number` of those with this `seed`; its digit is the last of `number`."""
    block, digit = number // 10, label(number)
    writer = hand.any_hand(np.random.default_rng([seed, block]))
    rng = np.random.default_rng([seed, block, digit])
    styles = STYLES[digit]
    weights = np.array([style.weight for style in styles.values()])
    chosen = list(styles)[rng.choice(len(styles), p=weights / weights.sum())]
    strokes = hand.write(styles[chosen], writer, rng)
    extent = np.max([path.max(axis=0) for path in strokes], axis=0) * SIDE
    corner = (CANVAS - extent) / 2
    return Drawing(
        id=name(number, seed),
        label=digit,
        writer=f"style-{seed}-{block:05d}",
        source=f"styles/{digit}-{chosen}",
        canvas=(CANVAS, CANVAS),
        strokes=[np.round(path * SIDE + corner, 2).tolist() for path in strokes],
        image=None,
        created=CREATED,
    )
