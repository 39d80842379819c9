"""The layers of our own against their formulas in NumPy, and against Keras's."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from inkproof.models import dense, tflearn_cnn
from inkproof.models.layers import FusedBatchNormalization, LocalResponseNormalization, UnitNormalization

pytestmark = pytest.mark.xdist_group("tensorflow")


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape).astype(np.float32)


@pytest.mark.parametrize("axis", [1, 2])
def test_unit_normalization(axis: int) -> None:
    x = values(5, 28, 28, 1)
    x[:, :, 3] = 0
    x[:, 7, :] = 0  # an empty column or row must stay empty
    expected = x / np.sqrt((x**2).sum(axis=axis, keepdims=True) + 1e-2)
    np.testing.assert_allclose(np.asarray(UnitNormalization(axis=axis)(x)), expected, rtol=1e-5, atol=1e-7)


def test_unit_normalization_is_that_of_the_recipe() -> None:
    # keras.utils.normalize has no epsilon; on columns with ink the difference is a matter of the fourth digit.
    x = values(5, 28, 28, 1) + 0.2
    np.testing.assert_allclose(np.asarray(UnitNormalization(axis=1)(x)), keras.utils.normalize(x, axis=1), rtol=1e-3)


def faint_digits() -> np.ndarray:
    """Bars like strokes, uint8 (40, 28, 28): dark to faint, from a whole column down to one pixel of 1."""
    images = np.zeros((40, 28, 28), np.uint8)
    for number, image in enumerate(images):
        image[4 : 4 + 1 + number // 2, 6:20] = np.linspace(1, 255, 14)
    return images


def mnist_digits() -> np.ndarray:
    """The first 10,000 of MNIST's training digits, uint8 (10000, 28, 28)."""
    content = gzip.decompress(
        (Path(os.environ["INKPROOF_MIRROR"]) / "mnist" / "train-images-idx3-ubyte.gz").read_bytes()
    )
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)[:10_000]


@pytest.mark.parametrize(
    ("digits", "share"),
    [
        (faint_digits, (0.09, 0.10)),
        pytest.param(
            mnist_digits,
            (0.018, 0.021),  # 1.9% of 60,000 digits, as conf/experiment/custom_digits.yaml says
            marks=pytest.mark.skipif("INKPROOF_MIRROR" not in os.environ, reason="needs MNIST in INKPROOF_MIRROR"),
        ),
    ],
)
def test_digits_go_through_it_as_through_keras_but_for_the_epsilon(
    digits: Callable[[], np.ndarray], share: tuple[float, float]
) -> None:
    images = digits()
    model = dense.build([8], normalize_axis=1)
    kinds = [type(layer) for layer in model.layers]
    until = model.layers[kinds.index(UnitNormalization)].output
    # The recipe normalizes raw pixels: a length of one does not depend on their scale.
    theirs = keras.utils.normalize(images, axis=1)
    layer = next(layer for layer in model.layers if isinstance(layer, UnitNormalization))
    assert layer.epsilon == 0.01
    ours = keras.Model(model.inputs[0], until).predict(images[..., None].astype(np.float32), batch_size=500, verbose=0)[
        ..., 0
    ]
    ink = images.any(axis=1)
    np.testing.assert_allclose(np.linalg.norm(theirs, axis=1)[ink], 1, rtol=1e-5)
    assert not ours.swapaxes(1, 2)[~ink].any()  # an empty column stays empty
    squared = ((images / 255.0) ** 2).sum(axis=1)
    expected = np.sqrt(squared / (squared + layer.epsilon))
    np.testing.assert_allclose(ours, theirs * expected[:, None], rtol=1e-4, atol=1e-6)
    differ = 1 - expected[ink] > 0.1
    assert share[0] < differ.mean() < share[1]
    assert squared[ink][differ].max() < 0.043


def test_unit_normalization_is_of_the_scaled_image() -> None:
    model = dense.build([8], normalize_axis=1)
    names = [type(layer).__name__ for layer in model.layers]
    assert names[:4] == ["InputLayer", "Rescaling", "UnitNormalization", "Flatten"]


def lrn(x: np.ndarray, radius: int, bias: float, alpha: float, beta: float) -> np.ndarray:
    """Krizhevsky et al. (2012), section 3.3: each channel by the squares of its neighbors."""
    out = np.empty_like(x)
    for channel in range(x.shape[-1]):
        near = x[..., max(0, channel - radius) : channel + radius + 1]
        out[..., channel] = x[..., channel] / (bias + alpha * (near**2).sum(axis=-1)) ** beta
    return out


@pytest.mark.parametrize("settings", [(5, 1.0, 1e-4, 0.75), (2, 2.0, 0.5, 0.6)])
def test_local_response_normalization(settings: tuple[int, float, float, float]) -> None:
    x = values(3, 7, 7, 16)
    np.testing.assert_allclose(np.asarray(LocalResponseNormalization(*settings)(x)), lrn(x, *settings), rtol=1e-5)


def test_local_response_normalization_has_the_defaults_of_tflearn() -> None:
    x = values(3, 7, 7, 16) * 100  # so that each of the four changes the result by more than a tenth
    ours = np.asarray(LocalResponseNormalization()(x))
    np.testing.assert_allclose(ours, lrn(x, radius=5, bias=1.0, alpha=1e-4, beta=0.75), rtol=1e-5)
    np.testing.assert_allclose(ours, tf.nn.local_response_normalization(x, 5, 1.0, 1e-4, 0.75), rtol=1e-4)


def test_local_response_normalization_computes_in_float32_whatever_the_policy() -> None:
    x = keras.ops.cast(values(2, 7, 7, 16), "bfloat16")
    for dtype in ("mixed_bfloat16", "bfloat16", None):
        layer = LocalResponseNormalization(dtype=dtype)
        out = layer(x)
        assert layer.compute_dtype == keras.backend.standardize_dtype(out.dtype) == "float32"


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(64, 7, 7, 8), (256, 8)])
def test_batch_normalization_is_that_of_keras(shape: tuple[int, ...], dtype: str) -> None:
    x = tf.constant(values(*shape) * 3 + np.arange(8, dtype=np.float32))
    found = []
    for kind in (FusedBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.9, dtype=dtype)
        layer.build(x.shape)
        layer.gamma.assign(np.linspace(0.5, 2, 8))
        layer.beta.assign(np.linspace(-1, 1, 8))
        with tf.GradientTape() as tape:
            tape.watch(x)
            trained = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(trained, "float32") * values(*shape, 2)[..., 1])
        assert trained.dtype == layer.compute_dtype
        gradients = tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_weights)])
        untrained = layer(x, training=False)
        found.append([trained, untrained, *gradients, layer.moving_mean, layer.moving_variance])
    tolerance = 0.02 if dtype == "mixed_bfloat16" else 1e-3
    for ours, theirs in zip(*found, strict=True):
        ours, theirs = (np.asarray(keras.ops.cast(one, "float32")) for one in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("layer", "settings"),
    [
        (UnitNormalization, {"axis": 2, "epsilon": 0.5}),
        (LocalResponseNormalization, {"depth_radius": 2, "bias": 2.0, "alpha": 0.5, "beta": 0.6}),
        (FusedBatchNormalization, {"momentum": 0.9, "epsilon": 0.1}),
    ],
)
def test_layers_come_back_with_their_settings(layer: type[keras.layers.Layer], settings: dict[str, float]) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer(**settings)))
    assert type(again) is layer
    assert {name: getattr(again, name) for name in settings} == settings


def test_l2_is_half_the_squared_weights_of_the_convolutions() -> None:
    model = tflearn_cnn.build(filters=[4, 8], kernel=5, l2=0.01, dense=16, dropout=0.5)
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    expected = 0.01 * sum(float((np.asarray(kernel) ** 2).sum()) / 2 for kernel in kernels)
    assert len(model.losses) == 2
    assert float(sum(np.asarray(loss) for loss in model.losses)) == pytest.approx(expected, rel=1e-5)
