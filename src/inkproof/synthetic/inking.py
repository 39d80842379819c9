"""Ink by many tools: strokes and digits as the share of each pixel that ink covers."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkproof.synthetic import deform
from inkproof.synthetic.deform import log_uniform
from inkproof.synthetic.glyph import resample

SIDE = 140  # pixels a side of a page: half of a canvas's
Ink = NDArray[np.floating[Any]]
Generator = np.random.Generator

# The pen presses harder and less hard along a stroke, with a bump about every so many of its widths.
_PRESSURE = 6
# What a mouse draws straight: corners are at least so far apart, in shares of the longer side, and a line this near to
# upright or level, in degrees, is brought there.
_CORNER, _LEVEL = 0.13, 20


def inked(strokes: deform.Strokes, rng: Generator, straight: float = 0.14, pixels: float = 0.22) -> Ink:
    """Draw strokes at some place and size by some tool: pen, brush, marker, or the pixels of a small image.

    Args:
        strokes: paths (N, 2), in whatever units.
        rng: decides all else.
        straight: share of the drawings of which all lines are straight and most are level or upright.
        pixels: share drawn on a small image without antialiasing, which is enlarged.

    Returns:
        float32 (140, 140), 0 to 1. At most half of a stroke's width lies outside.
    """
    paths = [path for path in strokes if len(path)]
    if not paths:
        return np.zeros((SIDE, SIDE), np.float32)
    paths = deform.fit(paths, 1.0)
    if rng.random() < straight:
        paths = [straightened(path) for path in paths]
    else:
        paths = deform.bend(paths, rng.uniform(0, 0.03), rng)
        stretch = float(np.exp(rng.uniform(-0.3, 0.3)))
        paths = deform.affine(paths, rng.uniform(-18, 18), rng.normal(0, 8), (stretch, 1.0))
    if rng.random() < pixels:
        return _in_pixels(paths, rng)
    share = log_uniform(0.02, 0.2, rng) if rng.random() < 0.85 else rng.uniform(0.15, 0.38)  # of the longer side
    side = SIDE * (log_uniform(0.15, 1.0, rng) if rng.random() < 0.6 else rng.uniform(0.4, 0.9))
    width = max(share * side, rng.uniform(0.7, 1.5))
    cut = rng.random() < 0.12
    placed = _placed(
        paths, min(side, SIDE) if cut else min(side, SIDE - width - 2), 0 if cut else width / 2 + 1, SIDE, rng
    )
    return _drawn(placed, width, rng.random() < 0.3, rng)


def straightened(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a path in a unit box as straight lines between few corners, nearly level or upright ones made so."""
    corners = _corners(path, _CORNER * 0.6)
    points = [corners[0]]
    for start, end in pairwise(corners):
        right, down = end - start
        angle = np.degrees(np.arctan2(abs(down), abs(right)))
        step = (
            np.array([right, 0.0]) if angle < _LEVEL else np.array([0.0, down]) if angle > 90 - _LEVEL else end - start
        )
        points.append(points[-1] + step)
    return np.array(points)


def _corners(path: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """The fewest points of `path` from whose lines no other is farther than `tolerance` (Douglas and Peucker, 1973)."""
    if len(path) < 3:
        return path
    start, end = path[0], path[-1]
    along = end - start
    length = float(np.hypot(*along))
    off = path - start
    away = np.abs(off[:, 0] * along[1] - off[:, 1] * along[0]) / length if length > 1e-6 else np.hypot(*off.T)
    farthest = int(away.argmax())
    if away[farthest] <= tolerance:
        return path[[0, -1]]
    first, second = _corners(path[: farthest + 1], tolerance), _corners(path[farthest:], tolerance)
    return np.concatenate([first[:-1], second])


def _in_pixels(paths: deform.Strokes, rng: Generator) -> Ink:
    """Draw on a small image, 28 x 28 most often, in hard pixels, and enlarge it by blocks."""
    small = 28 if rng.random() < 0.6 else int(log_uniform(16, 70, rng))
    pencil = 1 if rng.random() < 0.5 else int(rng.integers(1, max(2, small // 9) + 1))
    room = small - pencil + 0.99
    image = Image.new("L", (small, small))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.25:  # as sets of small scans have them: stretched to fill the image
        paths = deform.affine(paths, 0.0, 0.0, tuple(1 / np.maximum(deform.box(paths)[1], 0.25)))
        side = room
    else:
        side = room * rng.uniform(0.35, 1.0)
    for path in _placed(paths, side, 0.0, room, rng):
        points = [(int(x), int(y)) for x, y in path]
        for down, right in np.ndindex(pencil, pencil):
            moved = [(x + right, y + down) for x, y in points]
            if len(moved) > 1:
                draw.line(moved, fill=255)
            draw.point(moved, fill=255)
    large = image.resize((5 * SIDE, 5 * SIDE), Image.Resampling.NEAREST)
    return np.asarray(large.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255


def digit_inked(digit: NDArray[np.uint8], rng: Generator) -> Ink:
    """Enlarge a digit uint8 (28, 28), white on black, smooth or in blocks, at some place: float32 (140, 140)."""
    if rng.random() < 0.35:  # as it is
        box = np.asarray(Image.fromarray(digit).resize((SIDE, SIDE), Image.Resampling.NEAREST), np.float32)
        return box / 255
    turned = Image.fromarray(np.pad(digit, 4)).rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR)
    large = int(log_uniform(30, 170, rng))
    levels = np.asarray(turned.resize((large, large), Image.Resampling.BICUBIC), np.float32) / 255
    if rng.random() < 0.6:  # with the narrow edge that a pen leaves
        levels = np.clip((levels - rng.uniform(0.3, 0.6)) * rng.uniform(2, 8) + 0.5, 0, 1)
    # Cut to the ink, which has to fit.
    ys, xs = np.nonzero(levels > 0.05)
    if not len(ys):
        return np.zeros((SIDE, SIDE), np.float32)
    levels = levels[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1][:SIDE, :SIDE]
    out = np.zeros((SIDE, SIDE), np.float32)
    y, x = (int(rng.integers(0, SIDE - side + 1)) for side in levels.shape)
    out[y : y + levels.shape[0], x : x + levels.shape[1]] = levels
    return np.clip(out, 0, 1)


def _placed(paths: deform.Strokes, side: float, margin: float, whole: float, rng: Generator) -> deform.Strokes:
    """`paths` with a longer side of `side`, anywhere within the square of `whole` less `margin` on each side."""
    fitted = deform.fit(paths, max(side, 1.0))
    _, extent = deform.box(fitted)
    corner = margin + rng.uniform(0, 1, 2) * np.maximum(whole - 2 * margin - extent, 0)
    return [path + corner for path in fitted]


def _drawn(paths: deform.Strokes, width: float, pressed: bool, rng: Generator) -> Ink:
    """Draw with a round tip of `width` pixels, the same everywhere or `pressed` more and less."""
    image = Image.new("L", (2 * SIDE, 2 * SIDE))
    draw = ImageDraw.Draw(image)
    flat = rng.uniform(0.4, 1.0) if pressed and rng.random() < 0.3 else 1.0  # a broad nib is lower than wide
    for path in paths:
        if not pressed:
            _line(draw, path, np.full(len(path), width))
            continue
        if len(path) > 1:
            path = resample(path, max(0.5, width / 4))
        knots = np.clip(1 + 0.35 * rng.standard_normal(2 + int(len(path) / (4 * _PRESSURE))), 0.4, 1.8)
        widths = width * np.interp(np.linspace(0, len(knots) - 1, len(path)), np.arange(len(knots)), knots)
        if flat < 1:
            for (x, y), radius in zip(2 * path, widths, strict=True):
                draw.ellipse([x - radius, y - radius * flat, x + radius, y + radius * flat], fill=255)
        else:
            _line(draw, path, widths)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255


def _line(draw: ImageDraw.ImageDraw, path: NDArray[np.float64], widths: NDArray[np.float64]) -> None:
    points = 2 * path
    for (start, end), width in zip(pairwise(points), widths[1:], strict=True):
        draw.line([tuple(start), tuple(end)], fill=255, width=max(1, round(2 * width)))
    for (x, y), radius in zip(points, widths, strict=True):
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
