"""What the network is shown: every digit once a pass, in an order that only seed and epoch decide."""

from typing import Any

import numpy as np
import pytest

from inkproof.training.input_pipeline import evaluation_batches, steps_per_epoch, training_batches

pytestmark = pytest.mark.xdist_group("tensorflow")

COUNT, BATCH = 70, 16  # the last batch of a pass is short: 6 digits
STEPS = 5
OFF: dict[str, float] = {}
ON = {"rotation": 10.0, "zoom": 0.1, "shift": 0.1}

# Each image carries its own number in two pixels, which identify it.
IMAGES = np.zeros((COUNT, 28, 28), np.uint8)
IMAGES[:, 14, 14] = np.arange(COUNT) + 100
LABELS = (np.arange(COUNT) * 7 % 10).astype(np.uint8)

Batches = list[tuple[np.ndarray, np.ndarray]]


def batches(**changes: Any) -> Batches:
    settings = {"batch_size": BATCH, "first_epoch": 0, "epochs": 1, "repeat": 1, "limits": OFF, "seed": 0}
    dataset = training_batches(IMAGES, LABELS, **{**settings, **changes})
    return [(x.numpy(), y.numpy()) for x, y in dataset]


def numbers(shown: Batches) -> list[int]:
    return [int(image[14, 14, 0]) - 100 for images, _ in shown for image in images]


def assert_equal(ours: Batches, theirs: Batches) -> None:
    assert len(ours) == len(theirs) > 0
    for (x, y), (u, v) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)


def test_every_digit_exactly_once_a_pass() -> None:
    shown = batches(epochs=3)
    assert len(shown) == 3 * STEPS
    for epoch in range(3):
        one = numbers(shown[epoch * STEPS : (epoch + 1) * STEPS])
        assert sorted(one) == list(range(COUNT))
        assert one != list(range(COUNT))


def test_pixels_stay_as_they_are_and_keep_their_label() -> None:
    for images, labels in batches():
        assert (images.dtype, images.shape[1:], labels.dtype) == (np.float32, (28, 28, 1), np.int32)
        chosen = images[:, 14, 14, 0].astype(int) - 100
        np.testing.assert_array_equal(labels, LABELS[chosen])
        np.testing.assert_array_equal(images[..., 0], IMAGES[chosen])


def test_epochs_differ_in_order_and_repeated_passes_too() -> None:
    shown = batches(epochs=2, repeat=2)
    assert len(shown) == 4 * STEPS == 2 * steps_per_epoch(COUNT, 2, BATCH)
    passes = [tuple(numbers(shown[first : first + STEPS])) for first in range(0, 4 * STEPS, STEPS)]
    assert len(set(passes)) == 4
    assert all(sorted(one) == list(range(COUNT)) for one in passes)


@pytest.mark.parametrize("repeat", [1, 2])
def test_a_resumed_run_sees_what_an_uninterrupted_one_saw(repeat: int) -> None:
    steps = repeat * STEPS
    whole = batches(epochs=4, repeat=repeat, limits=ON)
    assert_equal(batches(epochs=4, repeat=repeat, limits=ON, first_epoch=2), whole[2 * steps :])
    assert_equal(batches(epochs=3, repeat=repeat, limits=ON, first_epoch=0), whole[: 3 * steps])


def test_the_seed_decides_order_and_distortion() -> None:
    assert_equal(batches(limits=ON, seed=5), batches(limits=ON, seed=5))
    assert numbers(batches(seed=5)) != numbers(batches(seed=6))
    # The same digits in the same order, distorted otherwise: one batch of all of them, put back in order.
    images = [dict(zip(y.tolist(), x, strict=True)) for seed in (5, 6) for x, y in whole_batch(seed)]
    assert all(np.abs(images[0][label] - images[1][label]).max() > 1 for label in range(10))


def whole_batch(seed: int) -> Batches:
    spot = np.zeros((10, 28, 28), np.uint8)
    spot[:, 10:18, 6] = 255
    dataset = training_batches(
        spot,
        np.arange(10, dtype=np.uint8),
        batch_size=10,
        first_epoch=0,
        epochs=1,
        repeat=1,
        limits=ON,
        seed=seed,
    )
    return [(x.numpy(), y.numpy()) for x, y in dataset]


def test_each_epoch_and_each_batch_is_distorted_anew() -> None:
    # All images alike: what differs is the distortion.
    alike = np.zeros((COUNT, 28, 28), np.uint8)
    alike[:, 10:18, 6] = 255
    dataset = training_batches(alike, LABELS, batch_size=BATCH, first_epoch=0, epochs=2, repeat=1, limits=ON, seed=0)
    shown = np.concatenate([x.numpy() for x, _ in dataset])
    assert len(np.unique(shown.reshape(2 * COUNT, -1), axis=0)) == 2 * COUNT


def test_steps() -> None:
    assert steps_per_epoch(COUNT, 1, BATCH) == STEPS
    assert steps_per_epoch(COUNT, 3, BATCH) == 3 * STEPS
    assert steps_per_epoch(64, 2, 16) == 8
    assert steps_per_epoch(5, 1, 100) == 1


def test_evaluation_keeps_the_order() -> None:
    shown = [(x.numpy(), y.numpy()) for x, y in evaluation_batches(IMAGES, LABELS, batch_size=32)]
    assert [len(y) for _, y in shown] == [32, 32, 6]
    assert numbers(shown) == list(range(COUNT))
    assert shown[0][0].dtype == np.float32
    np.testing.assert_array_equal(np.concatenate([y for _, y in shown]), LABELS)
