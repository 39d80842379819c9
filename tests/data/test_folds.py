"""Folds: a partition of all training digits, even in size and classes; training sees all but one."""

from pathlib import Path

import numpy as np

from inkproof.data.digits import Digits, write_digits
from inkproof.data.splits import all_training_digits, fold_numbers, left_out, training_split


def numbered(count: int, first: int = 0) -> Digits:
    """Digits whose first two pixels identify them."""
    images = np.zeros((count, 28, 28), np.uint8)
    numbers = np.arange(first, first + count)
    images[:, 0, 0], images[:, 0, 1] = numbers % 256, numbers // 256
    return Digits(images, (numbers % 10).astype(np.uint8))


def numbers_of(digits: Digits) -> set[int]:
    return set((digits.images[:, 0, 0] + 256 * digits.images[:, 0, 1].astype(int)).tolist())


def test_folds_are_even_in_size_and_classes() -> None:
    labels = np.random.default_rng(0).integers(0, 10, 1003)
    numbers = fold_numbers(labels, 4)
    assert np.ptp(np.bincount(numbers, minlength=4)) <= 1
    for digit in range(10):
        assert np.ptp(np.bincount(numbers[labels == digit], minlength=4)) <= 1
    assert (np.diff(numbers[labels == 0]) != 1).any()  # not dealt in the order of the file


def test_training_sees_every_digit_but_those_left_out(tmp_path: Path) -> None:
    write_digits(tmp_path, {"train": numbered(300), "val": numbered(60, 300), "test": numbered(10, 360)})
    seen = []
    for fold in range(4):
        train, val = training_split(tmp_path, 0, None, folds=4, fold=fold)
        assert val is None
        everything = all_training_digits(tmp_path)
        held = left_out(everything.labels, 4, fold)
        out = numbers_of(Digits(everything.images[held], everything.labels[held]))
        assert numbers_of(train) == set(range(360)) - out
        seen += sorted(out)
    assert sorted(seen) == list(range(360))
    again, _ = training_split(tmp_path, 0, None, folds=4, fold=5)
    assert numbers_of(again) == numbers_of(training_split(tmp_path, 0, None, folds=4, fold=1)[0])
