"""The bounds within which an exported file counts as the model."""

import re

import numpy as np
import pytest

from inkproof.evaluation.results import Agreement, CanvasAgreement
from inkproof.exporting.verify import check_agreement, check_canvases, compare
from inkproof.runtime.errors import UserError


def agreement(max_difference: float = 0.0, accuracy_difference: float = 0.0) -> Agreement:
    return Agreement(
        accuracy=0.9, accuracy_difference=accuracy_difference, agreement=0.9, max_difference=max_difference
    )


def lost(count: int, n: int) -> Agreement:
    """The figures of a file with `count` of `n` digits fewer correct, as `compare` computes them."""
    correct = n - n // 10
    return agreement(0.3, (correct - count) / n - correct / n)


def on_canvases(n: int, share: float, accuracy_difference: float = 0.0) -> CanvasAgreement:
    return CanvasAgreement(
        n=n, agreement=share, max_difference=0.0, accuracy=0.9, accuracy_difference=accuracy_difference
    )


def test_compare() -> None:
    labels = np.array([0, 1, 2, 3])
    reference = np.eye(10)[[0, 1, 2, 9]] * 0.9 + 0.01  # three are correct
    exported = reference.copy()
    exported[1] = np.roll(exported[1], 1)  # another prediction for one of them, and wrong
    assert compare(reference, exported, labels).content() == {
        "accuracy": 0.5,
        "accuracy_difference": -0.25,
        "agreement": 0.75,
        "max_difference": pytest.approx(0.9),
    }
    assert compare(exported, reference, labels).accuracy_difference == 0.25
    assert compare(reference, reference, labels).max_difference == 0


@pytest.mark.parametrize("quantization", ["float32", "coreml"])
def test_exact_files_differ_by_rounding_alone(quantization: str) -> None:
    for difference in (0.0, 1e-3):
        check_agreement(quantization, agreement(difference), 360)
    for difference in (1.01e-3, 0.5, float("nan")):
        with pytest.raises(
            UserError, match=rf"{quantization} file: a probability differs from Keras by .*, more than 1e-03"
        ):
            check_agreement(quantization, agreement(difference), 10_000)


@pytest.mark.parametrize("quantization", ["float16", "dynamic", "int8"])
@pytest.mark.parametrize(
    ("n", "allowed"),
    [(360, 3), (1500, 3), (2000, 4), (10_000, 20)],  # three digits, or 0.2 points where that is more
)
def test_smaller_weights_at_and_beyond_their_bound(quantization: str, n: int, allowed: int) -> None:
    check_agreement(quantization, lost(allowed, n), n)
    check_agreement(quantization, lost(-5, n), n)  # better than Keras is no error
    expected = re.escape(f"{quantization} file: {allowed + 1} of {n} digits fewer correct than with Keras, more than")
    with pytest.raises(UserError, match=expected):
        check_agreement(quantization, lost(allowed + 1, n), n)
    with pytest.raises(ValueError):
        check_agreement(quantization, agreement(0.0, float("nan")), n)


@pytest.mark.parametrize(("n", "allowed"), [(20, 1), (1000, 20), (5000, 100)])
def test_a_canvas_file_with_smaller_weights_may_accept_one_in_fifty_otherwise(n: int, allowed: int) -> None:
    check_canvases(on_canvases(n, 1 - allowed / n), "int8")
    with pytest.raises(UserError, match=rf"canvas_int8\.tflite: classifies {allowed + 1} of {n} drawings unlike Keras"):
        check_canvases(on_canvases(n, 1 - (allowed + 1) / n), "int8")


def test_a_canvas_file_with_smaller_weights_loses_hardly_a_digit() -> None:
    check_canvases(on_canvases(3000, 0.99, -15 / 3000), "dynamic")
    with pytest.raises(UserError, match=r"canvas_dynamic\.tflite: 16 of 3000 drawings fewer correct than with Keras"):
        check_canvases(on_canvases(3000, 0.99, -16 / 3000), "dynamic")
