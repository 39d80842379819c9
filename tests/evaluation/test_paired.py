import numpy as np
import pytest
from scipy.stats import binomtest

from inkproof.evaluation.statistics import discordant, mcnemar


@pytest.mark.parametrize(("only_a", "only_b"), [(12, 30), (30, 12), (5, 5), (0, 6), (1, 0), (400, 310)])
def test_p_is_that_of_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True] * 50 + [False] * 3)
    b = np.array([False] * only_a + [True] * only_b + [True] * 50 + [False] * 3)
    assert discordant(a, b) == (only_a, only_b)
    assert mcnemar(a, b) == pytest.approx(binomtest(only_a, only_a + only_b).pvalue)


def test_models_that_agree_everywhere_do_not_differ() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same) == 1.0


def test_different_digits_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="same digits"):
        mcnemar([True, False], [True])
