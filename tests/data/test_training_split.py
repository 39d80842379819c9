"""Which digits a run trains on."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from inkproof.data.digits import NOT_A_DIGIT, Digits, write_digits
from inkproof.data.splits import spread, training_split
from inkproof.runtime.errors import UserError

TRAIN, VAL = 300, 50


def digits(count: int, seed: int) -> Digits:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    return Digits(images, rng.integers(0, 10, count).astype(np.uint8))


@pytest.fixture(scope="module")
def splits() -> dict[str, Digits]:
    return {"train": digits(TRAIN, 1), "val": digits(VAL, 2), "test": digits(40, 3)}


@pytest.fixture(scope="module")
def path(splits: dict[str, Digits], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_digits(folder, splits)
    return folder / "digits.npz"


def rows(digits: Digits) -> set[bytes]:
    return {image.tobytes() + bytes([label]) for image, label in zip(*digits, strict=True)}


def test_the_splits_as_they_were_made(path: Path, splits: dict[str, Digits]) -> None:
    train, val = training_split(path, VAL, None)
    assert val is not None
    for got, expected in ((train, splits["train"]), (val, splits["val"])):
        np.testing.assert_array_equal(got.images, expected.images)
        np.testing.assert_array_equal(got.labels, expected.labels)


def test_val_0_trains_on_the_validation_digits_too(path: Path, splits: dict[str, Digits]) -> None:
    train, val = training_split(path, 0, None)
    assert val is None
    assert len(train.labels) == TRAIN + VAL
    assert rows(train) == rows(splits["train"]) | rows(splits["val"])
    assert not rows(train) & rows(splits["test"])


def test_images_of_no_digit_are_chosen_as_a_class_of_their_own(splits: dict[str, Digits], tmp_path: Path) -> None:
    train = splits["train"]
    labels = np.where(np.arange(TRAIN) % 10 == 0, np.uint8(NOT_A_DIGIT), train.labels)
    write_digits(tmp_path, {**splits, "train": Digits(train.images, labels)})
    chosen = [training_split(tmp_path / "digits.npz", VAL, 110)[0] for _ in range(2)]
    assert np.bincount(chosen[0].labels, minlength=11).tolist() == [10] * 11
    assert np.array_equal(chosen[0].images, chosen[1].images)


@pytest.mark.parametrize("val", [7, 51, 5000])
def test_another_number_is_rejected_with_the_right_one(path: Path, val: int) -> None:
    with pytest.raises(UserError, match=re.escape(f"data.val={val}: {path} was made with 50; use that, or 0")):
        training_split(path, val, None)


@pytest.mark.parametrize("size", [10, 50, 137])
def test_a_smaller_training_set_is_balanced(path: Path, size: int) -> None:
    train, val = training_split(path, VAL, size)
    counts = np.bincount(train.labels, minlength=10)
    assert counts.sum() == size
    assert counts.max() - counts.min() <= 1
    assert val is not None
    assert len(val.labels) == VAL


def test_a_smaller_training_set_is_part_of_a_larger_one(path: Path, splits: dict[str, Digits]) -> None:
    nested = [rows(training_split(path, VAL, size)[0]) for size in (10, 50, 137, 250, TRAIN)]
    for smaller, larger in pairwise(nested):
        assert smaller < larger
    assert nested[-1] == rows(splits["train"])
    again = training_split(path, VAL, 50)[0]
    np.testing.assert_array_equal(again.images, training_split(path, VAL, 50)[0].images)


def test_another_seed_chooses_other_digits(path: Path) -> None:
    def chosen(seed: int, size: int) -> set[bytes]:
        return rows(training_split(path, VAL, size, seed)[0])

    assert chosen(0, 50) == rows(training_split(path, VAL, 50)[0])
    assert len(chosen(0, 50) & chosen(1, 50)) < 25
    assert chosen(1, 50) < chosen(1, 137)
    assert chosen(0, TRAIN) == chosen(1, TRAIN)


def test_more_than_there_are_is_rejected(path: Path) -> None:
    assert len(training_split(path, 0, TRAIN + VAL)[0].labels) == TRAIN + VAL
    with pytest.raises(UserError, match="train_size=301: there are 300 training digits"):
        training_split(path, VAL, TRAIN + 1)


@pytest.mark.parametrize(
    ("count", "most", "chosen"), [(5, 9, [0, 1, 2, 3, 4]), (10, 4, [0, 3, 6, 9]), (0, 3, []), (7, 1, [0])]
)
def test_indices_are_spread_from_the_first_to_the_last(count: int, most: int, chosen: list[int]) -> None:
    assert spread(count, most).tolist() == chosen
