"""Strings of drawn digits: how far apart they are, and how they are drawn."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from inkproof.data.drawings import read_drawings
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.digit_strings import GAPS, DigitString, digit_string, on_paper, on_white
from inkproof.synthetic.glyph import resample

DIGITS = [one for one in read_drawings(ROOT / "data" / "drawn" / "starter") if one.label is not None]


def string(gap: str, seed: int = 0, count: int = 4) -> DigitString:
    return digit_string(DIGITS, count, gap, np.random.default_rng(seed))


def nearest(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    one, other = (np.concatenate([resample(p, 1.0) if len(p) > 1 else p for p in paths]) for paths in (left, right))
    return float(cdist(one, other).min())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", GAPS)
def test_gaps_are_of_their_kind(gap: str, seed: int):
    made = string(gap, seed)
    away = [nearest(*pair) / made.brush for pair in pairwise(made.strokes)]
    if gap == "touching":
        assert all(0.2 < one < 1.05 for one in away), "the ink of neighbors overlaps, and does not cross"
    else:
        assert all(one > (1.2 if gap == "tight" else 2.5) for one in away)


def test_a_seed_gives_one_string_inside_its_size():
    made, again = string("tight", 5), string("tight", 5)
    assert made.labels == again.labels and len(made.labels) == 4 == len(made.strokes)
    points = np.concatenate([path for paths in made.strokes for path in paths])
    assert np.array_equal(points, np.concatenate([path for paths in again.strokes for path in paths]))
    assert (points >= 39.9).all() and (points <= np.array(made.size) - 39.9).all()


def test_white_and_paper_have_the_ink_in_the_same_place():
    made = string("loose", 1)
    white = on_white(made, 120)
    assert white.shape == (120, round(made.size[0] * 120 / made.size[1])) and white.min() == 0 and white.max() == 255
    for seed in range(4):
        paper = on_paper(made, 120, np.random.default_rng(seed)).astype(float)
        assert paper.shape == white.shape
        ink, ground = np.median(paper[white < 50]), np.median(paper[white == 255])
        assert abs(ink - ground) > 20
        assert np.array_equal(paper, on_paper(made, 120, np.random.default_rng(seed)))


def test_a_line_higher_than_a_canvas_is_drawn_in_tiles():
    made = string("touching", 2, 2)
    large, small = on_white(made, 600), on_white(made, 300)
    halved = large[: 2 * (large.shape[0] // 2), : 2 * small.shape[1]].reshape(300, 2, -1, 2).mean(axis=(1, 3))
    width = min(halved.shape[1], small.shape[1])
    assert np.abs(halved[:, :width] - small[:, :width]).mean() < 3
