"""The one figure of drawings by which MLflow's table compares models, and a model that is not exported."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import DrawnConfig
from inkproof.evaluation.metrics import summarize_set
from inkproof.evaluation.results import DrawnSet, FormResult
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.runtime.errors import UserError
from inkproof.stages.drawn import drawn, metrics_of
from inkproof.tracking.run_metadata import RunMetadata


def test_a_model_that_is_not_exported_is_one_line_with_the_command(tmp_path: Path) -> None:
    metadata = cast(RunMetadata, None)  # not needed yet
    chosen = (f"report={tmp_path}", f"exported={tmp_path / 'model.tflite'}", "data=optdigits", "model=cnn")
    export = "python src/export.py data=optdigits model=cnn"
    with composing() as compose:
        for word, command in {"run=runs/a": f"{export} run=runs/a", "name=cnn-s1": f"{export} name=cnn-s1"}.items():
            with pytest.raises(UserError, match=f"model.tflite: no such file; run `{command}` first"):
                drawn(metadata, compose(DrawnConfig, (*chosen, word)))
    assert list(tmp_path.iterdir()) == []


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


def test_each_form_of_digit_is_a_metric():
    form = FormResult(n=27, accuracy=0.9, low=0.8, high=0.95)
    sets = {"unipen": drawn_set({NORMALIZED_METHOD: 9}).model_copy(update={"forms": {"slashed_0": form}})}
    assert metrics_of(sets)["form_slashed_0_accuracy"] == 0.9
