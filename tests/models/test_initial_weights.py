"""Weights to begin with: which file they are, what a run is known by, and networks that they do not fit."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.models import cnn, dense
from inkproof.models.loading import start_from
from inkproof.runtime.errors import UserError
from inkproof.tracking.identity import identity, weights_file
from inkproof.tracking.run_metadata import RunMetadata, initial_weights_of

pytestmark = pytest.mark.xdist_group("tensorflow")


def small(**changes: Any) -> keras.Model:
    sizes = {"filters": [2, 3], "kernels": [3, 3], "pools": [2, 2], "dense": 4, "dropout": 0.1, "deskew": False}
    return cnn.build(**sizes | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, as training leaves it."""
    made = tmp_path_factory.mktemp("run")
    small().save(made / "model.keras")
    names = ("run_id", "experiment", "name", "key", "data_sha", "code_sha", "git_commit", "machine")
    (made / "run.json").write_text(json.dumps(asdict(RunMetadata(**dict.fromkeys(names, "r7"), config={}))))
    return made


def test_a_file_and_the_folder_it_lies_in_are_the_same(folder: Path) -> None:
    file = folder / "model.keras"
    assert weights_file(str(folder)) == weights_file(str(file)) == file
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert initial_weights_of(str(folder)) == {"file": str(file), "sha256": sha, "run": "r7"}
    assert (
        initial_weights_of("models/pretrained")["file"] == "models/pretrained/model.keras"
    )  # from the root, without a run
    assert "run" not in initial_weights_of("models/pretrained")


def test_a_run_is_known_by_the_weights_and_without_any_as_before(folder: Path) -> None:
    off = {"train_size": None, "subset_seed": 0, "folds": None, "fold": 0, "label_smoothing": 0}
    config = {"data": {"name": "d", "val": 1, "repeat": 1}, **off, "teacher": {"runs": []}, "init": None}
    assert "init" not in identity(config, "float32")
    known = identity({**config, "init": str(folder)}, "float32")
    assert known["init"] == initial_weights_of(str(folder))["sha256"]
    assert known != identity({**config, "init": "models/pretrained"}, "float32")


def test_the_weights_are_taken_over_whatever_the_dropout(folder: Path) -> None:
    model = small(dropout=0.4)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.float32)
    theirs = np.asarray(keras.saving.load_model(folder / "model.keras")(pixels))
    assert not np.allclose(np.asarray(model(pixels)), theirs)
    start_from(model, str(folder))
    np.testing.assert_array_equal(np.asarray(model(pixels)), theirs)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (lambda: small(dense=5), r"layer \d+ is Dense \d+x4 4 to 4, not Dense \d+x5 5 to 5"),
        (lambda: small(pools=[4, 1]), r"layer \d+ is MaxPooling2D to 13x13x2, not MaxPooling2D to 6x6x2"),
        (lambda: small(deskew=True), "not Deskew"),
        (lambda: dense.build([4]), "layer "),
    ],
)
def test_another_network_is_told_and_left_alone(other: Callable[[], keras.Model], told: str, folder: Path) -> None:
    model = other()
    before = model.get_weights()
    with pytest.raises(UserError, match=told) as caught:
        start_from(model, str(folder))
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"init={folder}: another network")
    for kept, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(kept, was)


@pytest.mark.parametrize("init", ["models/nobody", "params.yaml", "models", "models/pretrained/canvas.tflite", ""])
def test_what_is_no_trained_model_is_told(init: str) -> None:
    with pytest.raises(UserError, match=rf"^init={init}: no trained model there; name a \.keras file"):
        weights_file(init)
