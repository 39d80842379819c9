"""The bounds within which an exported file counts as the model."""

import re

import numpy as np
import pytest

from inkproof.errors import UserError
from inkproof.exporting.agreement import check_agreement, compare

EXACT = {"max_difference": 0.0, "accuracy_difference": 0.0}


def float32(difference: float) -> dict[str, float]:
    return {**EXACT, "max_difference": difference}


def int8(lost: int, n: int) -> dict[str, float]:
    """The figures of a file that reads `lost` of `n` digits fewer, as `compare` computes them."""
    right = n - n // 10
    return {"max_difference": 0.3, "accuracy_difference": (right - lost) / n - right / n}


def test_compare() -> None:
    labels = np.array([0, 1, 2, 3])
    reference = np.eye(10)[[0, 1, 2, 9]] * 0.9 + 0.01  # three right
    exported = reference.copy()
    exported[1] = np.roll(exported[1], 1)  # one of them read otherwise, and wrongly
    assert compare(reference, exported, labels) == {
        "accuracy": 0.5,
        "accuracy_difference": -0.25,
        "agreement": 0.75,
        "max_difference": pytest.approx(0.9),
    }
    assert compare(exported, reference, labels)["accuracy_difference"] == 0.25
    assert compare(reference, reference, labels)["max_difference"] == 0


@pytest.mark.parametrize("difference", [0.0, 1e-3])
def test_float32_within_its_bound(difference: float) -> None:
    check_agreement(float32(difference), EXACT, 360)


@pytest.mark.parametrize("difference", [1.01e-3, 0.5, float("nan")])
def test_float32_beyond_its_bound(difference: float) -> None:
    with pytest.raises(UserError, match=r"float32 file: a probability differs from Keras by .*, more than 1e-03"):
        check_agreement(float32(difference), EXACT, 10_000)


@pytest.mark.parametrize(
    ("n", "allowed"),
    [(360, 3), (1500, 3), (2000, 4), (10_000, 20)],  # three digits, or 0.2 points where that is more
)
def test_int8_at_and_beyond_its_bound(n: int, allowed: int) -> None:
    check_agreement(EXACT, int8(allowed, n), n)
    check_agreement(EXACT, int8(-5, n), n)  # better than Keras is no fault
    with pytest.raises(UserError, match=re.escape(f"reads {allowed + 1} of {n} digits fewer than Keras, more than")):
        check_agreement(EXACT, int8(allowed + 1, n), n)
