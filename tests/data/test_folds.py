"""Folds: a partition of all training digits, even in size and classes, or by writer; training sees all but one."""

from pathlib import Path

import numpy as np
import pytest

from inkproof.data.digits import NOT_A_DIGIT, Digits, load_training, write_digits
from inkproof.data.splits import all_training_digits, fold_numbers, left_out, train_and_val, training_split
from inkproof.runtime.errors import UserError


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


WRITERS = np.random.default_rng(1).integers(0, 40, 360).astype(np.int32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """360 digits of 40 writers, each writer in the training and in the validation digits."""
    splits = {"train": numbered(300), "val": numbered(60, 300), "test": numbered(10, 360)}
    write_digits(tmp_path, splits, {"train_writers": WRITERS[:300], "val_writers": WRITERS[300:]})
    return tmp_path


def writers_of(digits: Digits) -> set[int]:
    return set(WRITERS[sorted(numbers_of(digits))].tolist())


@pytest.mark.parametrize("split", ["digit", "writer"])
def test_training_sees_every_digit_but_those_left_out(split: str, folder: Path) -> None:
    seen = []
    for fold in range(4):
        train, val = training_split(folder, 0, None, folds=4, fold=fold, split=split)
        assert val is None
        everything = all_training_digits(folder)
        held = left_out(folder, split, 4, fold)
        left = Digits(everything.images[held], everything.labels[held])
        out = numbers_of(left)
        assert numbers_of(train) == set(range(360)) - out
        assert (split == "digit") == bool(writers_of(train) & writers_of(left))
        assert abs(len(out) - 90) <= (0 if split == "digit" else np.bincount(WRITERS).max())
        seen += sorted(out)
    assert sorted(seen) == list(range(360))
    again, _ = training_split(folder, 0, None, folds=4, fold=5, split=split)
    assert numbers_of(again) == numbers_of(training_split(folder, 0, None, folds=4, fold=1, split=split)[0])


def test_no_writer_is_in_training_and_validation(folder: Path) -> None:
    train, val = training_split(folder, 60, None, split="writer")
    assert val is not None
    assert not writers_of(train) & writers_of(val)
    assert numbers_of(train) | numbers_of(val) == set(range(360)) and len(train.labels) + len(val.labels) == 360
    assert abs(len(val.labels) - 60) <= np.bincount(WRITERS).max() / 2
    for one, same in zip((train, val), train_and_val(folder, "writer"), strict=True):
        assert (one.images == same.images).all() and (one.labels == same.labels).all()
    assert sorted(writers_of(val)) != list(range(len(writers_of(val)))), "not in the order of their numbers"
    assert writers_of(load_training(folder)[1]) & writers_of(load_training(folder)[0]), "by digit they are in both"


def test_a_file_without_writers_is_split_by_digit_alone(tmp_path: Path) -> None:
    write_digits(tmp_path, {"train": numbered(300), "val": numbered(60, 300), "test": numbered(10, 360)})
    for wanted in ({"val": 60}, {"val": 0, "folds": 4}):
        with pytest.raises(UserError, match=r"^data\.split=writer: .*choose data\.split=digit") as caught:
            training_split(tmp_path, train_size=None, split="writer", **wanted)
        assert "\n" not in str(caught.value)


def test_writers_that_are_not_one_a_digit(tmp_path: Path) -> None:
    splits = {"train": numbered(300), "val": numbered(60, 300), "test": numbered(10, 360)}
    write_digits(tmp_path, splits, {"train_writers": WRITERS[:299], "val_writers": WRITERS[300:]})
    with pytest.raises(UserError, match=r"train_writers is int32 \(299,\), not int32 \(300,\)"):
        training_split(tmp_path, 60, None, split="writer")


def test_images_that_are_no_digit_cannot_be_left_out_and_classified(tmp_path: Path) -> None:
    train = numbered(300)
    train.labels[7] = NOT_A_DIGIT
    write_digits(tmp_path, {"train": train, "val": numbered(60, 300), "test": numbered(10, 360)})
    assert len(training_split(tmp_path, 0, None)[0].labels) == 360
    with pytest.raises(UserError, match=r"training.folds=4: .* images that are no digit"):
        training_split(tmp_path, 0, None, folds=4)
