import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from inkproof.evaluation.coverage import auroc, auroc_interval

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_area_is_the_share_of_pairs_in_the_right_order(digits: list[int], ood_samples: list[int]) -> None:
    statistic = mannwhitneyu(digits, ood_samples).statistic
    assert auroc(digits, ood_samples) == pytest.approx(statistic / (len(digits) * len(ood_samples)))


def test_area_of_worked_examples() -> None:
    assert auroc([3, 4], [1, 2]) == 1
    assert auroc([1, 2], [3, 4]) == 0
    assert auroc([1, 1], [1, 1, 1]) == 0.5
    with pytest.raises(ValueError, match="needs digits"):
        auroc([1], [])


def normal(n: int, mean: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, n)


def test_interval_has_the_width_that_theory_gives_and_the_area_inside() -> None:
    digits, ood_samples = normal(400, 1.2, 0), normal(300, 0, 1)
    low, high = auroc_interval(digits, ood_samples)
    area = auroc(digits, ood_samples)
    assert low < area < high
    # J. A. Hanley and B. J. McNeil, Radiology 143 (1982).
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + 399 * (q1 - area**2) + 299 * (q2 - area**2)) / (400 * 300)
    assert high - low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.15)


def test_interval_contains_the_area_with_equal_scores_and_samples_in_any_order() -> None:
    digits, ood_samples = np.round(normal(200, 1, 2)), np.round(normal(150, 0, 3))
    low, high = auroc_interval(digits, ood_samples)
    assert low < auroc(digits, ood_samples) < high
    groups = np.arange(150) % 7
    shuffle = np.random.default_rng(0).permutation(150)
    one = auroc_interval(digits, ood_samples, None, groups)
    assert auroc_interval(digits, ood_samples[shuffle], None, groups[shuffle]) == pytest.approx(one)


def test_groups_that_go_together_widen_the_interval() -> None:
    group = np.repeat(np.arange(8), 40)
    digits = normal(320, 1, 4) + 2 * normal(8, 0, 5)[group]
    ood_samples = normal(300, 0, 6)
    alone = np.ptp(auroc_interval(digits, ood_samples))
    assert np.ptp(auroc_interval(digits, ood_samples, group)) > 2 * alone
    assert np.ptp(auroc_interval(digits, ood_samples, np.arange(320))) == pytest.approx(alone, rel=0.01)


def test_with_fewer_than_five_groups_each_drawing_counts_for_itself() -> None:
    digits, ood_samples = normal(300, 1, 7), normal(200, 0, 8)
    alone = auroc_interval(digits, ood_samples)
    # One writer's digits would all be in every resample, as if they could not have been others.
    assert auroc_interval(digits, ood_samples, ["me"] * 300, np.arange(200) % 4) == alone


def test_each_drawing_needs_its_group() -> None:
    with pytest.raises(ValueError, match="group"):
        auroc_interval([1, 2], [0], ["a"])
