"""Slanted ink is set upright, upright ink stays."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.ndimage import affine_transform

from inkproof.models import cnn, dense
from inkproof.models.layers import Deskew


def bar(slant: float = 0.0) -> np.ndarray:
    """A digit-like shape, float32 (28, 28) in 0 to 255, sheared by `slant` columns a row about the middle."""
    upright = np.zeros((28, 28), np.float32)
    upright[4:24, 12:15] = 255
    upright[4:7, 9:18] = 255
    upright[21:24, 9:18] = 255
    return affine_transform(upright, np.array([[1, 0], [slant, 1]]), offset=(0, -slant * 13.5), order=1)


def deskewed(*images: np.ndarray) -> np.ndarray:
    return np.asarray(Deskew()(np.stack(images)[..., np.newaxis] / 255))[..., 0] * 255


def slant_of(image: np.ndarray) -> float:
    rows, columns = np.mgrid[:28, :28]
    down = rows - np.average(rows, weights=image)
    right = columns - np.average(columns, weights=image)
    return float((image * down * right).sum() / (image * down**2).sum())


@pytest.mark.parametrize("slant", [-0.6, -0.25, 0.1, 0.4])
def test_slanted_ink_comes_back_upright(slant: float) -> None:
    assert abs(slant_of(bar(slant))) > 0.08
    upright = deskewed(bar(slant))[0]
    assert abs(slant_of(upright)) < 0.01
    assert np.abs(upright - bar()).mean() < 6  # gray levels, the softer edges of two interpolations
    assert upright.sum() == pytest.approx(bar().sum(), rel=0.01)


def test_upright_ink_and_blanks_stay_as_they_are() -> None:
    blank = np.zeros((28, 28), np.float32)
    upright = deskewed(bar(), blank)
    assert np.abs(upright[0] - bar()).max() < 0.01
    assert (upright[1] == 0).all()


def test_a_line_that_lies_flat_is_not_torn() -> None:
    flat = np.zeros((28, 28), np.float32)
    flat[13:15, 4:24] = 200
    flat[13, 4:9] = 0
    flat[14, 19:24] = 0
    moved = deskewed(flat)[0]
    assert moved.sum() == pytest.approx(flat.sum(), rel=0.01)
    assert np.abs(np.average(np.arange(28), weights=moved.sum(axis=0)) - 13.5) < 0.5


def test_bfloat16_does_no_harm() -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        upright = deskewed(bar(0.4))[0]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert np.allclose(upright, deskewed(bar(0.4))[0], atol=0.02)


@pytest.mark.parametrize(
    "build",
    [
        lambda **switch: dense.build(hidden=[16], **switch),
        lambda **switch: cnn.build(filters=[4], kernels=[3], pools=[2], dense=8, dropout=0.0, **switch),
    ],
)
def test_a_network_with_the_switch_predicts_slanted_ink_as_one_without_predicts_upright_ink(
    build: Callable[..., keras.Model], tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    plain, upright = build(), build(deskew=True)
    upright.set_weights(plain.get_weights())
    upright.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    slanted = bar(0.4)[np.newaxis, ..., np.newaxis]
    expected = np.asarray(plain(deskewed(bar(0.4))[..., np.newaxis]))
    np.testing.assert_allclose(np.asarray(loaded(slanted)), expected, atol=1e-5)
    assert np.abs(np.asarray(plain(slanted)) - expected).max() > 1e-3
