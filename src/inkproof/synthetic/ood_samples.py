"""Out-of-distribution samples: letters, shapes and scribbles, in two disjoint parts, for validation and for test.

Skeletons are 100 units high with y downward. They were placed apart from those of the committed drawings, some of which
are the same letter (`data/drawn/authored.py`).

A letter is here only if nobody could take it for a digit. Left out are O o D Q (0), I l i (1), Z z (2), Y y (4),
S s (5), b G (6), B (8) and g q (9): rejecting one of them would be wrong as often as right. Both cases of a letter
are in the same part, since many differ in size alone. Shapes likewise: no circle (0), no infinity sign (8).
"""

from collections.abc import Callable, Sequence

import numpy as np

from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.synthetic.deform import Strokes, paths_of
from inkproof.synthetic.skeleton import MARGIN, PenStroke, Points, authored, bent, parse, placed, smooth

PARTS = ("validation", "test")
# Letters and symbols that somebody takes for a digit: a stroke or two of them are 1, 7 or 0 to many.
LIKE_DIGITS = frozenset("OoDQIliJjLZzYySsbGBgqCcpr|/\\!()[]{}<>'`.,~_^:;\"-+=?")

LETTERS: dict[str, dict[str, str]] = {
    "validation": {
        "A": "36,0 20,48 0,100 | 36,0 54,50 74,100 | 14,66 36,65 60,66",
        "a": "8,38 26,24 46,34 50,60 52,100 | 49,58 22,60 6,78 18,98 40,92 50,78",
        "E": "58,0 32,1 6,2! 5,50 6,100! 34,100 60,98 | 6,50 28,49 48,50",
        "e": "8,56 34,54 62,52! 56,30 34,22 12,36 6,64 18,92 42,99 64,86",
        "H": "4,0 5,50 4,100 | 62,0 61,50 63,100 | 5,50 32,49 61,50",
        "h": "6,0 7,50 6,100! 8,68 26,50 46,56 50,78 50,100",
        "J": "18,1 46,0 76,0 | 48,0 48,44 46,82 28,99 6,90 0,74",
        "j": "40,28 40,60 38,104 22,122 2,112 | 40,2 42,5",
        "L": "6,0 7,50 6,98! 34,98 64,97",
        "M": "2,100 7,50 14,2! 30,40 44,74! 60,40 76,2! 82,50 88,100",
        "m": "4,28 6,60 6,100! 8,58 24,30 40,40 43,66 43,100! 46,58 62,30 80,42 82,70 82,100",
        "P": "6,0 6,50 5,100 | 6,2 38,0 58,14 54,38 34,50 7,51",
        "p": "6,24 7,70 6,124 | 7,46 24,26 46,28 58,52 48,80 24,88 8,74",
        "U": "4,0 4,40 8,78 32,99 58,80 63,40 64,0",
        "u": "4,24 5,60 14,92 34,94 52,72 56,24! 57,60 62,98",
        "X": "2,0 32,50 64,100 | 62,0 32,48 0,100",
        "x": "4,34 26,62 50,100 | 54,32 28,66 0,98",
    },
    "test": {
        "C": "66,16 46,2 20,8 4,36 6,72 26,97 52,96 70,80",
        "c": "54,38 34,26 10,40 4,66 16,92 38,98 58,84",
        "d": "50,44 30,32 8,48 6,80 26,98 46,84 52,60 | 54,0 54,50 56,100",
        "F": "60,1 34,1 6,2! 6,50 5,100 | 6,48 28,47 46,48",
        "f": "54,10 38,0 24,14 23,50 22,100 | 2,46 24,45 48,44",
        "K": "6,0 6,50 5,100 | 58,0 34,28 8,54! 32,74 62,100",
        "k": "6,0 6,50 6,100 | 48,38 30,52 8,68! 26,80 50,100",
        "N": "4,100 5,50 6,0! 32,48 60,100! 62,50 62,0",
        "n": "4,26 6,60 5,100! 8,58 28,32 48,42 52,70 52,100",
        "R": "6,100 6,50 5,1! 36,0 56,14 50,38 30,48 7,50! 34,74 62,100",
        "r": "6,28 8,62 7,100! 9,62 22,38 46,32",
        "T": "0,1 36,1 72,0 | 36,1 36,50 35,100",
        "t": "22,0 22,44 24,84 38,98 54,90 | 0,34 24,33 48,32",
        "V": "0,0 18,50 35,100! 54,50 70,0",
        "v": "2,32 16,64 30,100! 44,64 58,32",
        "W": "0,0 12,50 22,98! 36,58 46,22! 58,60 70,98! 82,50 92,0",
        "w": "0,34 6,74 22,98 38,86 43,44! 48,84 62,98 78,76 84,34",
    },
}

SHAPES: dict[str, dict[str, str]] = {
    "validation": {
        "triangle": "52,0 26,46 0,92! 52,93 106,92! 80,46 52,0",
        "heart": "52,26 36,4 12,4 0,26 12,56 52,100! 92,56 104,26 92,4 68,4 52,26",
        "arrow": "0,52 60,50 120,50 | 84,18 102,34 122,50! 104,68 84,86",
        "plus": "0,50 50,50 100,50 | 50,0 50,50 50,100",
        "hash": "34,0 30,50 26,100 | 72,0 68,50 64,100 | 2,32 50,31 98,30 | 0,70 48,69 96,68",
        "house": "8,100 8,70 8,42! 52,0! 96,42! 96,70 96,100! 52,100 8,100 | 40,100 40,66! 64,66! 64,100",
        "umbrella": "0,52 14,18 50,2 88,18 102,52! 50,50 0,52 | 50,50 50,88 64,99 76,86",
        "ladder": "4,0 3,50 2,100 | 52,0 52,50 53,100 | 4,22 52,21 | 3,50 52,49 | 3,78 53,77",
    },
    "test": {
        "square": "2,2 3,50 2,98! 50,98 98,97! 98,50 98,2! 50,2 2,2",
        "check": "0,56 16,74 32,100! 62,48 100,0",
        "tree": "46,0 22,38 0,72! 46,72 92,72! 70,38 46,0 | 36,72 36,88 36,102! 56,102! 56,88 56,72",
        "star": "20,100 36,50 52,0! 68,50 84,100! 44,70 2,38! 52,38 102,38! 62,68 20,100",
        "asterisk": "50,0 50,50 50,100 | 8,24 50,50 92,76 | 92,24 50,50 8,76",
        "equals": "0,0 50,1 100,0 | 0,46 50,45 100,46",
        "smiley": "52,0 14,16 0,52 14,88 52,99 90,88 104,52 90,16 52,0 | 34,34 35,40 | 70,34 71,40 | 28,66 52,80 76,66",
        "envelope": "0,0 70,0 140,0! 140,46 140,92! 70,92 0,92! 0,46 0,0! 36,30 70,56! 104,28 140,0",
    },
}

KINDS = ("scribble", "letter", "shape", "digits", "blank")

Make = Callable[[np.random.Generator], list[Points]]


def ood_samples(count: int, seed: int, digits: Sequence[Drawing], *, part: str = "validation") -> list[Drawing]:
    """Draw `count` things that are not a digit, each of `KINDS` in turn, labeled None.

    The same arguments give the same drawings, and a smaller count the first of them. `source` is
    "ood_sample/KIND/NAME".

    Args:
        count: how many.
        seed: one seed, one set of drawings.
        digits: drawn digits to put side by side; at least one that has strokes and a label. Pass those of
            validation writers for validation, those of test writers for test.
        part: `validation` or `test`, which have different letters, shapes, scribbles and specks.

    Returns:
        Drawings on a 280 x 280 canvas, all ink of a brush of 20 pixels inside; a blank has no stroke.

    Raises:
        ValueError: unknown part, or no drawn digit to compose of.
    """
    if part not in PARTS:
        raise ValueError(f"{part!r}: unknown part of the out-of-distribution samples; choose one of {', '.join(PARTS)}")
    usable = [paths_of(drawing.strokes) for drawing in digits if drawing.strokes and drawing.label is not None]
    if not usable:
        raise ValueError("drawings of several digits need at least one labeled digit that is drawn as strokes")
    makers: dict[str, dict[str, Make]] = {
        "scribble": _SCRIBBLES[part],
        "letter": {name: _template(notation) for name, notation in LETTERS[part].items()},
        "shape": {name: _template(notation) for name, notation in SHAPES[part].items()},
        "digits": {name: row(usable, n) for name, n in (("two", 2), ("three", 3))},
        "blank": _BLANKS[part],
    }
    drawings = []
    for number in range(count):
        # A generator for each drawing alone: fixing one kind leaves the others as they are.
        rng = np.random.default_rng([seed, PARTS.index(part), number])
        kind = KINDS[number % len(KINDS)]
        names = list(makers[kind])
        name = names[rng.integers(len(names))]
        strokes = [np.round(path, 1).tolist() for path in makers[kind][name](rng)]
        drawings.append(authored(f"ood_sample-{part}-{seed}-{number:05d}", None, f"ood_sample/{kind}/{name}", strokes))
    return drawings


def _template(notation: str) -> Make:
    """A writer that draws one skeleton: control points missed a little, each stroke a little misplaced."""

    def make(rng: np.random.Generator) -> list[Points]:
        paths = []
        for stroke in parse(notation):
            missed = rng.normal(0, 1.6, stroke.points.shape) + rng.normal(0, 1.6, 2)
            paths.append(smooth(PenStroke(stroke.points + missed, stroke.corners)))
        return placed(bent(paths, rng), rng, rng.uniform(120, 230))

    return make


def row(digits: Sequence[Strokes], n: int) -> Make:
    """n of the drawn digits side by side, about equally high, with a gap that no digit bridges."""

    def make(rng: np.random.Generator) -> list[Points]:
        paths: list[Points] = []
        right = 0.0
        for index in rng.integers(len(digits), size=n):
            own = digits[index]
            low, high = np.vstack(own).min(axis=0), np.vstack(own).max(axis=0)
            scale = rng.uniform(85, 100) / max(high[1] - low[1], 1.0)
            start = right + rng.uniform(32, 55) if paths else 0.0
            paths += [(path - low) * scale + (start, rng.uniform(-6, 6)) for path in own]
            right = start + (high[0] - low[0]) * scale
        return placed(paths, rng, rng.uniform(100, 170))

    return make


def _coil(rng: np.random.Generator) -> list[Points]:
    """Loops drawn on and on across the paper, like a row of e."""
    t = np.linspace(0, 2 * np.pi * rng.uniform(3.5, 6), 600)
    wide, high = rng.uniform(20, 36), rng.uniform(45, 75)
    path = np.column_stack([t * rng.uniform(6, 10) + wide * np.cos(t), high * np.sin(t)])
    return placed(bent([path], rng), rng, rng.uniform(110, 190), turn=12)


def _tangle(rng: np.random.Generator) -> list[Points]:
    """A smooth closed curve that crosses itself many times: a random Fourier series."""
    t = np.linspace(0, 2 * np.pi, 900)
    order = np.arange(2, 8)
    phase = rng.uniform(0, 2 * np.pi, (2, len(order), 1))
    # No order is left weak: the second alone would be an ellipse drawn twice, which could pass for a 0.
    size = rng.uniform(0.7, 1.2, (2, len(order)))
    path = np.einsum("ko,kot->tk", size, np.sin(order[:, None] * t + phase))
    return placed([path * 50], rng, rng.uniform(170, 245))


def _hatching(rng: np.random.Generator) -> list[Points]:
    """Strokes to and fro, as one blackens a corner."""
    teeth = int(rng.integers(8, 14))
    x = np.arange(teeth) * rng.uniform(11, 18)
    y = np.where(np.arange(teeth) % 2, 90.0, 0.0)
    knots = np.column_stack([x + 0.3 * y, y]) + rng.normal(0, 6, (teeth, 2))
    path = smooth(parse(" ".join(f"{x:.2f},{y:.2f}" for x, y in knots))[0])
    return placed(bent([path], rng), rng, rng.uniform(110, 200), turn=40)


def _walk(rng: np.random.Generator) -> list[Points]:
    """A pen that turns at random, in five strokes that set out in all directions; fewer can come out as a 1 or 2."""
    paths = []
    first = rng.uniform(0, 2 * np.pi)
    for number in range(5):
        turning = np.convolve(rng.normal(0, 0.3, 300), np.ones(60) / 60, mode="valid")
        heading = first + 2 * np.pi * number / 5 + np.cumsum(turning)
        steps = np.column_stack([np.cos(heading), np.sin(heading)])
        paths.append(np.cumsum(steps, axis=0) + rng.uniform(-40, 40, 2))
    return placed(paths, rng, rng.uniform(170, 245))


def _spiral(rng: np.random.Generator) -> list[Points]:
    """Three turns or more; with fewer it could pass for a 6 or a 9."""
    turns = rng.uniform(3.0, 4.5)
    t = np.linspace(0, 2 * np.pi * turns, 700)
    radius = 4 + t * rng.uniform(0.9, 1.1)
    way = rng.choice([-1, 1])
    path = np.column_stack([radius * np.cos(t), way * radius * np.sin(t)])
    return placed(bent([path], rng), rng, rng.uniform(190, 250), turn=180)


def _waves(rng: np.random.Generator) -> list[Points]:
    """Two or three wavy lines one below the other."""
    paths = []
    periods = rng.uniform(2.5, 4)
    for line in range(rng.integers(2, 4)):
        t = np.linspace(0, 2 * np.pi * periods, 300)
        path = np.column_stack([t * 9, 14 * np.sin(t + rng.uniform(0, 1)) + 52 * line])
        paths.append(path + rng.normal(0, 3, 2))
    return placed(bent(paths, rng), rng, rng.uniform(90, 200), turn=15)


def _dot(rng: np.random.Generator) -> list[Points]:
    return [rng.uniform(MARGIN, CANVAS_SIDE - MARGIN, (1, 2))]


def _smudge(rng: np.random.Generator) -> list[Points]:
    """A touch of the pen that slipped: a few pixels, in a direction that makes no 1."""
    start, slip = rng.uniform(30, CANVAS_SIDE - 30, 2), rng.uniform(-1, 1, (5, 2)) * (4.0, 2.0)
    return [np.vstack([start, start + np.cumsum(slip, axis=0)])]


def _specks(rng: np.random.Generator) -> list[Points]:
    return [rng.uniform(MARGIN, CANVAS_SIDE - MARGIN, (1, 2)) for _ in range(rng.integers(2, 6))]


def _dash(rng: np.random.Generator) -> list[Points]:
    """A short level stroke; an upright one would be a 1."""
    middle, angle = rng.uniform(50, CANVAS_SIDE - 50, 2), rng.normal(0, 0.12)
    half = rng.uniform(8, 30) * np.array([np.cos(angle), np.sin(angle)])
    return [np.vstack([middle - half, middle + half])]


_SCRIBBLES: dict[str, dict[str, Make]] = {
    "validation": {"coil": _coil, "tangle": _tangle, "hatching": _hatching},
    "test": {"walk": _walk, "spiral": _spiral, "waves": _waves},
}
_BLANKS: dict[str, dict[str, Make]] = {
    "validation": {"blank": lambda rng: [], "dot": _dot, "smudge": _smudge},
    "test": {"blank": lambda rng: [], "specks": _specks, "dash": _dash},
}
