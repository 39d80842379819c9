"""Which digits are for training, for validation and for the folds of a cross-validation."""

from pathlib import Path

import numpy as np

from inkproof.data.digits import NOT_A_DIGIT, Digits, load_digits, load_training, writers_of
from inkproof.runtime.errors import UserError

DIGIT, WRITER = "digit", "writer"


def cut(labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (those that stay, those cut off), both ascending; `count` are cut off.

    `labels` is (N,) integers. Each class gives its share of `count`, rounded by largest remainder, ties to
    the smaller label. Raises UserError where `count` is negative or leaves nothing.
    """
    if not 0 <= count < len(labels):
        advice = "choose a smaller data.val, or a smaller data.source.test where the dataset has it"
        raise UserError(f"cannot cut {count:,} off {len(labels):,} digits; {advice}")
    random = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * (count / len(labels))
    quota = np.floor(exact).astype(int)
    quota[np.argsort(quota - exact, kind="stable")[: count - quota.sum()]] += 1
    chosen = np.zeros(len(labels), dtype=bool)
    for label, size in zip(classes, quota, strict=True):
        members = np.flatnonzero(labels == label)
        chosen[random.permutation(members)[:size]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def spread(count: int, most: int) -> np.ndarray:
    """Return `most` of the indices 0 to `count` - 1, evenly spread and ascending; all of them if there are no more."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).round().astype(int))


# Splits by writer and folds are the same for every run whatever its own seed: figures of two runs are about the same
# digits.
_SEED = 1998


def all_training_digits(path: Path) -> Digits:
    """Return the training and then the validation digits of the digits file at `path` as one."""
    return Digits(*(np.concatenate(pair) for pair in zip(*load_training(path), strict=True)))


def train_and_val(path: Path, split: str) -> tuple[Digits, Digits]:
    """Return (training digits, validation digits) of the digits file at `path`, no `split` of them in both.

    With `split` "digit" they are as the file was made: a writer may be in both. With "writer" the same digits are dealt
    out anew. Writers in a random order give all their digits for validation, until these are as many as in the file or
    as near to it as whole writers come. The classes are then not in equal shares. Raises UserError for "writer" where
    the file does not know the writers.
    """
    train, val = load_training(path)
    if split == DIGIT or not len(val.labels):
        return train, val
    digits, (writer, sizes) = all_training_digits(path), _writers(path)
    order = np.random.default_rng(_SEED).permutation(len(sizes))
    taken = np.argmin(np.abs(np.cumsum(sizes[order]) - len(val.labels))) + 1
    held = np.isin(writer, order[:taken])
    return Digits(digits.images[~held], digits.labels[~held]), Digits(digits.images[held], digits.labels[held])


def _writers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The writer of each digit of `all_training_digits`, numbered from 0, and how many digits each writer has."""
    parts = [writers for part in ("train", "val") if (writers := writers_of(path, part)) is not None]
    if len(parts) < 2:
        raise UserError(
            f"data.split=writer: {path} does not have the writers of its digits; choose data.split=digit, or "
            "delete the file if its dataset has writers now, and run the same command again"
        )
    _, writer, sizes = np.unique(np.concatenate(parts), return_inverse=True, return_counts=True)
    return writer, sizes


def fold_numbers(labels: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold (N,), 0 to `folds` - 1, that each digit belongs to; classes and sizes are even to one digit."""
    order = np.random.default_rng(_SEED).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    numbers = np.empty(len(labels), np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def writer_folds(sizes: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold (W,) of each writer; `sizes` (W,) are their numbers of digits.

    In a random order, each writer joins the fold with the fewest digits. So the folds differ by less than one writer.
    """
    numbers, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for writer in np.random.default_rng(_SEED).permutation(len(sizes)):
        numbers[writer] = filled.argmin()
        filled[numbers[writer]] += sizes[writer]
    return numbers


def left_out(path: Path, split: str, folds: int, fold: int) -> np.ndarray:
    """Return the indices, ascending, of those of `all_training_digits` that are in `fold`, counted modulo `folds`.

    With `split` "writer" all digits of a writer are in one fold. Raises UserError as `train_and_val` does.
    """
    if split == DIGIT:
        numbers = fold_numbers(all_training_digits(path).labels, folds)
    else:
        writer, sizes = _writers(path)
        numbers = writer_folds(sizes, folds)[writer]
    return np.flatnonzero(numbers == fold % folds)


def training_split(
    path: Path,
    val: int,
    train_size: int | None,
    subset_seed: int = 0,
    folds: int | None = None,
    fold: int = 0,
    split: str = DIGIT,
) -> tuple[Digits, Digits | None]:
    """Return (training digits, validation digits) of the digits file at `path`; `split` as in `train_and_val`.

    `val` must be the number of validation digits the file was made with, or 0: then they are trained on
    too and there is no validation (the recipes as published). `train_size` keeps only so many training
    digits, the classes in equal parts; which ones, `subset_seed` decides, and with the same seed a smaller choice is
    contained in a larger one. With `folds`, which needs `val` 0, the digits of `fold` are left out. Raises UserError.
    """
    made_with = len(load_digits(path, "val").labels)
    if val not in (0, made_with):
        raise UserError(f"data.val={val}: {path} was made with {made_with}; use that, or 0 to train on all")
    if val:
        train, held_out = train_and_val(path, split)
    else:
        train, held_out = all_training_digits(path), None
        if folds is not None:
            if (train.labels == NOT_A_DIGIT).any():
                raise UserError(f"training.folds={folds}: {path} has images that are no digit; use data=mnist")
            kept = np.ones(len(train.labels), bool)
            kept[left_out(path, split, folds, fold)] = False
            train = Digits(train.images[kept], train.labels[kept])
    if train_size is not None:
        if train_size > len(train.labels):
            raise UserError(f"training.train_size={train_size}: there are {len(train.labels)} training digits")
        kept = _balanced(train.labels, train_size, subset_seed)
        train = Digits(train.images[kept], train.labels[kept])
    return train, held_out


def _balanced(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(len(labels))
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return np.sort(order[np.argsort(rank[order], kind="stable")][:size])
