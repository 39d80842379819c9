import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkproof.evaluation.coverage import accuracy_at_coverage, area_under_risk_coverage, coverage_curve, operating_point
from inkproof.evaluation.statistics import wilson, writer_bootstrap

# Few distinct scores, so that most are ties.
DIGITS = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40)


def test_curve_of_a_worked_example() -> None:
    curve = coverage_curve([0.9, 0.5, 0.7, 0.5], [True, False, True, True])
    assert curve.threshold.tolist() == [0.9, 0.7, 0.5]
    assert curve.coverage.tolist() == [0.25, 0.5, 1.0]
    assert curve.accuracy.tolist() == [1.0, 1.0, 0.75]


@given(DIGITS)
def test_coverage_rises_as_the_threshold_falls_and_ends_with_every_digit(digits: list[tuple[int, bool]]) -> None:
    scores, correct = np.array(digits).T
    curve = coverage_curve(scores, correct)
    assert (np.diff(curve.threshold) < 0).all()
    assert (np.diff(curve.coverage) > 0).all()
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(correct.mean())


@given(DIGITS)
def test_every_point_is_what_its_threshold_accepts(digits: list[tuple[int, bool]]) -> None:
    scores, correct = np.array(digits).T
    curve = coverage_curve(scores, correct)
    for threshold, coverage, accuracy in zip(curve.threshold, curve.coverage, curve.accuracy, strict=True):
        accepted = scores >= threshold
        assert coverage == pytest.approx(accepted.mean())
        assert accuracy == pytest.approx(correct[accepted].mean())


@given(DIGITS, st.floats(0.01, 1))
def test_the_threshold_for_a_coverage_is_the_strictest_that_reaches_it(
    digits: list[tuple[int, bool]], coverage: float
) -> None:
    scores, correct = np.array(digits).T
    curve = coverage_curve(scores, correct)
    index = curve.at(coverage)
    assert curve.coverage[index] >= coverage - 1e-9
    assert index == 0 or curve.coverage[index - 1] < coverage


def test_a_share_that_binary_fractions_miss_is_still_that_many_digits() -> None:
    curve = coverage_curve(np.arange(10.0), np.ones(10))
    assert 0.1 + 0.2 > 3 / 10
    assert curve.coverage[curve.at(0.1 + 0.2)] == 0.3


def test_accuracy_at_95_percent_comes_with_the_interval_of_the_accepted() -> None:
    correct = np.arange(100) >= 7  # the least sure are wrong
    at = accuracy_at_coverage(np.arange(100.0), correct)
    assert (at.coverage, at.threshold) == (0.95, 5.0)
    assert at.accuracy == pytest.approx(93 / 95)
    assert (at.low, at.high) == wilson(93, 95)


def test_the_interval_of_accepted_digits_is_over_their_writers() -> None:
    rng = np.random.default_rng(1)
    writers = rng.integers(0, 12, 400)
    scores, correct = rng.random(400), rng.random(400) < np.linspace(0.5, 1, 12)[writers]
    at = accuracy_at_coverage(scores, correct, 0.9, writers)
    accepted = scores >= at.threshold
    assert (at.low, at.high) == writer_bootstrap(correct[accepted], writers[accepted])
    assert at.interval == "writers"
    few = operating_point(scores, correct, 0.5, writers % 4)
    assert (few.low, few.high) == wilson(int(correct[scores >= 0.5].sum()), int((scores >= 0.5).sum()))
    assert few.interval == "wilson", "four writers are too few"


def test_accepting_nothing_has_no_accuracy() -> None:
    at = operating_point([0.1, 0.2], [True, True], 0.5, ["a", "b"])
    assert (at.n, at.threshold, at.coverage, at.accuracy) == (2, 0.5, 0.0, None)
    assert (at.low, at.high, at.interval) == (0.0, 1.0, "wilson")


def test_area_under_risk_coverage_of_a_worked_example() -> None:
    # Error rates of the 1, 2, 3 and 4 surest: 0, 1/2, 1/3, 1/2.
    assert area_under_risk_coverage([4, 3, 2, 1], [True, False, True, False]) == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 2) / 4
    )


@settings(max_examples=25)
@given(DIGITS)
def test_area_with_equal_scores_is_the_mean_over_their_orders(digits: list[tuple[int, bool]]) -> None:
    scores, correct = np.array(digits).T
    rng = np.random.default_rng(0)
    noise = rng.random((400, scores.size)) / 2
    surest_first = np.argsort(-(scores + noise), axis=1)
    errors = np.cumsum(correct[surest_first] == 0, axis=1)
    shuffled = np.mean(errors / np.arange(1, scores.size + 1))
    assert area_under_risk_coverage(scores, correct) == pytest.approx(shuffled, abs=0.09)


def test_sure_mistakes_cost_more_area_than_unsure_ones() -> None:
    correct = np.arange(50) % 10 > 0
    assert area_under_risk_coverage(correct + 0.0, correct) < area_under_risk_coverage(np.arange(50), correct)
    assert area_under_risk_coverage(np.arange(50), correct) < area_under_risk_coverage(1.0 - correct, correct)


@pytest.mark.parametrize(
    ("scores", "correct", "word"),
    [([], [], "one score"), ([1.0], [True, False], "one score"), ([np.nan], [True], "finite")],
)
def test_what_has_no_curve_is_an_error(scores: list[float], correct: list[bool], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        coverage_curve(scores, correct)


def test_a_coverage_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="coverage"):
        accuracy_at_coverage([1.0], [True], 0.0)
