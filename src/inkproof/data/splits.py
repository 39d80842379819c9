"""Which digits are for training, for validation and for the folds of a cross-validation."""

from pathlib import Path

import numpy as np

from inkproof.data.digits import Digits, load_training
from inkproof.runtime.errors import UserError


def cut(labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (those that stay, those cut off), both ascending; `count` are cut off.

    `labels` is (N,) integers. Each class gives its share of `count`, rounded by largest remainder, ties to
    the smaller label. Raises ValueError where `count` is negative or leaves nothing.
    """
    if not 0 <= count < len(labels):
        raise ValueError(f"cannot cut {count:,} off {len(labels):,} digits")
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


# The folds are the same for every run whatever its own seed: figures of two runs are about the same digits.
_SEED = 1998


def all_training_digits(path: Path) -> Digits:
    """Return the training and then the validation digits of the digits file at `path` as one."""
    return Digits(*(np.concatenate(pair) for pair in zip(*load_training(path), strict=True)))


def fold_numbers(labels: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold (N,), 0 to `folds` - 1, that each digit belongs to; classes and sizes are even to one digit."""
    order = np.random.default_rng(_SEED).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    numbers = np.empty(len(labels), np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def left_out(labels: np.ndarray, folds: int, fold: int) -> np.ndarray:
    """Return the indices, ascending, of the digits in `fold`, which is counted modulo `folds`."""
    return np.flatnonzero(fold_numbers(labels, folds) == fold % folds)


def training_split(
    path: Path, val: int, train_size: int | None, subset_seed: int = 0, folds: int | None = None, fold: int = 0
) -> tuple[Digits, Digits | None]:
    """Return (training digits, validation digits) of the digits file at `path`.

    `val` must be the number of validation digits the file was made with, or 0: then they are trained on
    too and there is no validation (the recipes as published). `train_size` keeps only so many training
    digits, the classes in equal parts; which ones, `subset_seed` decides, and with the same seed a smaller choice is
    contained in a larger one. With `folds`, which needs `val` 0, the digits of `fold` are left out. Raises UserError.
    """
    train, held_out = load_training(path)
    if val == 0:
        train = all_training_digits(path)
        if folds is not None:
            kept = np.ones(len(train.labels), bool)
            kept[left_out(train.labels, folds, fold)] = False
            train = Digits(train.images[kept], train.labels[kept])
    elif val != len(held_out.labels):
        raise UserError(f"data.val={val}: {path} was made with {len(held_out.labels)}; use that, or 0 to train on all")
    if train_size is not None:
        if train_size > len(train.labels):
            raise UserError(f"training.train_size={train_size}: there are {len(train.labels)} training digits")
        kept = _balanced(train.labels, train_size, subset_seed)
        train = Digits(train.images[kept], train.labels[kept])
    return train, None if val == 0 else held_out


def _balanced(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(len(labels))
    rank = np.empty(len(labels), np.int64)
    for digit in range(10):
        members = order[labels[order] == digit]
        rank[members] = np.arange(len(members))
    return np.sort(order[np.argsort(rank[order], kind="stable")][:size])
