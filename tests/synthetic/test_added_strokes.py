"""Strokes that MNIST's digits lack: a flag on 1, a bar on 7, a tail on 9."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inkproof.preprocessing.canvas import block_canvases
from inkproof.synthetic.redrawn import ADDED, with_added_stroke


def stem(width: int = 3) -> np.ndarray:
    one = np.zeros((28, 28), np.uint8)
    one[4:24, 14 : 14 + width] = 255
    return one


def seven(width: int = 3) -> np.ndarray:
    digit = stem(width)
    digit[4:7, 6:17] = 255
    return digit


def nine(width: int = 3) -> np.ndarray:
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).ellipse((6, 4, 16, 14), outline=255, width=width)
    return np.maximum(np.asarray(image), stem(width))


DIGITS: dict[int, Callable[..., np.ndarray]] = {1: stem, 7: seven, 9: nine}


def test_a_flag_goes_down_to_the_left_and_the_stem_stays():
    plain = block_canvases(stem())
    for number in range(30):
        canvas = with_added_stroke(stem(), 1, np.random.default_rng(number))
        assert canvas.shape == (280, 280) and canvas.dtype == np.uint8
        assert (canvas >= plain).all()
        rows, columns = np.nonzero(canvas > plain)
        assert columns.mean() < 140 and columns.max() < 175
        # In the upper part: no longer than 0.6 of the stem, which is 200 pixels, and half a brush.
        assert rows.max() < 40 + 0.6 * 200 + 35
        assert rows[columns.argmin()] > 50


def test_a_bar_crosses_the_stem_in_the_middle_third():
    plain = block_canvases(seven())
    for number in range(30):
        canvas = with_added_stroke(seven(), 7, np.random.default_rng(number))
        assert canvas.shape == (280, 280) and canvas.dtype == np.uint8
        assert (canvas >= plain).all()
        rows, columns = np.nonzero(canvas > plain)
        assert columns.min() < 130 and columns.max() > 180, "on both sides of the stem"
        assert 40 + 0.3 * 200 < rows.mean() < 40 + 0.75 * 200


def test_a_tail_turns_left_from_the_foot():
    for number in range(30):
        canvas = with_added_stroke(nine(), 9, np.random.default_rng(number))
        assert canvas.shape == (280, 280) and canvas.dtype == np.uint8
        rows, columns = np.nonzero(canvas >= 128)
        stem_column = columns[rows < rows.min() + 0.75 * np.ptp(rows)].max()
        lowest = columns[rows > rows.max() - 0.1 * np.ptp(rows)]
        assert lowest.min() < stem_column - 20
        # Half the size, to make room, and the tail beneath.
        assert 100 < np.ptp(rows) < 150


@pytest.mark.parametrize("digit", ADDED)
def test_strokes_differ_and_are_decided_by_the_generator(digit: int):
    made = [with_added_stroke(DIGITS[digit](), digit, np.random.default_rng(n)).tobytes() for n in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("digit", [1, 7])
def test_a_stroke_is_as_wide_as_its_stem(digit: int):
    added = [
        np.mean(
            [
                (with_added_stroke(plain, digit, np.random.default_rng(n)) > block_canvases(plain)).sum()
                for n in range(20)
            ]
        )
        for plain in (DIGITS[digit](2), DIGITS[digit](4))
    ]
    assert added[1] > 1.2 * added[0]


@pytest.mark.parametrize("digit", ADDED)
def test_a_single_row_of_ink_is_enough_and_a_blank_is_rejected(digit: int):
    flat = np.zeros((28, 28), np.uint8)
    flat[13, 5:20] = 255
    assert with_added_stroke(flat, digit, np.random.default_rng(0)).any()
    with pytest.raises(ValueError, match="no stem"):
        with_added_stroke(np.zeros((28, 28), np.uint8), digit, np.random.default_rng(0))
