"""Cross-validation: all training digits dealt into folds of equal size, each of which is left out once."""

from pathlib import Path

import numpy as np

from inkproof.sources.digits import Digits, load_training

# The folds are the same for every run whatever its own seed: figures of two runs speak of the same digits.
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
