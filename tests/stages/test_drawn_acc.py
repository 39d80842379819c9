"""The one figure of drawings by which MLflow's table compares models."""

import numpy as np

from inkproof.evaluation.metrics import summarize_set
from inkproof.evaluation.results import DrawnSet
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.stages.drawn import metrics_of


def drawn_set(right: dict[str, int]) -> DrawnSet:
    """Ten drawings, of which each method predicts so many correctly."""
    labels = np.arange(10)
    predicted = {method: np.where(labels < n, labels, (labels + 1) % 10) for method, n in right.items()}
    return summarize_set(labels, predicted, np.array(["w"] * 10))


def test_it_is_the_normalizer_s_on_the_pen_digits_even_if_another_method_or_set_is_better():
    sets = {"starter": drawn_set({NORMALIZED_METHOD: 9}), "pens": drawn_set({NORMALIZED_METHOD: 7, "mnist_style": 8})}
    assert metrics_of(sets)["drawn_acc"] == 0.7
    assert metrics_of({"starter": sets["starter"]})["drawn_acc"] == 0.9
    assert "drawn_acc" not in metrics_of({"mine": sets["starter"]})
