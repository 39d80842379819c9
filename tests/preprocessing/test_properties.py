"""What Normalizer must not see: place, size, polarity and canvas; and what it must see through."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from inkproof.preprocessing.normalizer import THINNEST, WIDEST
from inkproof.preprocessing.strokes import render
from support.ink_drawings import BY_DIGIT, drawn, nearest_shift, normalized
from support.ink_oracle import oracle

pytestmark = pytest.mark.xdist_group("tensorflow")

digits = st.sampled_from(list(BY_DIGIT))
brushes = st.sampled_from([4, 8, 14, 20, 32])
few = settings(max_examples=40)


@few
@given(digits, brushes, st.integers(-60, 55), st.integers(-70, 70))
def test_the_place_of_the_digit(digit, brush, down, across):
    canvas = drawn(digit, brush)
    moved = np.roll(canvas, (down, across), (0, 1))
    assert np.abs(normalized(moved[None])[0].astype(int) - normalized(canvas[None])[0]).max() <= 1


@few
@given(digits, brushes, st.floats(0.5, 1.5))
def test_the_size_of_the_digit(digit, brush, scale):
    strokes = [[(140 + scale * (x - 140), 140 + scale * (y - 140)) for x, y in stroke] for stroke in BY_DIGIT[digit]]
    scaled = normalized(render(strokes, brush=scale * brush)[None])[0]
    assert nearest_shift(scaled, normalized(drawn(digit, brush)[None])[0]) < 6


@few
@given(digits, brushes, st.integers(0, 90), st.integers(170, 255))
def test_polarity(digit, brush, ink, ground):
    canvas = drawn(digit, brush, ink=ink, ground=ground)
    assert np.array_equal(normalized(255 - canvas[None]), normalized(canvas[None]))


@few
@given(digits, brushes, st.integers(0, 200), st.integers(40, 255))
def test_the_levels_of_ink_and_ground(digit, brush, ink, ground):
    if abs(ground - ink) < 30:
        ink = (ground + 128) % 256
    canvas = drawn(digit, brush, ink=ink, ground=ground)
    # Fewer levels leave coarser edges.
    assert nearest_shift(normalized(canvas[None])[0], normalized(drawn(digit, brush)[None])[0]) < 3


@pytest.mark.parametrize("margins", [(0, 0, 0, 0), (100, 0, 20, 60), (0, 160, 0, 160), (90, 90, 90, 90)])
@pytest.mark.parametrize("digit", BY_DIGIT)
def test_the_size_of_the_canvas(digit, margins):
    canvas = drawn(digit, 20)
    wider = np.pad(canvas, (margins[:2], margins[2:]), constant_values=255)
    assert np.abs(normalized(wider[None])[0].astype(int) - normalized(canvas[None])[0]).max() <= 1


@pytest.mark.parametrize("digit", BY_DIGIT)
def test_the_number_of_pixels(digit):
    canvas = drawn(digit, 20)
    output = normalized(canvas[None])[0].astype(int)
    assert np.abs(normalized(np.kron(canvas, np.ones((3, 3), np.uint8))[None])[0] - output).max() <= 2
    half = canvas.reshape(140, 2, 140, 2).mean(axis=(1, 3)).astype(np.uint8)
    assert nearest_shift(output, normalized(half[None])[0]) < 4


@pytest.mark.parametrize("brush", [6, 14, 20, 26, 32])
def test_scipy_makes_the_same_of_it(brush):
    canvases = np.stack([drawn(digit, brush) for digit in BY_DIGIT])
    differences = [
        nearest_shift(output, oracle(canvas, THINNEST, WIDEST))
        for output, canvas in zip(normalized(canvases), canvases, strict=True)
    ]
    assert max(differences) < 6
    assert np.mean(differences) < 3


def uneven(canvas, rng):
    y, x = np.mgrid[:280, :280] / 279
    return canvas * 0.8 + 70 * y - 50 * x + 20 * x * y


def shadowed(canvas, rng):
    x = np.mgrid[:280, :280][1]
    return canvas - 60 / (1 + np.exp(-(x - 170) / 10))


def jpeg(canvas, rng):
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "JPEG", quality=12)
    return np.asarray(Image.open(buffer))


def specked(canvas, rng):
    canvas = canvas.copy()
    for y, x in ((20, 30), (250, 255), (35, 240), (228, 40)):
        canvas[y : y + 5, x : x + 4] = 0
    return canvas


def squared(canvas, rng):
    paper = np.full_like(canvas, 255)
    paper[::20] = paper[:, ::20] = 190
    return np.minimum(canvas, paper)


TROUBLES = {
    "uneven ground": uneven,
    "shadow": shadowed,
    "faint": lambda canvas, rng: 220 - (255 - canvas) * 0.12,
    "gray ground": lambda canvas, rng: 130 - (255 - canvas) * 0.3,
    "chalk": lambda canvas, rng: 100 + (255 - canvas) * 0.4,
    "noise": lambda canvas, rng: canvas + rng.normal(0, 20, canvas.shape),
    "faint with noise": lambda canvas, rng: 200 - (255 - canvas) * 0.3 + rng.normal(0, 8, canvas.shape),
    "JPEG": jpeg,
    "specks": specked,
    "stray mark": lambda canvas, rng: np.minimum(canvas, render([[(255, 10), (262, 40)]], brush=6)),
    "squared paper": squared,
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("digit", [1, 4, 8])
def test_trouble_is_seen_through(trouble, digit):
    canvas = drawn(digit, 14)
    troubled = np.clip(np.rint(TROUBLES[trouble](canvas, np.random.default_rng(6))), 0, 255).astype(np.uint8)
    clean = normalized(canvas[None])[0]
    assert nearest_shift(clean, normalized(troubled[None])[0]) < 5
    plain = normalized(troubled[None], contrast=False, specks=False)[0]
    assert trouble in ("JPEG", "gray ground", "chalk") or nearest_shift(clean, plain) > 5


@pytest.mark.parametrize("level", [0, 120, 235, 255])
@pytest.mark.parametrize("noise", [0, 3, 12, 30])
def test_paper_alone_is_blank(level, noise):
    paper = level + np.random.default_rng(noise).normal(0, noise, (280, 280))
    slanted = paper + np.linspace(-10, 10, 280)
    images = np.clip(np.rint(np.stack([paper, slanted])), 0, 255).astype(np.uint8)
    assert not normalized(images).any()


@pytest.mark.parametrize("brush", [20, 32])
def test_a_digit_that_touches_every_edge_stays_as_it_is(brush):
    for digit in BY_DIGIT:
        canvas = drawn(digit, brush)
        rows, columns = np.flatnonzero((canvas < 128).any(axis=1)), np.flatnonzero((canvas < 128).any(axis=0))
        cut = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert nearest_shift(normalized(canvas[None])[0], normalized(cut[None])[0]) < 3, digit


def test_a_tiny_digit_and_one_in_pieces_keep_all_their_ink():
    tiny = [[(100 + x / 8, 180 + y / 8) for x, y in stroke] for stroke in BY_DIGIT[5]]
    assert nearest_shift(normalized(render(tiny, brush=2)[None])[0], normalized(drawn(5, 16)[None])[0]) < 8
    broken = drawn(0, 14)
    broken[130:146] = 255
    broken[:, 134:146] = 255
    assert ndimage.label(normalized(broken[None])[0] > 100, np.ones((3, 3)))[1] == 4


def holes(output):
    return ndimage.label(output < 100)[1] - 1


@pytest.mark.parametrize("digit", [0, 6, 8, 9])
@pytest.mark.parametrize("brush", [2, 4, 8, 14, 20, 26, 32])
def test_loops_stay_open_and_strokes_whole(digit, brush):
    output = normalized(drawn(digit, brush)[None])[0]
    assert holes(output) == (2 if digit == 8 else 1)
    assert ndimage.label(output > 60, np.ones((3, 3)))[1] == 1
