"""Lines, connected ink and candidate cuts: what happens before a model sees single digits."""

import base64
import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from inkproof.inference.cuts import (
    INK,
    bands,
    box_of,
    canvas_of,
    connected,
    cuts_of,
    ink_of,
    perhaps_several,
    piece_of,
    strip_of,
    without_specks,
)
from support.number_vectors import FILE

VECTORS = json.loads(FILE.read_text())


def blank(width: int = 100) -> np.ndarray:
    return np.zeros((70, width), np.uint8)


def with_bars(*columns: int, width: int = 100) -> np.ndarray:
    """A mask of upright bars, 4 wide and 40 tall."""
    mask = blank(width)
    for column in columns:
        mask[15:55, column : column + 4] = 255
    return mask


def inked_part(mask: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box_of(mask)
    return mask[top:bottom, left:right]


@pytest.mark.parametrize("seed", range(5))
def test_connected_ink_is_that_of_scipy(seed: int):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(50, 120)), 1.5) > 0.05
    labels, count = ndimage.label(noise, np.ones((3, 3)))
    parts = connected(noise)
    assert len(parts) == count
    for part in parts:
        row, first, _ = part[0]
        assert sum(last - first for _, first, last in part) == (labels == labels[row, first]).sum()
        assert all((labels[row, first:last] == labels[part[0][0], part[0][1]]).all() for row, first, last in part)


def test_specks_go_and_bars_of_a_digit_stay():
    mask = with_bars(30)
    clean = mask.copy()
    mask[10:13, 60:63] = 255  # a dot
    assert np.array_equal(without_specks(mask), clean)
    mask[15:19, 40:60] = 255  # the bar of a 5, apart from it
    assert without_specks(mask)[16, 50] == 255
    assert not without_specks(blank()).any()


def test_the_soft_rim_of_ink_stays():
    mask = with_bars(30)
    mask[15:55, 29], mask[15:55, 27] = 60, 60
    found = without_specks(mask)
    assert (found[15:55, 29] == 60).all() and not found[:, 27].any()


def test_two_lines_are_two_bands_and_a_low_mark_is_none():
    mask = blank()
    mask[2:30, 10:40] = mask[40:68, 10:40] = 255
    assert bands(mask) == [(2, 30), (40, 68)]
    mask[2:30] = 0
    mask[30:34, 10:20] = 255
    assert bands(mask) == [(40, 68)]


def test_what_is_apart_is_cut_without_crossing_ink():
    cuts = cuts_of(inked_part(with_bars(10, 40, 70)))
    assert [one.cost for one in cuts] == [0, 0, 0, 0]
    pieces = [box_of(piece_of(inked_part(with_bars(10, 40, 70)), *pair)) for pair in pairwise(cuts)]
    assert pieces == [(0, 0, 4, 40), (30, 0, 34, 40), (60, 0, 64, 40)]


def test_touching_digits_are_cut_where_they_touch():
    mask = with_bars(10, 40)
    mask[30:33, 10:44] = 255  # an H: the bar is the cheapest place to cut
    cuts = cuts_of(inked_part(mask))
    inner = cuts[1:-1]
    assert inner and min(one.cost for one in inner) == 3 * 255
    assert all(4 <= column <= 30 for column in min(inner, key=lambda one: one.cost).columns[13:20])


def test_a_cut_goes_around_a_slanted_gap():
    mask = blank()
    for row in range(40):
        mask[15 + row, 50 - row // 5 : 54 - row // 5] = 255
        mask[15 + row, 60 - row // 5 : 64 - row // 5] = 255
    assert 0 in [one.cost for one in cuts_of(inked_part(mask))[1:-1]], "no upright line is free of ink"


@pytest.mark.parametrize("place", range(len(VECTORS["images"])))
def test_cuts_are_those_of_the_vectors(place: int):
    vector = VECTORS["images"][place]
    mask = np.frombuffer(base64.b64decode(vector["mask"]), np.uint8).reshape(vector["shape"])
    assert list(box_of(mask)) == vector["box"]
    assert np.array_equal(without_specks(mask), mask)
    left, top, right, bottom = vector["box"]
    ink = np.frombuffer(base64.b64decode(vector["ink"]), np.uint8).reshape(vector["shape"])
    assert [[one.cost, *one.columns] for one in cuts_of(ink[top:bottom, left:right])] == vector["cuts"]


def test_one_digit_is_not_suspected_of_being_several():
    assert not perhaps_several(with_bars(30)) and not perhaps_several(blank())
    assert perhaps_several(with_bars(30, 60))
    dotted = with_bars(30)
    dotted[15:30, 60:70] = 255  # less than half as tall
    assert not perhaps_several(dotted)


def test_tiles_of_a_wide_image_are_joined():
    levels = np.full((100, 400), 200, np.uint8)
    levels[30:70, 50:60] = levels[30:70, 330:340] = 20
    tiles = []

    def mask_of(tile: np.ndarray) -> np.ndarray:
        tiles.append(tile)
        return np.where(tile.reshape(70, 4, 70, 4).min(axis=(1, 3)) < 110, 255, 0).astype(np.uint8)

    strip = strip_of(levels, 0, 0, 400, 100, mask_of)
    assert strip.gray.shape == (280, 1120) and strip.mask.shape == (70, 280) and len(tiles) == 7
    assert [round(edge * strip.scale) for edge in box_of(strip.mask)] == [50, 30, 340, 70]
    assert (strip.mask >= INK).sum() == pytest.approx(2 * 7 * 28, abs=60)


def test_beyond_the_image_is_the_level_of_its_border():
    levels = np.full((50, 50), 90, np.uint8)
    strip = strip_of(levels, -25, -25, 100, 100, lambda tile: np.zeros((70, 70), np.uint8))
    assert (strip.gray == 90).all()


@pytest.mark.parametrize("dark", [True, False])
def test_ink_is_white_on_black_at_full_strength(dark: bool):
    mask = with_bars(30)
    gray = np.tile(np.linspace(120, 160, 400), (280, 1)) + np.where(
        mask.repeat(4, 0).repeat(4, 1) > 0, -80 if dark else 80, 0
    )
    strip = strip_of(np.zeros((9, 9), np.uint8), 0, 0, 9, 9, lambda tile: np.zeros((70, 70), np.uint8))
    ink = ink_of(strip._replace(gray=np.rint(gray).astype(np.uint8), mask=mask))
    assert (ink[80:200, 124:132] > 190).all() and not ink[:, :110].any() and not ink[:, 150:].any()
    canvas = canvas_of(ink, mask)
    assert canvas.shape == (280, 280) and canvas[140, 140] < 70 and (canvas[:50] == 255).all()
