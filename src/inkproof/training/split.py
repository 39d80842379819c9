"""Which digits a run trains on and which it is judged by while it trains."""

from pathlib import Path

import numpy as np

from inkproof.errors import UserError
from inkproof.sources.digits import Digits, load_training
from inkproof.training.folds import all_training_digits, left_out


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
            raise UserError(f"train_size={train_size}: there are {len(train.labels)} training digits")
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
