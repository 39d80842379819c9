"""The affine distortion, measured on images whose place, turn and size can be measured."""

import numpy as np
import pytest
import tensorflow as tf

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.tracking.identity import run_key
from inkproof.training import augment
from inkproof.training.augment import OPERATIONS, distort

pytestmark = pytest.mark.xdist_group("tensorflow")

MIDDLE = 13.5  # of 28 pixels counted from 0
MANY = 2000


def spread(images: np.ndarray, seed: int = 0, **limits: float) -> np.ndarray:
    return distort(images.astype(np.float32), limits, np.array([seed, 3], np.int64)).numpy()


def blob(x: float, y: float, count: int = MANY, sigma: float = 1.5) -> np.ndarray:
    """`count` images of a soft dot at column x, row y: float32 (count, 28, 28, 1)."""
    rows, columns = np.mgrid[:28, :28]
    dot = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(dot[np.newaxis, ..., np.newaxis], count, axis=0).astype(np.float32)


def centers(images: np.ndarray) -> np.ndarray:
    """Centers of mass (N, 2) as (x, y), from the middle of the image."""
    mass = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[:28, :28]
    return np.stack([(mass * columns).sum(axis=(1, 2)), (mass * rows).sum(axis=(1, 2))], axis=1) - MIDDLE


def test_no_limits_no_change() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1))
    np.testing.assert_array_equal(spread(noise), noise)
    keys = [key for keys in OPERATIONS.values() for key in keys]
    np.testing.assert_array_equal(spread(noise, **dict.fromkeys(keys, 0.0)), noise)
    for key in keys:
        assert np.abs(spread(noise, **{key: 0.5}) - noise).max() > 1, key


def test_shifts_fill_their_limits_in_both_directions() -> None:
    moved = centers(spread(blob(MIDDLE, MIDDLE), shift=0.1))
    for axis in range(2):
        assert moved[:, axis].min() == pytest.approx(-2.8, abs=0.06)
        assert moved[:, axis].max() == pytest.approx(2.8, abs=0.06)
        assert abs(moved[:, axis].mean()) < 0.15
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.1  # each axis draws its own


def test_rotation_turns_about_the_middle_within_its_limit() -> None:
    x, y = centers(spread(blob(MIDDLE + 9, MIDDLE), rotation=10)).T
    angles = np.degrees(np.arctan2(y, x))
    assert angles.min() == pytest.approx(-10, abs=0.3)
    assert angles.max() == pytest.approx(10, abs=0.3)
    assert abs(angles.mean()) < 0.5
    np.testing.assert_allclose(np.hypot(x, y), 9, atol=0.05)  # the dot stays on its circle
    still = centers(spread(blob(MIDDLE, MIDDLE), rotation=10))
    np.testing.assert_allclose(still, 0, atol=0.02)


def test_rotation_keeps_shapes_and_does_not_mirror() -> None:
    # Two dots at right angles: the second stays a quarter turn after the first, as seen on screen.
    limits = {"rotation": 45.0}
    right, below = (centers(spread(blob(MIDDLE + dx, MIDDLE + dy, 200), **limits)) for dx, dy in ((8, 0), (0, 8)))
    turned = np.stack([-right[:, 1], right[:, 0]], axis=1)
    np.testing.assert_allclose(below, turned, atol=0.1)
    assert np.ptp(np.degrees(np.arctan2(right[:, 1], right[:, 0]))) > 80


def test_zoom_changes_each_axis_within_its_limit() -> None:
    x = centers(spread(blob(MIDDLE + 8, MIDDLE), zoom=0.1))[:, 0] / 8
    y = centers(spread(blob(MIDDLE, MIDDLE + 8), zoom=0.1))[:, 1] / 8
    for factor in (x, y):
        assert factor.min() == pytest.approx(0.9, abs=0.01)
        assert factor.max() == pytest.approx(1.1, abs=0.01)
    corner = centers(spread(blob(MIDDLE + 8, MIDDLE + 8), zoom=0.1))
    assert abs(np.corrcoef(corner.T)[0, 1]) < 0.1


def test_everything_at_once_moves_a_corner_no_further_than_the_sum() -> None:
    x, y = centers(spread(blob(MIDDLE + 6, MIDDLE), rotation=10, zoom=0.1, shift=0.1)).T
    assert x.max() <= 6 * 1.1 + 2.8 + 0.1
    assert x.min() >= 6 * 0.9 * np.cos(np.radians(10)) - 2.8 - 0.1
    assert np.abs(y).max() <= 6 * 1.1 * np.sin(np.radians(10)) + 2.8 + 0.1


def test_outside_is_black() -> None:
    white = np.full((MANY, 28, 28, 1), 255)
    moved = spread(white, shift=0.1)
    corners = moved[:, [0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert (corners < 1).any(axis=1).mean() > 0.8
    assert (moved[:, 4:24, 4:24] > 254.9).all()
    assert moved.min() >= 0
    assert moved.max() <= 255.01


def test_each_image_draws_its_own() -> None:
    moved = spread(blob(MIDDLE + 5, MIDDLE, 64), rotation=10, zoom=0.1, shift=0.1)
    assert len(np.unique(moved.reshape(64, -1).round(3), axis=0)) == 64


def test_the_seed_decides_and_a_image_does_not_depend_on_its_neighbors() -> None:
    limits = {"rotation": 10.0, "zoom": 0.1, "shift": 0.1}
    dots = blob(MIDDLE + 5, MIDDLE, 8)
    first = spread(dots, **limits, seed=1)
    np.testing.assert_array_equal(first, spread(dots, **limits, seed=1))
    assert np.abs(first - spread(dots, **limits, seed=2)).max() > 10
    others = np.concatenate([dots[:1], np.zeros_like(dots[1:])])
    np.testing.assert_array_equal(first[0], spread(others, **limits, seed=1)[0])


def bar(width: int, count: int = 200) -> np.ndarray:
    """`count` images of an upright bar, `width` pixels wide and 20 high: float32 (count, 28, 28, 1)."""
    image = np.zeros((28, 28), np.float32)
    left = 14 - width // 2
    image[4:24, left : left + width] = 255
    return np.repeat(image[np.newaxis, ..., np.newaxis], count, axis=0)


def test_slant_leans_uprights_about_the_middle_and_keeps_rows() -> None:
    leaning = spread(blob(MIDDLE, MIDDLE - 9), slant=15)
    x, y = centers(leaning).T
    np.testing.assert_allclose(y, -9, atol=0.02)
    angles = np.degrees(np.arctan2(x, 9))
    assert angles.min() == pytest.approx(-15, abs=0.3)
    assert angles.max() == pytest.approx(15, abs=0.3)
    assert abs(angles.mean()) < 0.6


def test_elastic_moves_by_its_deviation_smoothly() -> None:
    here = centers(spread(blob(MIDDLE, MIDDLE), elastic=1.0))
    assert here.std(axis=0) == pytest.approx([0.75, 0.75], abs=0.25)  # the middle, far from every node, moves less
    assert abs(here.mean(axis=0)).max() < 0.1
    near = centers(spread(blob(MIDDLE + 2, MIDDLE), elastic=1.0)) - [2, 0]
    far = centers(spread(blob(MIDDLE + 9, MIDDLE), elastic=1.0)) - [9, 0]
    assert np.corrcoef(here[:, 1], near[:, 1])[0, 1] > 0.8
    assert abs(np.corrcoef(here[:, 1], far[:, 1])[0, 1]) < 0.4


def test_elastic_of_almost_nothing_is_the_affine_distortion() -> None:
    limits = {"rotation": 10, "zoom": 0.1, "shift": 0.1, "slant": 5}
    noise = np.random.default_rng(0).uniform(0, 255, (50, 28, 28, 1))
    alone, together = spread(noise, **limits), spread(noise, **limits, elastic=1e-6)
    np.testing.assert_allclose(together[:, 1:-1, 1:-1], alone[:, 1:-1, 1:-1], atol=0.05)


def test_width_grows_to_its_limit_and_thins_by_half_of_it() -> None:
    ink = spread(bar(4, MANY), width=0.8)[:, 14].sum(axis=(1, 2)) / 255
    assert ink.max() == pytest.approx(4 + 2 * 0.8, abs=0.01)
    assert ink.min() == pytest.approx(4 - 2 * 0.4, abs=0.01)
    assert spread(bar(4, MANY), width=2.5)[:, 14].sum(axis=(1, 2)).max() / 255 == pytest.approx(9, abs=0.02)
    hairline = spread(bar(1, MANY), width=0.8)[:, 14].sum(axis=(1, 2))
    assert hairline.min() > 0.5 * 255  # thinned, never gone


def test_more_kinds_leave_the_numbers_of_the_others_as_they_were() -> None:
    digit = bar(3, 20)
    turned = spread(digit, rotation=10)
    again = spread(digit, rotation=10, width=1e-6)
    np.testing.assert_allclose(again, turned, atol=1e-2)


def test_one_function_adds_an_operation_and_changes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    dots = blob(MIDDLE, MIDDLE, 4)
    before = spread(dots, rotation=10.0)
    monkeypatch.setattr(augment, "OPERATIONS", dict(OPERATIONS))

    @augment.operation(brighter=100)
    def add(images: tf.Tensor, seed: tf.Tensor, brighter: float) -> tf.Tensor:
        return images + brighter

    np.testing.assert_array_equal(spread(dots, rotation=10.0), before)
    np.testing.assert_array_equal(spread(dots, rotation=10.0, brighter=5.0), before + 5)


@pytest.mark.parametrize(
    ("keys", "arguments", "words"),
    [
        (None, "images, seed", "name its keys of conf/aug and their highest values, as in @operation(noise=100)"),
        ({}, "images, seed", "name its keys of conf/aug and their highest values, as in @operation(noise=100)"),
        (
            {"noise": 1},
            "images, seed, amount",
            "it is called with (images, seed, noise), but does not fit (missing a required argument: 'amount')",
        ),
        ({"noise": 1}, "images, noise", "it is called with (images, seed, noise), but does not fit (multiple values"),
        ({"noise": 1}, "images", "it is called with (images, seed, noise), but does not fit (too many positional"),
    ],
)
def test_an_operation_that_does_not_fit_is_one_line(
    keys: dict[str, float] | None, arguments: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment, "OPERATIONS", dict(OPERATIONS))
    add_noise = eval(f"lambda {arguments}: images")
    add_noise.__name__ = "add_noise"
    with pytest.raises(UserError) as caught:
        augment.operation(add_noise) if keys is None else augment.operation(**keys)(add_noise)
    assert str(caught.value).startswith(f"augmentation add_noise: {words}")
    assert "\n" not in str(caught.value) and augment.OPERATIONS == OPERATIONS


def test_a_key_that_is_left_out_is_no_part_of_a_runs_identity() -> None:
    with composing() as compose:
        known, more = (compose(TrainConfig, ("aug=on", *words)).identity() for words in ((), ("+aug.noise=0.5",)))
    keys = {"rotation", "zoom", "shift", "slant", "elastic", "width"}
    assert set(known.model_dump()["aug"]) == {"name", *keys}
    assert set(more.model_dump()["aug"]) == {"name", *keys, "noise"}
    assert run_key(known, "", "") != run_key(more, "", "")
    whole = known.model_dump(mode="json", by_alias=True)
    assert whole["aug"] == {"name": "on", **dict.fromkeys(keys, 0.0), "rotation": 10.0, "zoom": 0.1, "shift": 0.1}
