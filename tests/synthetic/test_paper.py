"""Generated pages: what lies on them, and that their ink stays known."""

import numpy as np
import pytest

from inkproof.synthetic import paper
from inkproof.synthetic.deform import fit
from inkproof.synthetic.inking import SIDE, digit_inked, inked, straightened
from inkproof.synthetic.paper import page
from support.ink_drawings import BY_DIGIT

SEEDS = range(60)
FOUR = [np.array(path, float) for path in BY_DIGIT[4]]


def four(seed):
    return inked(FOUR, np.random.default_rng(seed))


def test_ink_is_a_share_of_each_pixel_and_all_of_it_is_on_the_page():
    for seed in SEEDS:
        ink = four(seed)
        assert ink.shape == (SIDE, SIDE) and ink.dtype == np.float32
        assert ink.min() >= 0 and 0.5 < ink.max() <= 1


def test_the_same_seed_gives_the_same_page_and_others_differ():
    pages = [page(four(seed), np.random.default_rng(seed), lambda: four(9)) for seed in (1, 1, 2)]
    assert np.array_equal(pages[0].image, pages[1].image) and np.array_equal(pages[0].ink, pages[1].ink)
    assert not np.array_equal(pages[0].image, pages[2].image)


def test_no_page_loses_ink():
    for seed in SEEDS:
        ink = four(seed)
        made = page(ink, np.random.default_rng(seed))
        assert made.image.dtype == np.uint8 and made.image.shape == (SIDE, SIDE)
        assert made.ink.sum() > 0.97 * ink.sum()  # more where it is enlarged


def test_ink_stands_out_from_the_ground_around_it_on_most_pages():
    told = 0
    for seed in SEEDS:
        made = page(four(seed), np.random.default_rng(seed))
        on, near = made.image[made.ink > 0.7], made.image[made.ink < 0.01]
        told += abs(np.median(on) - np.median(near)) > 15
    assert told > 0.8 * len(SEEDS)


def test_light_ink_dark_ink_and_paper_without_ink_all_occur():
    images = [page(four(seed), np.random.default_rng(seed)) for seed in SEEDS]
    lighter = [np.median(one.image[one.ink > 0.7]) > np.median(one.image[one.ink < 0.01]) for one in images]
    assert 0.15 < np.mean(lighter) < 0.55
    nothing = page(np.zeros((SIDE, SIDE), np.float32), np.random.default_rng(0))
    assert not nothing.ink.any()


@pytest.mark.parametrize("layer", [layer for _, layer in paper._GROUNDS], ids=lambda layer: layer.__name__)
def test_each_layer_of_the_ground_changes_it_and_keeps_its_form(layer):
    ground = np.full((SIDE, SIDE), 200, np.float32)
    changed = layer(ground, np.random.default_rng(4))
    assert changed.shape == ground.shape and np.isfinite(changed).all()
    assert np.abs(changed - ground).max() > 1
    assert (ground == 200).all()


def test_straightened_strokes_are_level_or_upright_where_they_nearly_were():
    path = np.array([(0, 0), (0.5, 0.06), (1, 0.02), (0.95, 0.5), (0.98, 1)])
    corners = straightened(path)
    assert len(corners) == 3
    assert corners[0, 1] == corners[1, 1] and corners[1, 0] == corners[2, 0]
    assert np.abs(corners[-1] - path[-1]).max() < 0.2


def test_a_digit_is_enlarged_whole():
    digit = np.zeros((28, 28), np.uint8)
    digit[5:24, 12:16] = 255
    for seed in SEEDS:
        ink = digit_inked(digit, np.random.default_rng(seed))
        assert ink.shape == (SIDE, SIDE) and ink.max() > 0.5
        rows = np.flatnonzero(ink.max(axis=1) > 0.3)
        columns = np.flatnonzero(ink.max(axis=0) > 0.3)
        assert np.ptp(rows) > 1.8 * np.ptp(columns)


def test_strokes_without_points_are_no_ink():
    assert not inked([], np.random.default_rng(0)).any()
    assert fit(FOUR, 1.0)[0].max() <= 1
