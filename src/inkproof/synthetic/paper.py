"""Pages on which ink lies: paper, lines, frames, tables, shadows and the camera, around ink of which the mask is known.

A page is made of layers, each a function of the levels so far. Light ink on a dark ground is a page turned over.
"""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from inkproof.synthetic.deform import log_uniform

Levels = NDArray[np.floating[Any]]
Generator = np.random.Generator


class Page(NamedTuple):
    """A page and its ink.

    Attributes:
        image: uint8 (S, S), as a camera, scanner or screen shows it.
        ink: float32 (S, S), the share of each pixel that ink covers, 0 to 1.
    """

    image: NDArray[np.uint8]
    ink: Levels


Layer = Callable[[Levels, Generator], Levels]


def _surface(side: int, spacing: float, rng: Generator) -> Levels:
    """Smooth noise of standard deviation about 1, with a bump every `spacing` pixels."""
    count = max(2, int(side / spacing) + 2)
    noise = Image.fromarray(rng.standard_normal((count, count), np.float32))
    return np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC))


def _coordinates(side: int) -> tuple[Levels, Levels]:
    """Row and column of each pixel, -0.5 to 0.5, as (S, 1) and (1, S)."""
    at = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    return at[:, None], at[None, :]


def _distance(side: int, rng: Generator, reach: float = 0.35) -> Levels:
    """Signed distance, in sides, of each pixel from a straight line of any direction through the middle part."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = _coordinates(side)
    down, right = rng.uniform(-reach, reach, 2)
    return ((x - right) * np.cos(angle) + (y - down) * np.sin(angle)).astype(np.float32)


def gradient(ground: Levels, rng: Generator) -> Levels:
    """Let the light fall off evenly in one direction."""
    return ground + rng.uniform(10, 90) * _distance(len(ground), rng)


def vignette(ground: Levels, rng: Generator) -> Levels:
    """Darken the corners, or seldom the middle, as a lens, a lamp or a bent page does."""
    y, x = _coordinates(len(ground))
    down, right = rng.uniform(-0.25, 0.25, 2)
    strength = rng.uniform(20, 200) * (1 if rng.random() < 0.8 else -0.4)
    return ground - strength * ((y - down) ** 2 + (x - right) ** 2)


def grain(ground: Levels, rng: Generator) -> Levels:
    """Give the paper a texture, fine as fibers or coarse as a crumpled page."""
    return ground + rng.uniform(1, 8) * _surface(len(ground), log_uniform(1.5, 40, rng), rng)


def soft_shadow(ground: Levels, rng: Generator) -> Levels:
    """Lay the shadow of a hand, a phone or an edge over a part, with a soft or a hard rim."""
    share = 1 / (1 + np.exp(np.clip(-_distance(len(ground), rng) * log_uniform(6, 300, rng), -40, 40)))
    if rng.random() < 0.3:  # the shadow of something narrow
        share *= 1 / (1 + np.exp(np.clip(_distance(len(ground), rng) * log_uniform(6, 300, rng), -40, 40)))
    return ground * (1 - rng.uniform(0.1, 0.65) * share)


def crease(ground: Levels, rng: Generator) -> Levels:
    """Fold the paper: a dark or light line with a rim, and one side a little darker."""
    away = _distance(len(ground), rng)
    width = rng.uniform(0.6, 3) / len(ground)
    return ground + rng.uniform(-60, 50) * np.exp(-((away / width) ** 2)) + rng.uniform(-12, 12) * (away > 0)


def ruled(ground: Levels, rng: Generator) -> Levels:
    """Print lines, squares or dots at an even distance, a little off the square."""
    side = len(ground)
    pitch, width, tilt = rng.uniform(7, 45), log_uniform(0.5, 2.2, rng), rng.normal(0, 0.02)
    level = rng.uniform(10, 140)
    y, x = (np.arange(side, dtype=np.float32)[:, None], np.arange(side, dtype=np.float32)[None, :])

    def lines(at: Levels) -> Levels:
        away = np.abs((at + pitch / 2) % pitch - pitch / 2)
        return np.clip(width / 2 + 0.5 - away, 0, min(1.0, width))

    down = lines(y + tilt * x + rng.uniform(0, pitch))
    across = lines(x - tilt * y + rng.uniform(0, pitch))
    kind = rng.random()
    if kind < 0.45:
        printed = down
    elif kind < 0.55:
        printed = across
    elif kind < 0.9:
        printed = np.maximum(down, across)
    else:
        printed = np.minimum(down, across)  # dots where lines would cross
    return ground - level * printed


def single_line(ground: Levels, rng: Generator) -> Levels:
    """Print one line or two from edge to edge: a margin, or a line to write on."""
    side = len(ground)
    away = np.abs(np.arange(side, dtype=np.float32) - rng.uniform(0.04, 0.96) * side)
    if rng.random() < 0.2:
        away = np.minimum(away, np.abs(away - rng.uniform(2.5, 8)))
    printed = np.clip(log_uniform(0.7, 5, rng) / 2 + 0.5 - away, 0, 1)
    along = np.ones(side, np.float32)
    if rng.random() < 0.2:  # dashes or dots
        period = rng.uniform(3, 14)
        along = ((np.arange(side) % period) < period * rng.uniform(0.3, 0.7)).astype(np.float32)
    lines = printed[:, None] * along if rng.random() < 0.6 else printed * along[:, None]
    return ground - rng.uniform(20, 150) * lines


def specks(ground: Levels, rng: Generator) -> Levels:
    """Scatter dust, crumbs and holes, each far smaller than a digit."""
    side = len(ground)
    image = Image.new("L", (2 * side, 2 * side))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 9)):
        y, x = rng.uniform(0, 2 * side, 2)
        tall, wide = np.exp(rng.uniform(np.log(0.6), np.log(4), 2))
        draw.ellipse([x - wide, y - tall, x + wide, y + tall], fill=255)
    return ground - rng.uniform(-40, 150) * _halved(image)


# Layers of the ground, and the share of pages that have each.
_GROUNDS: tuple[tuple[float, Layer], ...] = (
    (0.60, gradient),
    (0.30, vignette),
    (0.55, grain),
    (0.25, ruled),
    (0.16, single_line),
    (0.18, soft_shadow),
    (0.10, crease),
    (0.08, specks),
)


def page(ink: Levels, rng: Generator, others: Callable[[], Levels] | None = None) -> Page:
    """Lay `ink` on a page.

    Args:
        ink: float32 (S, S), share of each pixel that ink covers.
        rng: decides the page. Half of them are plain, as drawing programs leave them.
        others: makes ink of the same shape, which shows through from the back of some pages. None for none.

    Returns:
        The page, of which the part with the ink may be cut out and enlarged. Its ink is moved as the page is, and
        nothing of it is lost.
    """
    plain = rng.random() < 0.45
    side = len(ink)
    ground = np.full((side, side), rng.uniform(110, 255) if rng.random() < 0.6 else rng.uniform(235, 255), np.float32)
    if plain:
        if rng.random() < 0.08:
            ground = (ruled if rng.random() < 0.5 else single_line)(ground, rng)
    else:
        for share, layer in _GROUNDS:
            if rng.random() < share:
                ground = layer(ground, rng)
        if others is not None and rng.random() < 0.14:
            back = ndimage.gaussian_filter(np.flip(others(), 1), rng.uniform(0.4, 2.2))
            ground = ground * (1 - rng.uniform(0.05, 0.35) * back)
    levels = _with_ink(np.maximum(ground, 0), ink, plain, rng)
    if rng.random() < 0.27:
        levels = _framed(levels, ink, rng)
    if rng.random() < (0.1 if plain else 0.25):
        levels = _on_a_table(levels, ink, rng)
    levels = _photographed(levels, plain, rng)
    if rng.random() < 0.33:
        levels = 255 - levels
    if rng.random() < 0.25:
        levels, ink = _cut_out(levels, ink, rng)
    return Page(np.rint(np.clip(levels, 0, 255)).astype(np.uint8), ink)


def _with_ink(ground: Levels, ink: Levels, plain: bool, rng: Generator) -> Levels:
    """Draw the ink by a tool: even as ink or a screen's, streaky as chalk and pencil, faint as a hard pencil."""
    strength = rng.uniform(0.4, 1.0) if rng.random() < 0.75 else rng.uniform(0.15, 0.5)
    if plain:
        strength = max(strength, 0.25) if rng.random() < 0.4 else 1.0
    elif rng.random() < 0.4:  # lighter and darker along the stroke, down to gaps between the grains of the paper
        texture = 1 + rng.uniform(0.1, 0.5) * _surface(len(ink), log_uniform(1.2, 10, rng), rng)
        strength = strength * np.clip(texture, 0.15, 1.2)
    return ground * (1 - np.clip(ink * strength, 0, 1))


def _framed(levels: Levels, ink: Levels, rng: Generator) -> Levels:
    """Draw a frame, or some of its sides, along the image's edge or inset: a canvas's border, a form's box."""
    side = len(levels)
    inset = 0.0 if rng.random() < 0.35 else rng.uniform(0, 0.16 * side)
    corners = inset + rng.uniform(-2.5, 2.5, 4) * (inset > 3) * (rng.random() < 0.6)
    left, top, right, bottom = 2 * corners[0], 2 * corners[1], 2 * (side - 1 - corners[2]), 2 * (side - 1 - corners[3])
    image = Image.new("L", (2 * side, 2 * side))
    draw = ImageDraw.Draw(image)
    width = max(1, round(2 * log_uniform(0.5, 6, rng)))
    if rng.random() < 0.15 and right - left > 40:
        draw.rounded_rectangle([left, top, right, bottom], rng.uniform(4, 40), outline=255, width=width)
    else:
        edges = [(left, top, right, top), (right, top, right, bottom), (right, bottom, left, bottom)]
        edges.append((left, bottom, left, top))
        count = 4 if rng.random() < 0.7 else int(rng.integers(1, 4))
        for edge in rng.permutation(4)[:count]:
            start = edges[edge]
            draw.line([start[:2], start[2:]], fill=255, width=width)
    frame = _halved(image) * (1 - ink)
    level = rng.uniform(0, 170) if rng.random() < 0.85 else rng.uniform(170, 255)
    return levels * (1 - frame) + level * frame


def _on_a_table(levels: Levels, ink: Levels, rng: Generator) -> Levels:
    """Let the paper end inside the image, on one side or on all: a table, a dark strip of a scan, a window's ground."""
    side = len(levels)
    rows, columns = (np.flatnonzero((ink > 0.1).any(axis=axis)) for axis in (1, 0))
    top, bottom = (int(rows[0]), int(rows[-1])) if len(rows) else (side // 3, 2 * side // 3)
    left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (side // 3, 2 * side // 3)
    ends = [rng.uniform(0, max(1, left - 2)), rng.uniform(0, max(1, top - 2))]
    ends += [rng.uniform(min(side - 1, right + 2), side), rng.uniform(min(side - 1, bottom + 2), side)]
    if rng.random() < 0.5:
        kept = rng.permutation(4)[: rng.integers(1, 4)]
        ends = [end if number in kept else (-9, -9, side + 9, side + 9)[number] for number, end in enumerate(ends)]
    slack = 0.0 if rng.random() < 0.4 else rng.uniform(0, 5)
    off = rng.uniform(-slack, slack, 8)
    image = Image.new("L", (2 * side, 2 * side), 255)
    corners = [(0, 1), (2, 1), (2, 3), (0, 3)]
    shape = [(2 * (ends[x] + off[2 * n]), 2 * (ends[y] + off[2 * n + 1])) for n, (x, y) in enumerate(corners)]
    ImageDraw.Draw(image).polygon(shape, fill=0)
    beyond = _halved(image) * (ink < 0.02)
    level = rng.uniform(0, 150) if rng.random() < 0.75 else rng.uniform(150, 255)
    table = level + rng.uniform(0, 14) * (rng.random() < 0.7) * _surface(side, log_uniform(1.5, 40, rng), rng)
    if rng.random() < 0.3:  # the paper's own shadow on the table
        reach = rng.uniform(1, 6)
        table = table - rng.uniform(10, 80) * ndimage.gaussian_filter(1 - beyond, reach)
    return levels * (1 - beyond) + table * beyond


def _photographed(levels: Levels, plain: bool, rng: Generator) -> Levels:
    """Blur, noise and JPEG, by which a camera, a scanner or a screenshot changes what it sees."""
    side = len(levels)
    if rng.random() < (0.15 if plain else 0.55):
        levels = ndimage.gaussian_filter(levels, log_uniform(0.3, 1.8, rng))
    if not plain and rng.random() < 0.7:
        deviation = rng.uniform(1, 14) if rng.random() < 0.92 else rng.uniform(14, 60)
        levels = levels + deviation * rng.standard_normal(levels.shape, np.float32)
    if rng.random() < 0.15:  # a small image, enlarged
        small = int(log_uniform(24, side, rng))
        method = Image.Resampling(rng.choice([0, 2, 3]))
        image = Image.fromarray(levels).resize((small, small), Image.Resampling.BOX)
        levels = np.asarray(image.resize((side, side), method))
    if rng.random() < 0.3:
        file = io.BytesIO()
        image = Image.fromarray(np.rint(np.clip(levels, 0, 255)).astype(np.uint8))
        image.save(file, "JPEG", quality=int(rng.integers(15, 95)))
        levels = np.asarray(Image.open(file), np.float32)
    return levels


def _cut_out(levels: Levels, ink: Levels, rng: Generator) -> tuple[Levels, Levels]:
    """Cut the ink out of the page, close to it or not, and bring the cut to a square as `preprocessing.canvas` does.

    Some cuts are small images, whose pixels become blocks. Where the cut's rim would be ink, nothing is cut.
    """
    side = len(levels)
    window = tuple(
        slice(0, side) if rng.random() < 0.2 else _around(np.any(ink > 0.02, axis=axis), rng) for axis in (1, 0)
    )
    part = levels[window]
    if np.median(_ring(ink[window])) > 0.3:
        return levels, ink
    longest = max(part.shape)
    small = int(log_uniform(14, 64, rng)) if rng.random() < 0.5 else longest
    height, width = (max(1, round(length * side / longest)) for length in part.shape)
    place = slice((side - height) // 2, (side + height) // 2), slice((side - width) // 2, (side + width) // 2)
    out, moved = np.full_like(levels, np.median(_ring(part))), np.zeros_like(ink)
    for whole, cut in ((out, part), (moved, ink[window])):
        image = Image.fromarray(cut)
        if small < longest:
            image = image.resize(
                [max(1, round(length * small / longest)) for length in image.size], Image.Resampling.BOX
            )
        enlarging = Image.Resampling.NEAREST if small < longest else Image.Resampling.BILINEAR
        whole[place] = np.asarray(
            image.resize((place[1].stop - place[1].start, place[0].stop - place[0].start), enlarging)
        )
    return out, moved


def _around(covered: NDArray[np.bool_], rng: Generator) -> slice:
    """A stretch of rows or columns with all that are `covered`; half of its ends lie where the ink ends."""
    side = len(covered)
    found = np.flatnonzero(covered)
    first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (side // 2, side // 2 + 1)
    start = first if rng.random() < 0.5 else int(rng.integers(0, first + 1))
    stop = last if rng.random() < 0.5 else int(rng.integers(last, side + 1))
    start = min(start, side - side // 5)
    return slice(start, max(stop, start + side // 5))


def _ring(levels: Levels) -> Levels:
    return np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])


def _halved(image: Image.Image) -> Levels:
    side = image.width // 2
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32) / 255
