import numpy as np
import pytest
from sklearn.metrics import log_loss

from inkproof.evaluation.calibration import checked, expected_calibration_error, nll, reliability


def sure_of(digit: int, confidence: float) -> list[float]:
    row = [(1 - confidence) / 9] * 10
    row[digit] = confidence
    return row


def random_probabilities(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(10, 0.3), n).astype(np.float32), rng.integers(0, 10, n).astype(np.uint8)


def test_nll_is_the_log_loss_of_scikit_learn() -> None:
    p, y = random_probabilities(500)
    p = np.clip(p.astype(float), 1e-6, 1)
    p /= p.sum(axis=1, keepdims=True)
    assert nll(p, y) == pytest.approx(log_loss(y, p, labels=range(10)))


def test_a_certain_error_costs_much_but_stays_finite() -> None:
    p = np.eye(10, dtype=np.float32)[[3, 3]]
    assert nll(p, [3, 4]) == pytest.approx(-np.log(1e-12) / 2)


def test_calibration_error_of_a_worked_example() -> None:
    # Two digits at 0.95, one correct: |0.5 - 0.95|. Two at 0.55, both correct: |1 - 0.55|.
    p = [sure_of(1, 0.95), sure_of(1, 0.95), sure_of(2, 0.55), sure_of(2, 0.55)]
    assert expected_calibration_error(p, [1, 7, 2, 2], bins=10) == pytest.approx(0.45)


def test_a_calibrated_model_has_no_calibration_error() -> None:
    p = [sure_of(4, 0.8)] * 10
    assert expected_calibration_error(p, [4] * 8 + [5] * 2) == pytest.approx(0.0)


def test_reliability_covers_every_digit_once() -> None:
    p, y = random_probabilities(1000)
    rows = reliability(p, y, bins=15)
    assert rows["low"].tolist()[1:] == rows["high"].tolist()[:-1]
    assert rows["n"].sum() == 1000
    assert (rows["n"] * rows["accuracy"]).sum() == pytest.approx((p.argmax(axis=1) == y).sum())


def test_the_upper_edge_belongs_to_a_bin_and_empty_bins_have_no_figures() -> None:
    rows = reliability([sure_of(0, 0.5), sure_of(0, 1.0)], [0, 0], bins=2)
    assert rows["n"].tolist() == [1, 1]
    empty = reliability([sure_of(0, 1.0)], [0], bins=2).iloc[0]
    assert empty["n"] == 0
    assert empty[["confidence", "accuracy"]].isna().all()


def test_a_float32_probability_just_above_one_stays_in_the_last_bin() -> None:
    p = np.zeros((1, 10), np.float32)
    p[0, 2] = np.nextafter(np.float32(1), np.float32(2))
    last = reliability(p, [2]).iloc[-1]
    assert last["n"] == 1
    assert last["confidence"] == 1.0


@pytest.mark.parametrize(
    ("probabilities", "labels", "word"),
    [
        (np.full((2, 9), 0.1), [0, 1], "expected"),
        (np.full((2, 10), 0.1), [0], "expected"),
        (np.full((1, 10), 0.1), [10], "digits"),
        (np.full((1, 10), np.nan), [1], "finite"),
    ],
)
def test_what_cannot_be_scored_is_an_error(probabilities: np.ndarray, labels: list[int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        checked(probabilities, labels)


def test_scores_of_no_digits_are_an_error() -> None:
    for score in (nll, expected_calibration_error):
        with pytest.raises(ValueError, match="no digits"):
            score(np.empty((0, 10)), np.empty(0))
