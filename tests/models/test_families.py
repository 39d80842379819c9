"""Every file of conf/model: what goes in, what comes out, and that it is the same network after saving."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from inkproof.models import cnn, resnet
from inkproof.runtime.paths import ROOT

pytestmark = pytest.mark.xdist_group("tensorflow")

FILES = sorted((ROOT / "conf" / "model").glob("*.yaml"))
PARAMETERS = {  # counted manually, so that a change of a network is a decision
    "dense": 784 * 128 + 128 + 128 * 10 + 10,
    "dense_2x128": (784 + 1) * 128 + (128 + 1) * 128 + (128 + 1) * 10,
    "tflearn_cnn": (25 + 1) * 32 + (25 * 32 + 1) * 64 + (7 * 7 * 64 + 1) * 1024 + (1024 + 1) * 10,
    "vgg": (9 + 1) * 32
    + (9 * 32 + 1) * 32
    + (25 * 32 + 1) * 32  # 28, 26, 24, 12 pixels a side
    + (9 * 32 + 1) * 64
    + (9 * 64 + 1) * 64
    + (25 * 64 + 1) * 64  # 10, 8, 4
    + (4 * 4 * 64 + 1) * 128
    + (128 + 1) * 10,
    "vgg_bn": 9 * 32  # without biases; each normalization has four numbers a filter
    + 9 * 32 * 32
    + 25 * 32 * 32
    + 9 * 32 * 64
    + 9 * 64 * 64
    + 25 * 64 * 64
    + 4 * 4 * 64 * 128
    + 4 * (3 * 32 + 3 * 64 + 128)
    + (128 + 1) * 10,
    "resnet": (25 + 1) * 48
    + 4 * (9 * 48 + 1) * 48
    + (9 * 48 + 1) * 96
    + 4 * (9 * 96 + 1) * 96
    + (6 * 6 * 96 + 1) * 128
    + (128 + 1) * 10,
    "compact": 9 * 8 + 9 * 8 * 16 + 3 * 9 * 16 * 16 + 3 * 8 + 4 * 4 * 16 + (16 + 1) * 10,
    "cnn": (25 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 128 + (3 * 3 * 128 + 1) * 128 + (128 + 1) * 10,
}


def build(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    config: Any = OmegaConf.load(ROOT / "conf" / "model" / f"{name}.yaml")
    model: keras.Model = instantiate(config.build, _convert_="all")
    return model


def pixels(count: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1)).astype(np.float32)


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(model(images, training=False))


@pytest.fixture(scope="module", params=[file.stem for file in FILES])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> keras.Model:
    return build(name)


def test_the_four_families_are_there() -> None:
    assert set(PARAMETERS) <= {file.stem for file in FILES}
    assert PARAMETERS["dense"] == 101_770


def test_the_file_is_named_as_the_model_is(name: str) -> None:
    assert OmegaConf.load(ROOT / "conf" / "model" / f"{name}.yaml").name == name


def test_float32_images_in_probabilities_out(model: keras.Model) -> None:
    probabilities = predict(model, pixels())
    assert model.input_shape == (None, 28, 28, 1)
    assert probabilities.shape == (32, 10)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert len(np.unique(probabilities.round(6), axis=0)) == 32  # each image is looked at


def test_the_model_scales_by_itself(model: keras.Model) -> None:
    # Pixels of 0 to 255 meet exactly one Rescaling: what comes after the input layer is in 0 to 1.
    scalings = [layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)]
    assert [(layer.scale, layer.offset) for layer in scalings] == [(pytest.approx(1 / 255), 0)]
    seen = keras.Model(model.inputs[0], scalings[0].output)(pixels())
    assert (float(np.min(seen)), float(np.max(seen))) == (0.0, 1.0)
    # Fresh weights of the usual scale on inputs that were not scaled would saturate the softmax.
    assert predict(model, pixels()).max() < 0.9


def test_no_layer_distorts_or_draws(model: keras.Model) -> None:
    names = [type(layer).__name__ for layer in model.layers]
    assert not [found for found in names if found.startswith(("Random", "Gaussian", "AugMix", "CutMix", "MixUp"))]
    np.testing.assert_array_equal(predict(model, pixels()), predict(model, pixels()))


def test_parameters(name: str, model: keras.Model) -> None:
    if name in PARAMETERS:
        assert model.count_params() == PARAMETERS[name]


def test_saved_and_loaded_it_predicts_the_same(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    np.testing.assert_array_equal(predict(loaded, pixels()), predict(model, pixels()))


def test_the_same_seed_builds_the_same_weights(name: str, model: keras.Model) -> None:
    for first, second in zip(build(name).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_bfloat16_keeps_softmax_and_weights_in_float32(name: str, model: keras.Model) -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        half = build(name)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    formats = {type(layer).__name__: layer.compute_dtype for layer in half.layers}
    assert formats["Dense"] == "bfloat16"
    assert formats["Softmax"] == "float32"
    assert formats.get("LocalResponseNormalization", "float32") == "float32"
    assert {weight.dtype for weight in half.weights} == {"float32"}
    half.set_weights(model.get_weights())
    probabilities = predict(half, pixels())
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)  # 1e-2 off if the softmax were bfloat16
    np.testing.assert_allclose(probabilities, predict(model, pixels()), atol=0.03)


def test_a_list_of_another_length_is_named() -> None:
    with pytest.raises(ValueError, match="filters, kernels and pools"):
        cnn.build(filters=[8, 8], kernels=[3], pools=[2, 2], dense=8, dropout=0.0)


def test_residual_blocks_begin_as_nothing_and_learn() -> None:
    with pytest.raises(ValueError, match="widths and blocks"):
        resnet.build(widths=[8, 8], blocks=[1], stem_kernel=5, stem_pool=2, dense=8, dropout=0.0)
    shape = {"widths": [4], "stem_kernel": 5, "stem_pool": 2, "dense": 8, "dropout": 0.0}
    deep = resnet.build(blocks=[2], **shape)
    flat = resnet.build(blocks=[0], **shape)
    flat.set_weights([*deep.get_weights()[:2], *deep.get_weights()[-4:]])
    np.testing.assert_allclose(predict(deep, pixels()), predict(flat, pixels()), atol=1e-6)
    before = deep.get_weights()
    deep.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    for _ in range(2):  # the zeros move with the first step, what is before them with the second
        deep.train_on_batch(pixels(), np.arange(32) % 10)
    assert all((old != new).any() for old, new in zip(before, deep.get_weights(), strict=True))
