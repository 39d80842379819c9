"""Which digits a run trains on and which it is judged by while it trains."""

from pathlib import Path

import numpy as np

from inkproof.errors import UserError
from inkproof.sources.digits import Digits, load_training


def training_split(path: Path, val: int, train_size: int | None, subset_seed: int = 0) -> tuple[Digits, Digits | None]:
    """Return (training digits, validation digits) of the digits file at `path`.

    `val` must be the number of validation digits the file was made with, or 0: then they are trained on
    too and there is no validation (the recipes as published). `train_size` keeps only so many training
    digits, the classes in equal parts; which ones, `subset_seed` decides, and with the same seed a smaller choice is
    contained in a larger one. Raises UserError.
    """
    train, held_out = load_training(path)
    if val == 0:
        both = zip(train, held_out, strict=True)
        train = Digits(*(np.concatenate(pair) for pair in both))
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
