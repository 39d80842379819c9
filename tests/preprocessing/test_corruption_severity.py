"""Digits on canvases, and the whole suite in its order."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from inkproof.data.optdigits import as_mnist
from inkproof.preprocessing.canvas import digit_canvas
from inkproof.preprocessing.corruptions import CORRUPTIONS, SEVERITIES, corrupted_canvases, corruption_sample
from inkproof.preprocessing.methods import apply_method

PUBLISHED = load_digits()
DIGITS = np.stack([as_mnist(counts) for counts in PUBLISHED.images[:40]])


def drawn(digit: np.ndarray, seed: int = 0, **levels: int) -> np.ndarray:
    return digit_canvas(digit, np.random.default_rng(seed), **levels)


def box(canvas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = (np.flatnonzero((canvas < 128).any(axis=axis)) for axis in (1, 0))
    return np.array([rows[0], columns[0]]), np.array([rows[-1], columns[-1]]) + 1


def test_a_digit_fills_two_thirds_of_its_canvas_nearly_in_the_middle() -> None:
    shares, offsets = [], []
    for index, digit in enumerate(DIGITS):
        low, high = box(drawn(digit, index))
        shares.append((high - low).max() / 280)
        offsets.append((low + high) / 2 - 140)
    assert 0.55 < min(shares) < max(shares) < 0.73
    assert np.ptp(shares) > 0.04
    # Up to 8 pixels, and what the soft edges of the box add.
    assert 5 < np.abs(offsets).max() < 14
    assert np.abs(np.mean(offsets, axis=0)).max() < 3


def test_a_canvas_is_drawn_with_a_pen_and_not_enlarged() -> None:
    for digit in DIGITS[:10]:
        canvas = drawn(digit)
        assert canvas.min() == 0
        assert canvas[0].min() == canvas[-1].min() == 255
        gray = ((canvas > 30) & (canvas < 225)).sum()
        outline = (ndimage.gaussian_gradient_magnitude(canvas.astype(float), 1) > 40).sum()
        assert gray < outline
        # No steps: a smooth outline changes little when it is smoothed.
        smooth = ndimage.gaussian_filter(np.float64(canvas), 3) < 128
        assert (smooth != (canvas < 128)).mean() < 0.01


def test_the_method_mnist_style_brings_a_canvas_back_to_its_digit() -> None:
    canvases = np.stack([drawn(digit, index) for index, digit in enumerate(DIGITS)])
    back = apply_method("mnist_style", canvases)
    difference = np.abs(back.astype(int) - DIGITS).mean(axis=(1, 2))
    assert difference.mean() < 9
    assert back.mean() == pytest.approx(DIGITS.mean(), rel=0.1)


def test_levels_and_polarity_are_chosen() -> None:
    white = drawn(DIGITS[3], ink=255, paper=0)
    assert np.abs(255 - white.astype(int) - drawn(DIGITS[3])).max() <= 1
    faint = drawn(DIGITS[3], ink=90, paper=200)
    assert (faint.min(), faint.max()) == (90, 200)


def test_a_digit_at_the_edge_of_its_image_and_a_blank() -> None:
    digit = np.zeros((28, 28), np.uint8)
    assert (drawn(digit) == 255).all()
    digit[:, 0:3] = 255
    low, high = box(drawn(digit))
    assert (high - low)[0] / 280 == pytest.approx(0.65, abs=0.07)
    assert (high - low)[1] == pytest.approx((high - low)[0] * 3 / 28, abs=4)


def test_what_is_no_digit_is_rejected() -> None:
    with pytest.raises(ValueError, match="28, 28"):
        drawn(np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        drawn(np.zeros((28, 28)))


def test_the_suite_comes_clean_first_and_then_whole_and_in_order() -> None:
    seen = [
        (name, severity, canvases.shape, canvases.dtype)
        for name, severity, canvases in corrupted_canvases(DIGITS[:2], 0)
    ]
    pairs = [("clean", 0), *((name, severity) for name in CORRUPTIONS for severity in SEVERITIES)]
    assert [entry[:2] for entry in seen] == pairs
    assert {entry[2:] for entry in seen} == {((2, 280, 280), np.dtype(np.uint8))}


def test_a_part_of_the_suite_is_the_same_as_in_the_whole() -> None:
    whole = suite(DIGITS[:2], 3)
    part = list(corrupted_canvases(DIGITS[:2], 3, ["shear", "clean"]))
    assert [entry[:2] for entry in part] == [("clean", 0), *(("shear", severity) for severity in SEVERITIES)]
    assert all(np.array_equal(canvases, whole[name, severity]) for name, severity, canvases in part)


def suite(images: np.ndarray, seed: int) -> dict[tuple[str, int], np.ndarray]:
    return {(name, severity): canvases for name, severity, canvases in corrupted_canvases(images, seed)}


def test_seed_and_place_decide_and_other_digits_do_not() -> None:
    two, three, other = suite(DIGITS[:2], 7), suite(DIGITS[:3], 7), suite(DIGITS[:2], 8)
    for key, canvases in two.items():
        assert np.array_equal(canvases, three[key][:2]), key
        assert not np.array_equal(canvases, other[key]), key
    same = suite(np.stack([DIGITS[0], DIGITS[0]]), 7)
    assert not np.array_equal(same["rotate", 5][0], same["rotate", 5][1])


def test_a_severity_differs_in_strength_alone() -> None:
    """Marks get longer, gaps wider and more, and a digit is turned on to the side it was turned to."""
    canvases = suite(DIGITS[:8], 1)
    for severity in SEVERITIES[1:]:
        assert (canvases["stray_mark", severity] <= canvases["stray_mark", severity - 1]).all()
        grown = canvases["broken", severity].astype(int) - canvases["broken", severity - 1]
        assert grown.min() >= -1
    clean = canvases["clean", 0]
    lean = {severity: slope(canvases["shear", severity]) - slope(clean) for severity in SEVERITIES}
    assert (np.sign(lean[1]) == np.sign(lean[5])).all()
    assert len(set(np.sign(lean[5]))) == 2


def slope(canvases: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[:280, :280]
    covariances = [np.cov(np.stack([y.ravel(), x.ravel()]), aweights=255.0 - c.ravel()) for c in canvases]
    return np.array([c[0, 1] / c[0, 0] for c in covariances])


def test_the_generator_does_not_change_what_it_has_yielded() -> None:
    rendering = corrupted_canvases(DIGITS[:1], 0)
    _, _, clean = next(rendering)
    kept = clean.copy()
    for _ in range(20):
        next(rendering)
    assert np.array_equal(clean, kept)


def test_a_sample_holds_each_digit_in_its_share_and_repeats() -> None:
    labels = PUBLISHED.target
    chosen = corruption_sample(labels, 200, 3)
    assert len(chosen) == 200
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.abs(np.bincount(labels[chosen]) - np.bincount(labels) * 200 / len(labels)).max() < 1
    assert np.array_equal(chosen, corruption_sample(labels, 200, 3))
    assert not np.array_equal(chosen, corruption_sample(labels, 200, 4))
    assert np.array_equal(corruption_sample(labels, 5000, 3), np.arange(len(labels)))
