"""Temperature scaling: the result is known where the logits were made too large by a known factor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from inkproof.evaluation.calibration import fit_temperature, nll


def calibrated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated logits: each label is drawn by their softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 10))
    drawn = softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))
    return logits, drawn.sum(axis=1).clip(0, 9)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_logits_made_too_large_by_a_factor_have_it_as_temperature(factor: float) -> None:
    logits, labels = calibrated(20_000)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.03)


def test_no_other_temperature_is_better() -> None:
    logits, labels = calibrated(500, seed=1)
    best = fit_temperature(3 * logits, labels)

    def loss(temperature: float) -> float:
        return nll(softmax(3 * logits / temperature, axis=1), labels)

    assert all(loss(best) <= loss(other) for other in np.geomspace(0.1, 20, 400))


@settings(max_examples=20)
@given(st.floats(-50, 50), st.integers(0, 100))
def test_log_probabilities_serve_as_logits(shift: float, seed: int) -> None:
    logits, labels = calibrated(200, seed)
    expected = fit_temperature(logits, labels)
    assert fit_temperature(log_softmax(logits, axis=1), labels) == pytest.approx(expected, rel=1e-3)
    assert fit_temperature(logits + shift, labels) == pytest.approx(expected, rel=1e-3)


def test_without_errors_and_with_errors_alone_the_temperature_stays_within_bounds() -> None:
    logits = 5 * np.eye(10)
    assert fit_temperature(logits, range(10)) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(logits, (np.arange(10) + 1) % 10) == pytest.approx(20, rel=0.01)


def test_no_digits_and_infinite_logits_are_an_error() -> None:
    with pytest.raises(ValueError, match="no digits"):
        fit_temperature(np.empty((0, 10)), [])
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(np.full((1, 10), -np.inf), [0])
