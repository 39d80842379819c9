"""The starter set: drawn digits authored in this repository, so that there is drawn ink offline.

`python -m inkproof.sources.starter` writes `data/drawn/starter` and `data/drawn/not_digits` again, to the
last byte.
"""

import random
from collections.abc import Iterator

from inkproof.sources.drawings import Drawing
from inkproof.sources.starter.hand import CANVAS, FINGER, HASTY, MOUSE, STYLUS, THUMB, Strokes, draw
from inkproof.sources.starter.not_digits import NOT_DIGITS
from inkproof.sources.starter.shapes import DIGITS, LEAST_HEIGHT

PER_DIGIT = 27
WRITER = "inkproof"
CREATED = "2026-11-21"

# One in thirteen is hasty: sloppy, still legible.
_HANDS = (FINGER, STYLUS, MOUSE, THUMB, FINGER, HASTY, STYLUS, FINGER, MOUSE, THUMB, STYLUS, FINGER, MOUSE)


def starter_drawings() -> Iterator[Drawing]:
    """The starter set, digit by digit, `PER_DIGIT` each; always the same drawings in the same order."""
    for digit, styles in DIGITS.items():
        names = list(styles)
        for number in range(PER_DIGIT):
            style = names[number % len(names)]
            hand = _HANDS[(number + digit * 3) % len(_HANDS)]
            name = f"starter-{digit}-{style}-{hand.name}-{number // len(names) + 1}"
            strokes = draw(styles[style], hand, _generator(name), least_height=LEAST_HEIGHT[digit])
            yield _drawing(name, digit, f"authored/{digit}-{style}", strokes)


def not_digit_drawings() -> Iterator[Drawing]:
    """Letters, signs, scribbles, a dot and pairs of digits, one drawing of each, labelled None."""
    for number, (shape, skeleton) in enumerate(NOT_DIGITS.items()):
        hand = _HANDS[number % len(_HANDS)]
        name = f"not-digit-{shape}-{hand.name}"
        height = 6.0 if shape == "dot" else None
        strokes = draw(skeleton, hand, _generator(name), least_height=110, height=height)
        yield _drawing(name, None, f"authored/not-digit-{shape}", strokes)


def _generator(name: str) -> random.Random:
    """A generator for one drawing alone, so that mending a style leaves the other drawings as they are."""
    return random.Random(name)


def _drawing(name: str, label: int | None, source: str, strokes: Strokes) -> Drawing:
    return Drawing(
        id=name,
        label=label,
        writer=WRITER,
        source=source,
        canvas=(CANVAS, CANVAS),
        strokes=strokes,
        image=None,
        created=CREATED,
    )
