"""A flag on a 1: down to the left from its top, as wide as the stem."""

import numpy as np
import pytest

from inkproof.ink.flags import with_flag


def stem(width: int = 3) -> np.ndarray:
    one = np.zeros((28, 28), np.uint8)
    one[4:24, 14 : 14 + width] = 255
    return one


def test_the_stem_stays_and_the_flag_goes_down_to_the_left():
    plain = stem().repeat(10, axis=0).repeat(10, axis=1)
    for number in range(30):
        canvas = with_flag(stem(), np.random.default_rng(number))
        assert canvas.shape == (280, 280) and canvas.dtype == np.uint8
        assert (canvas >= plain).all()
        rows, columns = np.nonzero(canvas > plain)
        assert columns.mean() < 140 and columns.max() < 175
        # In the upper part: no longer than 0.6 of the stem, which is 200 pixels, and half a brush.
        assert rows.max() < 40 + 0.6 * 200 + 35
        assert rows[columns.argmin()] > 50


def test_flags_differ_and_are_decided_by_the_generator():
    flags = [with_flag(stem(), np.random.default_rng(number)).tobytes() for number in (1, 1, 2)]
    assert flags[0] == flags[1] != flags[2]


def test_a_flag_is_as_wide_as_its_stem():
    added = [
        np.mean([(with_flag(stem(width), np.random.default_rng(n)) > 0).sum() - 2000 * width for n in range(20)])
        for width in (2, 4)
    ]
    assert added[1] > 1.4 * added[0]


def test_a_blank_has_no_stem():
    with pytest.raises(ValueError, match="no stem"):
        with_flag(np.zeros((28, 28), np.uint8), np.random.default_rng(0))
