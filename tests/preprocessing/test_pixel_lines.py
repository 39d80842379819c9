"""Hard strokes of one pixel and more, as a drawing program makes them."""

import numpy as np
import pytest
from scipy import ndimage

from inkproof.preprocessing.strokes import render_in_pixels
from support.ink_drawings import BY_DIGIT


@pytest.mark.parametrize("digit", BY_DIGIT)
def test_lines_are_one_hard_pixel_wide_and_whole(digit):
    image = render_in_pixels(BY_DIGIT[digit])
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert set(np.unique(image)) == {0, 255}
    assert ndimage.label(image == 0, np.ones((3, 3)))[1] == 1
    assert 12 < (image == 0).sum() < 60


def test_points_fall_into_their_pixels():
    image = render_in_pixels([[(5, 15)], [(100, 200), (139.9, 200)]])
    expected = np.full((28, 28), 255)
    expected[1, 0] = 0
    expected[20, 10:14] = 0
    assert np.array_equal(image, expected)


def test_the_canvas_is_fitted_and_what_lies_outside_is_cut_off():
    wide = render_in_pixels([[(0, 0), (559, 0)], [(300, 900)]], canvas=(560, 280))
    assert np.flatnonzero((wide == 0).any(axis=1)).tolist() == [7]
    assert (wide[7] == 0).all()
    assert (render_in_pixels([]) == 255).all()
    assert (render_in_pixels([[]]) == 255).all()


def test_a_wider_pencil_adds_pixels_to_the_right_and_below():
    image = render_in_pixels([[(2.9, 3.1), (20.2, 3.7)]], (28, 28), pencil=3)
    expected = np.full((28, 28), 255)
    expected[3:6, 2:23] = 0
    assert np.array_equal(image, expected)
