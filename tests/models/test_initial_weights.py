"""Initial weights: which file they are, what a run is known by, and networks that they do not fit."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.models import cnn, dense
from inkproof.models.loading import start_from
from inkproof.runtime.errors import UserError
from inkproof.tracking.identity import identity, run_key, weights_file
from inkproof.tracking.run_metadata import InitialWeights, RunMetadata, initial_weights_of

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
    metadata = RunMetadata(**dict.fromkeys(names, "r7"), config=trained_with().identity(), finished=True)
    metadata.key = run_key(metadata.config, metadata.data_sha, metadata.code_sha)
    metadata.artifacts = metadata.hashes(made)
    (made / "run.json").write_text(metadata.model_dump_json(by_alias=True))
    return made


def trained_with(*overrides: str) -> TrainConfig:
    with composing() as compose:
        return compose(TrainConfig, ("data=optdigits", "model=dense", *overrides))


def test_a_file_and_the_folder_it_lies_in_are_the_same(folder: Path) -> None:
    file = folder / "model.keras"
    assert weights_file(str(folder)) == weights_file(str(file)) == file
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert initial_weights_of(str(folder)) == InitialWeights(file=str(file), sha256=sha, run="r7")
    published = initial_weights_of("models/pretrained")  # from the root, without a run
    assert (published.file, published.run) == ("models/pretrained/model.keras", None)


def test_weights_that_are_not_those_of_their_run_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    small().save(copy / "model.keras")  # other weights of the same network
    for init in (copy, copy / "model.keras"):
        with pytest.raises(UserError, match=rf"^{copy}/model\.keras: not the file of this run, by its SHA-256"):
            initial_weights_of(str(init))
    small().save(copy / "epoch=03.keras")  # a checkpoint has no hash
    assert initial_weights_of(str(copy / "epoch=03.keras")).run == "r7"


def test_a_run_is_known_by_its_initial_weights(folder: Path) -> None:
    assert identity(trained_with(), "float32").training.init is None
    known = identity(trained_with(f"training.init={folder}"), "float32")
    assert known.training.init == initial_weights_of(str(folder)).sha256
    assert known != identity(trained_with("training.init=models/pretrained"), "float32")


def test_the_weights_are_taken_over_whatever_the_dropout(folder: Path) -> None:
    model = small(dropout=0.4)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.float32)
    theirs = np.asarray(keras.saving.load_model(folder / "model.keras")(pixels))
    assert not np.allclose(np.asarray(model(pixels)), theirs)
    start_from(model, str(folder))
    np.testing.assert_array_equal(np.asarray(model(pixels)), theirs)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (lambda: small(dense=5), r"layer \d+ is Dense \d+x4 4 to 4, not Dense \d+x5 5 to 5"),
        (lambda: small(pools=[4, 1]), r"layer \d+ is FirstConv2D .* to 13x13x2, not FirstConv2D .* to 6x6x2"),
        (lambda: small(deskew=True), "not Deskew"),
        (lambda: dense.build([4]), "layer "),
    ],
)
def test_another_network_is_named_and_left_alone(
    other: Callable[[], keras.Model], difference: str, folder: Path
) -> None:
    model = other()
    before = model.get_weights()
    with pytest.raises(UserError, match=difference) as caught:
        start_from(model, str(folder))
    assert "\n" not in str(caught.value) and str(caught.value).startswith(
        f"training.init={folder}: the weights of another network"
    )
    for now, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, was)


@pytest.mark.parametrize("init", ["models/nobody", "params.yaml", "models", "models/pretrained/canvas.tflite", ""])
def test_what_is_no_trained_model_is_named(init: str) -> None:
    with pytest.raises(UserError, match=rf"^training\.init={init}: no trained model there; give a \.keras file"):
        weights_file(init)
