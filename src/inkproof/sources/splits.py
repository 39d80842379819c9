"""Cutting a split off a labelled set: stratified and seeded, so every run and every machine cuts the same."""

import numpy as np


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
