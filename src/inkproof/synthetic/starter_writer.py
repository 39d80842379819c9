"""A simple model of a writer: it draws a skeleton on a canvas, never twice the same."""

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.synthetic.deform import box
from inkproof.synthetic.glyph import arc_length, at_lengths, resample
from inkproof.synthetic.skeleton import MARGIN, STEP, PenStroke, Points, parse, smooth

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
    paths = _loosen(parse(notation), writer_model, rng)
    paths = _place(paths, writer_model, rng, height or _choose_height(writer_model, rng, least_height))
    paths = [_shake(_cut_corners(resample(path, 1.0), writer_model.rounding), writer_model, rng) for path in paths]
    paths = _keep_inside(paths)
    return _report(paths, writer_model, rng)


def _loosen(strokes: list[PenStroke], writer_model: WriterModel, rng: random.Random) -> list[Points]:
    """Bend the skeleton, move its control points a little, misplace each new stroke, close loops or not."""
    bend = np.array([[rng.gauss(0, writer_model.warp) for _ in range(5)] for _ in range(2)])
    paths = []
    for number, stroke in enumerate(strokes):
        u, v = stroke.points[:, 0] / 50 - 0.65, stroke.points[:, 1] / 50 - 1
        moved = stroke.points + (bend @ np.stack([u * v, u * u, v * v, u * v * v, v * u * u]) * 0.5).T
        moved += [[rng.gauss(0, writer_model.loose), rng.gauss(0, writer_model.loose)] for _ in moved]
        if number:
            moved += [rng.gauss(0, 1.2 * writer_model.loose), rng.gauss(0, 1.2 * writer_model.loose)]
        path, closing = smooth(PenStroke(moved, stroke.corners, stroke.closes))
        if closing is not None:
            # Most writers pass the start of a loop; some stop just short of it.
            overlap = (len(path) - closing) * STEP
            path = path[: closing + round(rng.triangular(-7.0, overlap, 0.4 * overlap) / STEP)]
        elif rng.random() < 0.3:
            path = _overrun(path, rng.uniform(2, 8))
        paths.append(path)
    return paths


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
