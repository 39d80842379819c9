"""Copies of a digit are moved by little, each in its own way, and their predictions are averaged."""

import numpy as np

from inkproof.evaluation.test_time_augmentation import TRANSFORMATIONS, predict_tta, transformed


def bar() -> np.ndarray:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 6:22, 12:16] = 200
    return image


def center(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[:28, :28]
    return float(np.average(rows, weights=image)), float(np.average(columns, weights=image))


def test_a_copy_moves_right_and_down_by_whole_pixels() -> None:
    np.testing.assert_array_equal(transformed(bar(), 0, 1.0, 1, 0), np.roll(bar(), 1, axis=2))
    np.testing.assert_array_equal(transformed(bar(), 0, 1.0, 0, -1), np.roll(bar(), -1, axis=1))


def test_rotated_and_zoomed_about_the_center() -> None:
    for degrees, zoom in ((6, 1.0), (-6, 1.0), (0, 1.07), (0, 0.93)):
        seen = transformed(bar(), degrees, zoom, 0, 0)[0]
        np.testing.assert_allclose(center(seen), (13.5, 13.5), atol=0.05)
        np.testing.assert_allclose(seen.sum() / bar().sum(), zoom**2, rtol=0.03)
    rotated = transformed(bar(), 6, 1.0, 0, 0)[0]
    assert np.average(np.arange(28), weights=rotated[:10].sum(axis=0)) < 13.2  # counterclockwise: the top goes left


def test_the_first_copy_is_the_image_itself_and_no_two_are_alike() -> None:
    seen = [transformed(bar(), *how) for how in TRANSFORMATIONS]
    np.testing.assert_array_equal(seen[0], bar())
    assert len({one.tobytes() for one in seen}) == len(TRANSFORMATIONS) == 9


class ColumnModel:
    """Stands for a network: it predicts the column of the brightest pixel, three columns a class."""

    def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[images[..., 0].sum(axis=1).argmax(axis=1) // 3]


def test_the_mean_is_over_all_copies() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, :, 14] = 255  # one to the right is the next class
    model: object = ColumnModel()
    assert predict_tta(model, image, tta=False)[0].max() == 1  # type: ignore[arg-type]
    mean = predict_tta(model, image)[0]  # type: ignore[arg-type]
    assert mean.sum() == np.float32(1)
    assert 1 / 9 <= mean[5] < 0.5 < mean[4]
