"""The authored drawings: the starter set and the drawings that are no digits, so that there are some offline.

`PYTHONPATH=src python data/drawn/authored.py` writes the drawings in `starter` and `not_digits` beside this file again.
A skeleton is drawn by a random model of a writer, never twice the same. The notation of skeletons is that of
`inkproof.synthetic.skeleton`, 100 units high with y downward. A `~` follows the point that closes a loop. What comes
after it overlaps the start.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE, Drawing, write_drawings
from inkproof.synthetic.deform import box
from inkproof.synthetic.glyph import arc_length, at_lengths, resample
from inkproof.synthetic.skeleton import MARGIN, STEP, PenStroke, Points, authored, parse, smooth

TICK_MS = 1000 / 60  # touch screens and browsers report the pointer about sixty times a second
Strokes = list[list[list[float]]]


@dataclass(frozen=True, slots=True)
class WriterModel:
    """How one kind of writer draws. Lengths are in pixels of the canvas where nothing else is written."""

    name: str
    loose: float  # standard deviation of each control point, in skeleton units
    warp: float  # bend of the whole shape, in skeleton units at its rim
    rounding: float  # how far corners are cut: standard deviation of the smoothing along the path
    wobble: float  # slow drift off the path (some 80 pixels long)
    tremor: float  # quick shake (some 9 pixels long)
    pace: float  # usual distance between two reported points
    slant: tuple[float, float]  # degrees to the right: mean, standard deviation
    angular: bool = False  # a mouse moves in short straight pushes and reports whole pixels


STYLUS = WriterModel("stylus", 0.8, 2.0, 1.5, 1.0, 0.15, 6.0, (7, 5))
FINGER = WriterModel("finger", 1.1, 3.0, 3.0, 1.6, 0.25, 8.0, (4, 6))
THUMB = WriterModel("thumb", 1.4, 4.0, 4.0, 2.2, 0.4, 9.0, (-2, 7))
MOUSE = WriterModel("mouse", 1.6, 3.5, 1.5, 1.6, 0.6, 7.0, (2, 5), angular=True)
HASTY = WriterModel("hasty", 2.0, 5.0, 6.0, 3.0, 0.5, 11.0, (9, 10))


def draw(
    notation: str, writer_model: WriterModel, rng: random.Random, *, least_height: float, height: float | None = None
) -> Strokes:
    """Draw a skeleton once: strokes of [x, y, t], x and y in pixels of the canvas, t in milliseconds.

    The drawing is `height` pixels high. Without it the writer model chooses, no less than `least_height`, at which
    the shape is still legible if a steady writer draws it with a brush of 20 pixels.
    """
    paths = _loosen(notation, writer_model, rng)
    paths = _place(paths, writer_model, rng, height or _choose_height(writer_model, rng, least_height))
    paths = [_shake(_cut_corners(resample(path, 1.0), writer_model.rounding), writer_model, rng) for path in paths]
    paths = _keep_inside(paths)
    return _report(paths, writer_model, rng)


def _loosen(notation: str, writer_model: WriterModel, rng: random.Random) -> list[Points]:
    """Bend the skeleton, move its control points a little, misplace each new stroke, close loops or not."""
    bend = np.array([[rng.gauss(0, writer_model.warp) for _ in range(5)] for _ in range(2)])
    paths = []
    for number, (stroke, closes) in enumerate(parse_with_loops(notation)):
        u, v = stroke.points[:, 0] / 50 - 0.65, stroke.points[:, 1] / 50 - 1
        moved = stroke.points + (bend @ np.stack([u * v, u * u, v * v, u * v * v, v * u * u]) * 0.5).T
        moved += [[rng.gauss(0, writer_model.loose), rng.gauss(0, writer_model.loose)] for _ in moved]
        if number:
            moved += [rng.gauss(0, 1.2 * writer_model.loose), rng.gauss(0, 1.2 * writer_model.loose)]
        path = smooth(PenStroke(moved, stroke.corners))
        if closes is not None:
            # Most writers pass the start of a loop; some stop just short of it.
            loop = len(smooth(PenStroke(moved[: closes + 1], stroke.corners)))
            overlap = (len(path) - loop + 1) * STEP
            path = path[: loop - 1 + round(rng.triangular(-7.0, overlap, 0.4 * overlap) / STEP)]
        elif rng.random() < 0.3:
            path = _overrun(path, rng.uniform(2, 8))
        paths.append(path)
    return paths


def parse_with_loops(notation: str) -> list[tuple[PenStroke, int | None]]:
    """Return the strokes of a skeleton, each with the index of the point that closes a loop; None without a loop."""
    closes = [len(stroke.split("~")[0].split()) - 1 if "~" in stroke else None for stroke in notation.split("|")]
    return list(zip(parse(notation.replace("~", "")), closes, strict=True))


def _overrun(path: Points, length: float) -> Points:
    """Let the pen run on past the end, by `length` skeleton units."""
    ahead = path[-1] - path[max(0, len(path) - 12)]
    ahead /= max(float(np.linalg.norm(ahead)), 1e-6)
    return np.vstack([path, path[-1] + np.outer(np.arange(STEP, length, STEP), ahead)])


def _choose_height(writer_model: WriterModel, rng: random.Random, least: float) -> float:
    """Mostly half to two thirds of the canvas; one drawing in five small, one in five nearly all of it."""
    kind = rng.random()
    if kind < 0.2:
        least *= 1 + writer_model.rounding / 20  # who cuts corners writes larger, or is not legible
        return rng.uniform(least, least + 30)
    return rng.uniform(125, 200) if kind < 0.8 else rng.uniform(200, 250)


def _place(paths: list[Points], writer_model: WriterModel, rng: random.Random, height: float) -> list[Points]:
    """Slant, stretch, scale and move the drawing to where on the canvas this writer put it."""
    turn = math.radians(rng.gauss(0, 2.5))
    shear = math.tan(math.radians(max(-10.0, min(20.0, rng.gauss(*writer_model.slant)))))
    aspect = math.exp(max(-0.15, min(0.3, rng.gauss(0.04, 0.12))))
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = matrix @ np.array([[aspect, -shear], [0.0, 1.0]])
    paths = [path @ matrix.T for path in paths]
    low, extent = box(paths)
    room = CANVAS_SIDE - 2 * MARGIN - 8
    scale = min(height / extent[1], room / max(extent))
    free = np.maximum(CANVAS_SIDE - 2 * MARGIN - extent * scale, 0.0)
    if rng.random() < 0.45:
        share = np.clip([rng.gauss(0.5, 0.1), rng.gauss(0.5, 0.1)], 0, 1)
    else:
        share = np.array([rng.random(), rng.random()])
    return [(path - low) * scale + MARGIN + free * share for path in paths]


def _cut_corners(path: Points, sigma: float) -> Points:
    """Smooth a path sampled every pixel with a Gaussian; its ends stay where they are."""
    reach = min(math.ceil(3 * sigma), len(path) - 1)
    if reach < 1:
        return path
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    # Reflected through the end points, a straight path stays straight and the ends stay put.
    padded = np.vstack([2 * path[0] - path[reach:0:-1], path, 2 * path[-1] - path[-2 : -reach - 2 : -1]])
    return np.column_stack([np.convolve(padded[:, k], kernel, mode="valid") for k in range(2)])


def _drift(count: int, correlation: float, size: float, rng: random.Random) -> NDArray[np.float64]:
    """Smooth noise (count, 2) of standard deviation about `size` that changes over `correlation` points."""
    knots = max(4, math.ceil(count / correlation) + 3)
    at = np.linspace(0, knots - 1, count)
    columns = []
    for _ in range(2):
        values = np.array([rng.gauss(0, size) for _ in range(knots)])
        fraction = at - np.floor(at)
        ease = fraction * fraction * (3 - 2 * fraction)
        low = np.floor(at).astype(int)
        columns.append(values[low] * (1 - ease) + values[np.minimum(low + 1, knots - 1)] * ease)
    return np.column_stack(columns)


def _shake(path: Points, writer_model: WriterModel, rng: random.Random) -> Points:
    """Add what an arm drifts and a finger trembles; a mouse goes in straight pushes instead of curves."""
    wobble = writer_model.wobble * min(1.0, len(path) / 160)  # a short stroke leaves no time to drift
    path = path + _drift(len(path), 80, wobble, rng) + _drift(len(path), 9, writer_model.tremor, rng)
    if not writer_model.angular or len(path) < 30:
        return path
    knots = [0]
    while knots[-1] < len(path) - 1:
        knots.append(min(len(path) - 1, knots[-1] + rng.randint(12, 34)))
    if len(knots) > 2 and knots[-1] - knots[-2] < 8:
        del knots[-2]
    return _cut_corners(resample(path[knots], 1.0), 1.5)


def _keep_inside(paths: list[Points]) -> list[Points]:
    """Shift what wobble moved over the margin back, as a whole where that is enough."""
    points = np.vstack(paths)
    shift = np.maximum(MARGIN - points.min(axis=0), 0) - np.maximum(points.max(axis=0) - (CANVAS_SIDE - MARGIN), 0)
    return [np.clip(path + shift, MARGIN, CANVAS_SIDE - MARGIN) for path in paths]


def _report(paths: list[Points], writer_model: WriterModel, rng: random.Random) -> Strokes:
    """What the device reports: points at even times, so close together where the pen is slow."""
    strokes: Strokes = []
    clock = 0.0
    for path in paths:
        sampled = _sample(resample(path, 1.0), writer_model.pace, rng)
        times = [clock + i * TICK_MS for i in range(len(sampled))]
        clock = times[-1] + rng.uniform(140, 420)
        places = 0 if writer_model.angular else 1
        strokes.append(
            [
                [round(float(x), places), round(float(y), places), round(t)]
                for (x, y), t in zip(sampled, times, strict=True)
            ]
        )
    return strokes


def _sample(path: Points, pace: float, rng: random.Random) -> Points:
    """Points 3 to 12 pixels apart, closer in curves and at the ends, where a writer is slow.

    Speed goes with curvature to the power of -1/3 (the two-thirds power law; Lacquaniti et al., 1983).
    """
    length = arc_length(path)
    if length[-1] < 6:
        return path[[0, -1]]
    lag = min(5, len(path) // 3)
    before, after = path[lag:-lag] - path[: -2 * lag], path[2 * lag :] - path[lag:-lag]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turning = np.abs(np.arctan2(cross, (before * after).sum(axis=1))) / lag
    curvature = np.pad(turning, lag, mode="edge") + 0.004
    step = pace * rng.uniform(0.8, 1.2) * (curvature / 0.02) ** (-1 / 3)
    ends = np.minimum(length, length[-1] - length)
    step = np.clip(step * np.clip(0.45 + ends / 40, 0, 1), 3.0, 12.0)
    ticks = np.concatenate([[0.0], np.cumsum(np.diff(length) / step[1:])])
    count = max(2, math.ceil(ticks[-1]) + 1)
    return at_lengths(path, np.interp(np.linspace(0, ticks[-1], count), ticks, length))


LEAST_HEIGHT: dict[int, float] = {0: 95, 1: 90, 2: 90, 3: 90, 4: 108, 5: 92, 6: 100, 7: 95, 8: 105, 9: 100}
"""The least height in pixels at which a digit is still legible when drawn with a brush of 20 pixels."""

DIGITS: dict[int, dict[str, str]] = {
    0: {
        "plain": "36,2 15,13 3,46 10,83 32,99 54,85 62,50 54,16 36,2 ~ 24,4 14,14",
        "clockwise": "28,2 50,11 62,46 55,83 32,99 9,85 2,50 10,16 28,2 ~ 40,4 50,11",
        "slashed": "38,2 15,12 2,46 9,84 33,99 57,86 66,50 57,14 38,2 ~ 28,4 | 74,-4 -8,106",
        "narrow": "24,1 9,12 2,48 7,86 21,99 35,88 41,50 36,14 24,1 ~ 16,5",
        "open": "22,7 7,26 2,56 10,87 32,99 55,86 63,52 57,24 44,4",
        "circle": "50,2 20,11 3,40 8,72 32,95 64,95 90,72 94,40 76,11 50,2 ~ 36,4",
        "looped": "34,4 14,15 3,48 10,84 32,99 55,84 61,48 52,16 37,3 26,7 33,16 50,12 68,0",
    },
    1: {
        "plain": "30,0 31,50 30,100",
        "slanted": "32,0 22,50 11,100",
        "flagged": "10,32 24,19 36,1! 36,50 35,100",
        "short-flag": "19,21 34,0! 34,50 33,100",
        "footed": "11,30 23,18 33,2! 33,50 33,98 | 4,99 32,98 62,98",
        "long-flag": "4,40 22,24 40,0! 37,50 33,100",
        "one-stroke-foot": "12,28 23,16 32,2! 32,50 32,98! 8,98! 58,97",
    },
    2: {
        "plain": "4,25 12,7 32,0 53,8 59,28 48,52 26,76 3,98! 34,97 64,97",
        "looped": "6,23 15,5 36,0 56,9 59,31 45,58 25,83 9,94 0,87 6,77 22,81 42,95 68,92",
        "swan": "7,27 12,8 32,0 53,8 57,30 42,58 22,81 5,98! 22,90 42,96 65,90",
        "curled-start": "20,27 8,29 5,14 18,2 40,0 56,12 55,34 38,62 4,98! 34,98 63,95",
        "angular": "4,20 20,2 44,2 55,18 46,42 2,98! 32,97 60,97",
        "rocking": "2,20 14,4 36,0 52,12 50,36 32,64 8,90 12,98 36,94 64,98",
    },
    3: {
        "round": "5,14 22,1 45,4 54,21 45,39 22,47! 48,52 61,72 49,94 24,100 2,88",
        "looped": "7,13 24,1 47,5 53,24 38,43 20,50 14,44 24,42 48,50 60,72 48,95 23,100 2,89",
        "flat-top": "5,4 30,3 57,3! 42,20 26,40! 48,46 61,67 50,93 24,100 1,88",
        "soft": "6,11 28,0 51,9 50,32 31,46 51,55 60,76 45,97 20,99 1,87",
        "hooked": "8,22 8,10 24,0 48,5 55,22 45,40 25,46! 50,53 61,74 46,96 20,99 3,90 3,80",
        "small-top": "14,10 29,1 45,7 47,23 37,35 23,40! 50,46 63,70 50,94 24,100 1,90",
    },
    4: {
        "open": "14,3 9,30 3,58! 32,57 64,56 | 47,12 46,56 44,100",
        "open-angled": "22,2 14,30 2,62! 34,62 66,60 | 54,32 50,66 46,100",
        "closed": "46,2 24,34 2,66! 34,66 67,65 | 47,1 47,50 46,100",
        "one-stroke": "66,65 34,66 2,67! 24,34 48,1! 48,50 47,100",
        "looped-corner": "46,2 24,32 3,58 2,66 14,65 40,62 73,59 | 53,22 51,60 46,100",
        "tailed": "44,2 22,34 2,60! 36,60 72,58 | 50,26 50,60 47,86 34,99",
        "open-u": "8,5 5,26 8,44 24,52 52,47 | 54,4 52,50 49,100",
    },
    5: {
        "one-stroke": "58,3 34,3 13,4! 10,24 8,45! 26,37 49,42 60,66 49,92 24,100 2,90",
        "two-strokes": "13,5 11,25 9,46! 28,38 51,44 60,68 48,94 22,100 2,89 | 13,4 36,4 62,2",
        "hat-apart": "12,10 10,28 8,47! 28,40 52,47 59,70 46,95 20,100 2,91 | 18,4 40,2 66,1",
        "angular": "56,2 32,2 12,2! 10,22 8,42! 28,40 50,44! 57,62 52,88! 30,99 4,96",
        "flowing": "59,3 36,3 14,5! 10,26 12,41 22,42 42,46 58,63 53,87 28,100 3,92",
        "big-belly": "50,2 32,3 17,3! 14,18 11,36! 36,31 60,46 65,70 49,95 22,100 0,87",
    },
    6: {
        "curly": "54,8 40,1 20,14 5,48 6,82 26,100 50,92 58,70 44,54 23,58 8,76",
        "straight": "44,0 26,30 8,64 9,89 28,100 50,92 57,73 44,57 23,60 8,77",
        "spiral": "50,4 30,8 10,36 3,68 14,94 38,99 58,84 56,62 38,54 22,63 21,77",
        "upright": "26,0 12,28 4,60 8,88 28,100 50,91 56,72 42,56 20,60 6,77",
        "low-loop": "42,0 21,26 5,60 5,87 24,100 47,95 54,78 41,64 21,69 8,84",
        "open-loop": "50,2 28,16 8,50 6,80 24,99 48,95 58,75 48,58 30,58 20,64",
    },
    7: {
        "plain": "2,4 30,4 61,4! 44,46 26,100",
        "crossed": "2,5 30,4 62,4! 44,46 26,100 | 14,53 36,51 60,49",
        "hooked": "2,17 3,4! 32,5 66,4! 46,46 28,100",
        "curved": "2,6 28,7 61,4! 44,30 30,62 22,100",
        "hooked-crossed": "4,20 6,4! 34,5 64,3! 47,44 30,100 | 18,54 40,51 62,50",
        "wavy": "0,13 10,4 29,7 48,8 67,2! 49,40 35,68 28,100",
    },
    8: {
        "figure": "52,17 36,2 14,8 10,28 31,47 56,68 51,92 29,100 7,90 8,68 32,46 51,29 52,17 ~ 47,8 40,3",
        "from-middle": "32,48 13,31 16,8 34,1 51,10 49,31 32,48 8,67 8,90 31,100 55,89 54,66 32,48 ~ 24,41",
        "two-circles": (
            "33,2 15,8 11,26 22,43 42,43 53,26 49,8 33,2 ~ 24,4 | 32,46 9,56 3,76 16,96 46,97 60,78 53,55 32,46 ~ 20,49"
        ),
        "open": "55,15 38,1 15,7 11,27 31,46 55,67 51,92 28,100 7,89 9,68 32,46 50,31 57,24",
        "small-top": "47,14 33,2 17,9 16,26 33,41 60,64 56,92 30,100 4,90 4,65 32,41 48,26 47,14 ~ 40,5",
        "crossed-lines": "53,12 34,1 13,9 15,22 32,47 54,78 52,92 30,99 8,92 7,79 32,47 51,24 53,12 ~ 45,4",
    },
    9: {
        "straight-leg": "54,14 38,1 14,6 3,27 13,47 34,49 50,33 56,6! 55,50 52,100",
        "curled-leg": "56,16 40,1 16,5 4,26 14,47 36,48 52,32 57,7! 59,50 53,86 32,100 8,91",
        "looped": "57,22 45,4 22,1 5,18 8,42 28,52 48,41 57,20 57,50 47,80 26,100",
        "slanted-leg": "52,12 36,0 14,8 6,28 16,45 36,44 51,28 57,8! 46,52 32,100",
        "two-strokes": "38,2 14,7 3,27 13,48 36,50 53,34 55,12 38,2 ~ 28,3 | 56,2 56,50 55,100",
        "hooked-leg": "55,14 40,1 16,5 3,26 12,46 34,48 50,34 56,8! 57,48 56,84 44,98 33,90",
    },
}


def beside(left: str, right: str, gap: float = 24.0) -> str:
    """The notation of two skeletons next to each other, `gap` units apart."""
    start = max(_numbers(left)) + gap - min(_numbers(right))
    return f"{left} | " + " ".join(_shifted(token, start) for token in right.split())


def _numbers(notation: str) -> list[float]:
    return [float(token.split(",")[0]) for token in notation.split() if "," in token]


def _shifted(token: str, by: float) -> str:
    x, comma, rest = token.partition(",")
    return f"{float(x) + by:g},{rest}" if comma else token


NOT_DIGITS: dict[str, str] = {
    "letter-a": "32,0 18,50 2,100 | 33,0 46,50 60,100 | 11,63 30,61 52,62",
    "letter-b": "6,2 7,50 6,99 | 4,3 40,3 48,22 38,42 8,48! 46,52 58,72 46,95 4,99",
    "letter-e": "54,3 30,3 6,2! 7,50 6,98! 30,98 56,96 | 7,50 44,49",
    "letter-f": "56,2 30,3 6,3! 7,50 7,100 | 7,48 42,46",
    "letter-h": "6,0 7,50 6,100 | 54,0 55,50 54,100 | 7,51 54,49",
    "letter-k": "6,0 7,50 6,100 | 54,2 32,30 8,54! 30,74 58,100",
    "letter-m": "2,100 6,50 12,2! 26,40 40,72! 54,36 68,2! 72,50 78,100",
    "letter-n": "6,100 6,50 7,2! 30,50 56,98! 57,50 58,0",
    "letter-r": "6,3 7,50 6,100 | 4,4 38,2 50,18 42,40 8,50! 30,74 56,100",
    "letter-t": "0,4 34,3 68,3 | 34,3 35,50 34,100",
    "letter-w": "0,2 10,50 18,98! 28,60 38,24! 48,60 58,98! 68,50 80,0",
    "letter-x": "4,2 32,50 60,100 | 60,0 30,50 2,98",
    "plus": "0,50 50,50 100,49 | 50,2 51,50 50,100",
    "check": "0,58 14,74 28,98! 54,50 92,0",
    "question": "4,26 10,6 34,0 56,12 52,34 34,50 31,72 | 31,96 33,100",
    "hash": "32,0 28,50 22,100 | 68,0 64,50 58,100 | 4,34 46,32 92,33 | 0,68 44,67 88,66",
    "star": "20,100 34,50 50,0! 64,50 82,98! 40,66 2,36! 50,37 100,36! 60,66 20,100",
    "heart": "50,28 38,6 16,4 2,24 12,54 50,98! 88,54 98,24 84,4 62,6 50,28",
    "arrow": "0,50 50,52 110,50 | 78,22 96,36 112,50! 96,64 80,80",
    "triangle": "50,0 26,46 0,92! 50,93 102,92! 76,46 50,0",
    "smiley": ("50,0 14,14 0,50 14,86 50,100 86,86 100,50 86,14 50,0 | 32,32 33,38 | 66,31 67,38 | 26,62 50,78 74,60"),
    "zigzag": "0,20 30,2! 12,40 4,54! 60,8! 20,70! 92,16! 40,88! 110,40! 72,98! 116,70",
    "tangle": "4,70 20,8 44,60 10,96 70,30 110,4 60,56 120,90 84,10 30,34 96,70 40,100 52,4 118,44 2,40 74,9",
    "spiral": "60,54 54,46 44,54 54,70 76,62 76,34 48,22 20,44 28,88 74,96 106,60 92,10 44,-6 4,30",
    "wave": "0,30 12,4 26,30 38,56 52,30 64,4 78,30 90,56 104,30 116,4 130,30 142,56",
    "dot": "0,0 2,3 3,5",
    "two-digits-12": beside(DIGITS[1]["flagged"], DIGITS[2]["plain"]),
    "two-digits-47": beside(DIGITS[4]["open"], DIGITS[7]["plain"]),
    "two-digits-35": beside(DIGITS[3]["round"], DIGITS[5]["one-stroke"]),
    "two-digits-80": beside(DIGITS[8]["figure"], DIGITS[0]["plain"]),
}

PER_DIGIT = 27
# One in thirteen is hasty: sloppy, still legible.
WRITER_MODELS = (FINGER, STYLUS, MOUSE, THUMB, FINGER, HASTY, STYLUS, FINGER, MOUSE, THUMB, STYLUS, FINGER, MOUSE)


def starter_drawings() -> Iterator[Drawing]:
    """The starter set, digit by digit, `PER_DIGIT` each; always the same drawings in the same order."""
    for digit, skeletons in DIGITS.items():
        names = list(skeletons)
        for number in range(PER_DIGIT):
            style = names[number % len(names)]
            writer_model = WRITER_MODELS[(number + digit * 3) % len(WRITER_MODELS)]
            name = f"starter-{digit}-{style}-{writer_model.name}-{number // len(names) + 1}"
            # A generator for each drawing alone: fixing a skeleton leaves the other drawings as they are.
            strokes = draw(skeletons[style], writer_model, random.Random(name), least_height=LEAST_HEIGHT[digit])
            yield authored(name, digit, f"authored/{digit}-{style}", strokes)


def not_digit_drawings() -> Iterator[Drawing]:
    """Letters, signs, scribbles, a dot and pairs of digits, one drawing of each, labeled None."""
    for number, (shape, skeleton) in enumerate(NOT_DIGITS.items()):
        writer_model = WRITER_MODELS[number % len(WRITER_MODELS)]
        name = f"not-digit-{shape}-{writer_model.name}"
        height = 6.0 if shape == "dot" else None
        strokes = draw(skeleton, writer_model, random.Random(name), least_height=110, height=height)
        yield authored(name, None, f"authored/not-digit-{shape}", strokes)


if __name__ == "__main__":
    for folder, drawings in (("starter", starter_drawings()), ("not_digits", not_digit_drawings())):
        write_drawings(Path(__file__).parent / folder, drawings)
        print(f"wrote data/drawn/{folder}/drawings.jsonl")
