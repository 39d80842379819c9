"""Drawings by glyph templates: a writer model has habits that ten digits share, and writes a template with them."""

from typing import NamedTuple

import numpy as np

from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.synthetic import deform, glyphs_bent, glyphs_round, glyphs_straight
from inkproof.synthetic.deform import Generator, Strokes
from inkproof.synthetic.glyph import GLYPH_TEMPLATES, GlyphTemplate, Path, resample
from inkproof.synthetic.skeleton import authored


class WriterModel(NamedTuple):
    """The habits of one writer. Angles in degrees; lengths as shares of the digit's longer side."""

    slant: float  # the usual one, to the right
    width: float  # how wide the writer writes
    bend: float  # of the whole shape
    rounding: float  # of corners
    drift: float  # of the arm
    tremor: float
    pace: float  # distance between two reported points
    pushes: bool  # a mouse moves in short straight pushes


def any_writer_model(rng: Generator) -> WriterModel:
    """Return a writer model from the whole range between neat and just legible."""
    return WriterModel(
        slant=float(np.clip(rng.normal(4, 9), -20, 22)),
        width=float(rng.uniform(0.75, 1.25)),
        bend=float(rng.uniform(0.01, 0.042)),
        rounding=float(rng.choice([rng.uniform(0, 0.012), rng.uniform(0.01, 0.04)])),
        drift=float(rng.uniform(0, 0.022)),
        tremor=float(rng.choice([0.0, rng.uniform(0, 0.004), rng.uniform(0.003, 0.008)])),
        pace=float(np.exp(rng.uniform(np.log(0.015), np.log(0.09)))),
        pushes=bool(rng.random() < 0.12),
    )


def write(template: GlyphTemplate, writer_model: WriterModel, rng: Generator) -> Strokes:
    """Return the strokes of one digit; the longer side of their box is 1, its corner at the origin."""
    paths = template.write(lambda low, high: float(rng.uniform(low, high)))
    paths = deform.misplace(paths, 0.015, rng)
    if rng.random() < 0.25:
        paths = [deform.overshoot(path, rng.uniform(0.01, 0.07)) for path in paths]
    paths = deform.bend(paths, writer_model.bend, rng)
    left, right = template.lean
    slant = float(np.clip(writer_model.slant + rng.normal(0, 4), left, right))
    # Slant and rotation lean a digit together.
    rotation = float(np.clip(rng.normal(0, 5), max(-12, left - 3 - slant), min(12, right + 3 - slant)))
    stretch = float(np.clip(writer_model.width * np.exp(rng.normal(0, 0.1)), 0.6, 1.4))
    paths = deform.fit(deform.affine(paths, slant, rotation, (stretch, 1)), 1)
    paths = [piece for path in paths for piece in _trace(path, writer_model, rng)]
    return deform.fit(paths, 1)


def _trace(path: Path, writer_model: WriterModel, rng: Generator) -> Strokes:
    """One stroke as the writer really goes it, and as the device reports it."""
    path = resample(path, deform.SPACING)
    if writer_model.pushes:
        path = deform.push(path, rng.uniform(0.06, 0.12), rng)
    path = deform.round_corners(path, writer_model.rounding * rng.uniform(0.6, 1.4))
    path = deform.shake(path, writer_model.drift, 0.35, rng)
    path = deform.shake(path, writer_model.tremor, 0.05, rng)
    pieces = deform.break_up(path, rng.uniform(0.03, 0.09), rng) if rng.random() < 0.05 else [path]
    return [deform.sample(piece, writer_model.pace) for piece in pieces]


SIDE = 220.0
"""The longer side of every drawing in pixels of the canvas; the drawing is in the middle."""

_MODULES = (glyphs_straight, glyphs_bent, glyphs_round)  # imported for what they list


def draw(count: int, seed: int) -> list[Drawing]:
    """Return `count` drawings, the ten digits in turn; the first of them are the same whatever `count` is.

    Ten in a row, one of each digit, are by one writer model. Their writer is `style-<seed>-<number>`. Strokes are
    points [x, y] in pixels of a canvas of 280 x 280.
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
    writer = any_writer_model(np.random.default_rng([seed, block]))
    rng = np.random.default_rng([seed, block, digit])
    templates = GLYPH_TEMPLATES[digit]
    weights = np.array([template.weight for template in templates.values()])
    chosen = list(templates)[rng.choice(len(templates), p=weights / weights.sum())]
    strokes = write(templates[chosen], writer, rng)
    extent = np.max([path.max(axis=0) for path in strokes], axis=0) * SIDE
    corner = (CANVAS_SIDE - extent) / 2
    placed = [np.round(path * SIDE + corner, 2).tolist() for path in strokes]
    return authored(name(number, seed), digit, f"styles/{digit}-{chosen}", placed, f"style-{seed}-{block:05d}")
