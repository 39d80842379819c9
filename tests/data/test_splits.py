import numpy as np
import pytest

from inkproof.data.splits import cut
from inkproof.runtime.errors import UserError

LABELS = np.random.default_rng(0).choice(10, 1000, p=[0.05, 0.15] + 8 * [0.1])


def test_every_class_gives_its_share_and_no_digit_is_lost_or_doubled() -> None:
    rest, chosen = cut(LABELS, 137, seed=1)
    assert len(chosen) == 137
    assert sorted([*rest, *chosen]) == list(range(1000))
    shares = np.bincount(LABELS[chosen]) - np.bincount(LABELS) * 0.137
    assert (abs(shares) < 1).all()


def test_the_seed_alone_decides() -> None:
    first, again, other = (cut(LABELS, 100, seed)[1] for seed in (1, 1, 2))
    assert (first == again).all()
    assert len(np.intersect1d(first, other)) < 30


def test_the_cut_is_the_same_on_every_machine_and_version() -> None:
    # Written down once: figures of last year's models are only comparable while this holds.
    assert cut(np.arange(60) % 10, 10, seed=1998)[1].tolist() == [5, 14, 21, 40, 46, 47, 48, 52, 53, 59]


def test_nothing_may_be_cut_off_but_not_everything() -> None:
    rest, chosen = cut(LABELS, 0, seed=1)
    assert len(rest) == 1000 and len(chosen) == 0
    for count in (1000, 1001, -1):
        with pytest.raises(UserError, match=r"cannot cut .* choose a smaller data\.val"):
            cut(LABELS, count, seed=1)
