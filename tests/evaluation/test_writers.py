import time

import numpy as np
import pytest

from inkproof.evaluation.statistics import interval_of, share_interval, wilson, writer_bootstrap


def test_it_agrees_with_gathering_the_digits_of_resampled_writers() -> None:
    rng = np.random.default_rng(3)
    writers = np.repeat([f"w{i}" for i in range(9)], rng.integers(5, 60, 9))
    correct = rng.random(writers.size) < rng.uniform(0.5, 1, 9)[np.unique(writers, return_inverse=True)[1]]
    own = {name: correct[writers == name] for name in np.unique(writers)}
    accuracies = [np.concatenate([own[w] for w in rng.choice(list(own), 9)]).mean() for _ in range(4000)]
    expected = np.quantile(accuracies, [0.025, 0.975])
    assert writer_bootstrap(correct, writers, resamples=20_000) == pytest.approx(expected, abs=0.01)


def test_writers_who_differ_widen_the_interval_beyond_wilson() -> None:
    writers = np.repeat([f"w{i}" for i in range(10)], 100)
    correct = np.repeat([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], 100).astype(bool)
    low, high = writer_bootstrap(correct, writers)
    narrow = wilson(int(correct.sum()), correct.size)
    assert high - low > 4 * (narrow[1] - narrow[0])
    assert low < 0.8 < high


def test_equal_writers_leave_no_spread() -> None:
    writers = ["a", "a", "b", "b", "c", "c"]
    assert writer_bootstrap([True, False] * 3, writers) == (0.5, 0.5)


def test_the_seed_decides() -> None:
    rng = np.random.default_rng(0)
    writers = rng.integers(0, 14, 500).astype(str)
    correct = rng.random(500) < 0.9
    first = writer_bootstrap(correct, writers, seed=5)
    assert first == writer_bootstrap(correct, writers, seed=5)
    assert first != writer_bootstrap(correct, writers, seed=6)


def test_higher_confidence_is_wider() -> None:
    rng = np.random.default_rng(1)
    writers = rng.integers(0, 14, 500).astype(str)
    correct = rng.random(500) < 0.8
    inner, outer = (writer_bootstrap(correct, writers, confidence=c) for c in (0.5, 0.99))
    assert outer[0] < inner[0] < inner[1] < outer[1]


@pytest.mark.parametrize(("correct", "writers"), [([True, False], ["a", "a"]), ([], []), ([True], ["a", "b"])])
def test_one_writer_or_other_lengths_are_an_error(correct: list[bool], writers: list[str]) -> None:
    with pytest.raises(ValueError, match="writer"):
        writer_bootstrap(correct, writers)


def test_ten_thousand_digits_by_297_writers_take_under_a_second() -> None:
    rng = np.random.default_rng(0)
    writers = rng.integers(0, 297, 10_000).astype(np.int32)
    correct = rng.random(10_000) < 0.99
    begin = time.perf_counter()
    low, high = writer_bootstrap(correct, writers, resamples=2000)
    assert time.perf_counter() - begin < 1
    assert low < correct.mean() < high


def test_where_all_digits_are_correct_each_writer_counts_once() -> None:
    # All resamples are equal, and an interval from 100% to 100% would claim to know every other writer.
    writers = np.repeat(np.arange(20), 50)
    assert share_interval(np.ones(1000), writers) == wilson(20, 20)
    assert share_interval(np.zeros(1000), writers) == wilson(0, 20)


@pytest.mark.parametrize(
    ("writers", "kind"), [(None, "wilson"), (np.arange(40) % 4, "wilson"), (np.arange(40) % 5, "writers")]
)
def test_unknown_or_few_writers_get_wilsons_interval(writers: np.ndarray | None, kind: str) -> None:
    correct = np.arange(40) % 7 > 0
    expected = writer_bootstrap(correct, writers) if kind == "writers" and writers is not None else wilson(34, 40)
    assert interval_of(writers) == kind
    assert share_interval(correct, writers) == expected
