"""Digits with another pen: within their limits, the same shape, and no hole closed."""

import numpy as np
from scipy.ndimage import label

from inkproof.synthetic.redrawn import redrawn


def bar(width: int = 3) -> np.ndarray:
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 13 : 13 + width] = 255
    return digit


def ring() -> np.ndarray:
    y, x = np.mgrid[:28, :28] - 13.5
    distance = np.hypot(x / 6, y / 8.5)
    return np.where(np.abs(distance - 1) < 0.22, 255, 0).astype(np.uint8)


def many(digit: np.ndarray, count: int = 120) -> np.ndarray:
    return np.stack([redrawn(digit, np.random.default_rng([3, number])) for number in range(count)])


def hard(canvases: np.ndarray) -> np.ndarray:
    """Which canvases have no gray."""
    return np.array([set(np.unique(canvas)) <= {0, 255} for canvas in canvases])


def test_strokes_become_as_wide_as_the_limits_let_them():
    canvases = many(bar())
    soft = canvases[~hard(canvases)]
    widths = (soft[:, 120:160] >= 128).sum(axis=2).mean(axis=1)
    # Wanted are 0.07 to 0.30 of 200 pixels; a stroke of 30 is thinned to 16 at most.
    assert 15 <= widths.min() < 22 and 50 < widths.max() <= 62
    middle = (soft[:, 140] >= 128) @ np.arange(280) / (soft[:, 140] >= 128).sum(axis=1)
    assert np.abs(middle - 144.5).max() < 3  # it stays where it is


def test_a_third_is_in_hard_pixels_of_many_sizes():
    canvases = many(bar(), 300)
    share = hard(canvases).mean()
    assert 0.25 < share < 0.45
    sides = {int(np.diff(np.flatnonzero(np.diff(canvas[140].astype(int))))[0]) for canvas in canvases[hard(canvases)]}
    assert len(sides) > 6  # widths of one pixel or two, large and small


def test_a_bolder_pen_closes_no_hole():
    canvases = many(ring())
    for canvas in canvases[~hard(canvases)]:
        _, regions = label(canvas < 128)
        assert regions == 2  # outside and inside


def test_the_generator_decides():
    assert (many(ring(), 5) == many(ring(), 5)).all()
    assert len({canvas.tobytes() for canvas in many(bar(), 20)}) > 10


def test_a_canvas_is_as_good_as_a_digit_and_a_blank_stays_blank():
    large = bar().repeat(10, axis=0).repeat(10, axis=1)
    difference = np.abs(many(large, 40).astype(int) - many(bar(), 40))
    assert difference.mean() < 8
    assert not many(np.zeros((28, 28), np.uint8), 5).any()
