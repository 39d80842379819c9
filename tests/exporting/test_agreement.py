"""The bounds within which an exported file counts as the model."""

import re

import numpy as np
import pytest

from inkproof.exporting.verify import check_agreement, check_canvases, compare
from inkproof.runtime.errors import UserError


def lost(count: int, n: int) -> dict[str, float]:
    """The figures of a file that reads `count` of `n` digits fewer, as `compare` computes them."""
    right = n - n // 10
    return {"max_difference": 0.3, "accuracy_difference": (right - count) / n - right / n}


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


@pytest.mark.parametrize("quantization", ["float32", "coreml"])
def test_what_computes_the_same_is_held_to_rounding(quantization: str) -> None:
    for difference in (0.0, 1e-3):
        check_agreement(quantization, {"max_difference": difference, "accuracy_difference": 0.0}, 360)
    for difference in (1.01e-3, 0.5, float("nan")):
        with pytest.raises(
            UserError, match=rf"{quantization} file: a probability differs from Keras by .*, more than 1e-03"
        ):
            check_agreement(quantization, {"max_difference": difference, "accuracy_difference": 0.0}, 10_000)


@pytest.mark.parametrize("quantization", ["float16", "dynamic", "int8"])
@pytest.mark.parametrize(
    ("n", "allowed"),
    [(360, 3), (1500, 3), (2000, 4), (10_000, 20)],  # three digits, or 0.2 points where that is more
)
def test_smaller_weights_at_and_beyond_their_bound(quantization: str, n: int, allowed: int) -> None:
    check_agreement(quantization, lost(allowed, n), n)
    check_agreement(quantization, lost(-5, n), n)  # better than Keras is no corruption
    expected = re.escape(f"{quantization} file: reads {allowed + 1} of {n} digits fewer than Keras, more than")
    with pytest.raises(UserError, match=expected):
        check_agreement(quantization, lost(allowed + 1, n), n)
    with pytest.raises(ValueError):
        check_agreement(quantization, {"max_difference": 0.0, "accuracy_difference": float("nan")}, n)


@pytest.mark.parametrize(("n", "allowed"), [(20, 1), (1000, 20), (5000, 100)])
def test_a_canvas_file_with_smaller_weights_may_accept_one_in_fifty_otherwise(n: int, allowed: int) -> None:
    check_canvases({"n": n, "agreement": 1 - allowed / n, "accuracy_difference": 0.0}, "int8")
    with pytest.raises(UserError, match=rf"canvas_int8\.tflite: reads {allowed + 1} of {n} drawings unlike Keras"):
        check_canvases({"n": n, "agreement": 1 - (allowed + 1) / n, "accuracy_difference": 0.0}, "int8")


def test_a_canvas_file_with_smaller_weights_loses_hardly_a_digit() -> None:
    check_canvases({"n": 3000, "agreement": 0.99, "accuracy_difference": -15 / 3000}, "dynamic")
    with pytest.raises(UserError, match=r"canvas_dynamic\.tflite: reads 16 of 3000 drawings fewer than Keras"):
        check_canvases({"n": 3000, "agreement": 0.99, "accuracy_difference": -16 / 3000}, "dynamic")
