"""Drawings that are not digits, without end: scribbles, letters, blanks, several digits at once, shapes.

Whether a recogniser knows what is not a digit can only be chosen and reported on such drawings, and the two need
different ones: a threshold that refuses the triangles it was chosen on has proved nothing. So there are two parts,
`choices` and `reporting`, with other letters, shapes and ways of scribbling; blanks differ in all but the blank
itself, and drawings of several digits in the digits handed in.
"""

from collections.abc import Callable, Sequence

import numpy as np

from inkproof.sources.drawings import Drawing
from inkproof.sources.negative_hand import CANVAS, MARGIN, bent, placed
from inkproof.sources.negative_shapes import LETTERS, PARTS, SHAPES
from inkproof.sources.starter.skeleton import Points, parse, smooth

KINDS = ("scribble", "letter", "shape", "digits", "blank")
WRITER = "inkproof"
CREATED = "2026-11-21"

Make = Callable[[np.random.Generator], list[Points]]


def negatives(count: int, seed: int, digits: Sequence[Drawing], *, part: str = "choices") -> list[Drawing]:
    """Draw `count` things that are not a digit, each of `KINDS` in turn, labelled None.

    The same arguments give the same drawings, and a smaller count the first of them. `source` is
    "negative/KIND/NAME", for results by kind (`kind_of`).

    Args:
        count: how many.
        seed: one seed, one set of drawings.
        digits: drawn digits to put side by side; at least one that has strokes and a label. For choices hand in
            those of writers kept for choices, for reporting those of writers that are reported on.
        part: `choices` or `reporting`, which have different letters, shapes, scribbles and specks.

    Returns:
        Drawings on a 280 x 280 canvas, all ink of a brush of 20 pixels inside; a blank has no stroke.

    Raises:
        ValueError: there is no such part, or no drawn digit to compose of.
    """
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r} of the negatives; there are {', '.join(PARTS)}")
    usable = [drawing for drawing in digits if drawing.strokes and drawing.label is not None]
    if not usable:
        raise ValueError("drawings of several digits need digits drawn as strokes, and there is none")
    makers = _makers(part, usable)
    drawings = []
    for number in range(count):
        # A generator for each drawing alone: mending one kind leaves the others as they are.
        rng = np.random.default_rng([seed, PARTS.index(part), number])
        kind = KINDS[number % len(KINDS)]
        names = list(makers[kind])
        name = names[rng.integers(len(names))]
        drawings.append(
            Drawing(
                id=f"negative-{part}-{seed}-{number:05d}",
                label=None,
                writer=WRITER,
                source=f"negative/{kind}/{name}",
                canvas=(CANVAS, CANVAS),
                strokes=[np.round(path, 1).tolist() for path in makers[kind][name](rng)],
                image=None,
                created=CREATED,
            )
        )
    return drawings


def kind_of(drawing: Drawing) -> str:
    """Return which of `KINDS` a drawing made here is; raises ValueError for any other drawing."""
    start, _, rest = drawing.source.partition("/")
    kind = rest.partition("/")[0]
    if start != "negative" or kind not in KINDS:
        raise ValueError(f"drawing {drawing.id!r} from {drawing.source!r} is no generated negative")
    return kind


def _makers(part: str, digits: Sequence[Drawing]) -> dict[str, dict[str, Make]]:
    """What there is to draw, by kind and name."""
    return {
        "scribble": _SCRIBBLES[part],
        "letter": {name: _template(notation) for name, notation in LETTERS[part].items()},
        "shape": {name: _template(notation) for name, notation in SHAPES[part].items()},
        "digits": {name: _row(digits, n) for name, n in (("two", 2), ("three", 3))},
        "blank": _BLANKS[part],
    }


def _template(notation: str) -> Make:
    """A hand that draws one skeleton: control points missed a little, each stroke a little misplaced."""

    def make(rng: np.random.Generator) -> list[Points]:
        paths = []
        for stroke in parse(notation):
            missed = rng.normal(0, 1.6, stroke.points.shape) + rng.normal(0, 1.6, 2)
            path, _ = smooth(type(stroke)(stroke.points + missed, stroke.corners, stroke.closes))
            paths.append(path)
        return placed(bent(paths, rng), rng, rng.uniform(120, 230))

    return make


def _row(digits: Sequence[Drawing], n: int) -> Make:
    """n drawn digits side by side, about equally high, with a gap that no digit bridges."""

    def make(rng: np.random.Generator) -> list[Points]:
        paths: list[Points] = []
        right = 0.0
        for index in rng.integers(len(digits), size=n):
            strokes = digits[index].strokes or []
            own = [np.array([point[:2] for point in stroke], np.float64) for stroke in strokes if stroke]
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
    return placed(bent([_through(knots)], rng), rng, rng.uniform(110, 200), turn=40)


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


def _blank(rng: np.random.Generator) -> list[Points]:
    return []


def _dot(rng: np.random.Generator) -> list[Points]:
    return [rng.uniform(MARGIN, CANVAS - MARGIN, (1, 2))]


def _smudge(rng: np.random.Generator) -> list[Points]:
    """A touch of the pen that slipped: a few pixels, in a direction that makes no 1."""
    start, slip = rng.uniform(30, CANVAS - 30, 2), rng.uniform(-1, 1, (5, 2)) * (4.0, 2.0)
    return [np.vstack([start, start + np.cumsum(slip, axis=0)])]


def _specks(rng: np.random.Generator) -> list[Points]:
    return [rng.uniform(MARGIN, CANVAS - MARGIN, (1, 2)) for _ in range(rng.integers(2, 6))]


def _dash(rng: np.random.Generator) -> list[Points]:
    """A short level stroke; an upright one would be a 1."""
    middle, angle = rng.uniform(50, CANVAS - 50, 2), rng.normal(0, 0.12)
    half = rng.uniform(8, 30) * np.array([np.cos(angle), np.sin(angle)])
    return [np.vstack([middle - half, middle + half])]


_SCRIBBLES: dict[str, dict[str, Make]] = {
    "choices": {"coil": _coil, "tangle": _tangle, "hatching": _hatching},
    "reporting": {"walk": _walk, "spiral": _spiral, "waves": _waves},
}
_BLANKS: dict[str, dict[str, Make]] = {
    "choices": {"blank": _blank, "dot": _dot, "smudge": _smudge},
    "reporting": {"blank": _blank, "specks": _specks, "dash": _dash},
}


def _through(knots: Points) -> Points:
    """The smooth path through `knots` (N, 2), with rounded corners."""
    return smooth(parse(" ".join(f"{x:.2f},{y:.2f}" for x, y in knots))[0])[0]
