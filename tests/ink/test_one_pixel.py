"""Hard strokes of one pixel, as a drawing program makes them."""

import numpy as np
import pytest
from ink_drawings import BY_DIGIT
from scipy import ndimage

from inkproof.ink import render_one_pixel


@pytest.mark.parametrize("digit", BY_DIGIT)
def test_lines_are_one_hard_pixel_wide_and_whole(digit):
    picture = render_one_pixel(BY_DIGIT[digit])
    assert picture.shape == (28, 28)
    assert picture.dtype == np.uint8
    assert set(np.unique(picture)) == {0, 255}
    assert ndimage.label(picture == 0, np.ones((3, 3)))[1] == 1
    assert 12 < (picture == 0).sum() < 60


def test_points_fall_into_their_pixels():
    picture = render_one_pixel([[(5, 15)], [(100, 200), (139.9, 200)]])
    expected = np.full((28, 28), 255)
    expected[1, 0] = 0
    expected[20, 10:14] = 0
    assert np.array_equal(picture, expected)


def test_the_canvas_is_fitted_and_what_lies_outside_is_cut_off():
    wide = render_one_pixel([[(0, 0), (559, 0)], [(300, 900)]], canvas=(560, 280))
    assert np.flatnonzero((wide == 0).any(axis=1)).tolist() == [7]
    assert (wide[7] == 0).all()
    assert (render_one_pixel([]) == 255).all()
    assert (render_one_pixel([[]]) == 255).all()
