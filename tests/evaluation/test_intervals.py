import pytest
from scipy.stats import binomtest

from inkproof.evaluation.statistics import wilson


@pytest.mark.parametrize(("correct", "n"), [(8, 10), (1, 3), (9942, 10_000), (0, 25), (25, 25), (180, 360)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_is_the_score_interval_of_scipy(correct: int, n: int, confidence: float) -> None:
    expected = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    assert wilson(correct, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_digits_the_interval_is_everything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_all_or_none_correct_ends_exactly_at_the_edge() -> None:
    for n in range(1, 400):
        assert wilson(0, n)[0] == 0.0
        assert wilson(n, n)[1] == 1.0


@pytest.mark.parametrize(("correct", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, -0.1), (1, 2, 95)])
def test_impossible_counts_are_an_error(correct: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must "):
        wilson(correct, n, confidence)
