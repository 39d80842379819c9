"""Core ML: the operators as TensorFlow computes them, and a saved package that computes what Keras does."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hydra.utils import instantiate
from omegaconf import OmegaConf

from inkproof.evaluation.rejection import Rule
from inkproof.exporting import coreml
from inkproof.exporting.coreml import CoreMLDigits, is_installed, write_coreml
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

pytestmark = pytest.mark.xdist_group("tensorflow")
needs_coreml = pytest.mark.skipif(not is_installed(), reason="coremltools is an extra: `make coreml`")
RULE = Rule("maximum_probability", 1.0, 0.75)
OPERATORS = coreml._OPERATORS
RANDOM = np.random.default_rng(7)


def channels_first(x: Any) -> np.ndarray:
    return np.moveaxis(np.asarray(x), 3, 1)


@pytest.mark.parametrize("pad_type", ["valid", "same"])
@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_tensorflows(pad_type: str, kernel: int, stride: int) -> None:
    x = RANDOM.normal(size=(1, 9, 7, 3)).astype(np.float32)
    weight = RANDOM.normal(size=(kernel, kernel, 3, 4)).astype(np.float32)
    own = OPERATORS["conv"](
        x=channels_first(x),
        weight=weight.transpose(3, 2, 0, 1),
        bias=np.arange(4, dtype=np.float32),
        **{"strides": [stride, stride], "pad_type": pad_type, "pad": [0] * 4, "dilations": [1, 1], "groups": 1},
    )
    expected = tf.nn.conv2d(x, weight, stride, pad_type.upper()) + np.arange(4, dtype=np.float32)
    np.testing.assert_allclose(own, channels_first(expected), atol=1e-4)


def test_a_depthwise_convolution_is_tensorflows() -> None:
    x = RANDOM.normal(size=(1, 9, 7, 3)).astype(np.float32)
    weight = RANDOM.normal(size=(3, 3, 3, 1)).astype(np.float32)
    fixed = {"strides": [1, 1], "pad_type": "valid", "pad": [0] * 4, "dilations": [1, 1], "groups": 3}
    own = OPERATORS["conv"](x=channels_first(x), weight=weight.transpose(2, 3, 0, 1), **fixed)
    expected = tf.nn.depthwise_conv2d(x, weight, [1, 1, 1, 1], "VALID")
    np.testing.assert_allclose(own, channels_first(expected), atol=1e-4)


@pytest.mark.parametrize("pad_type", ["valid", "same"])
@pytest.mark.parametrize("size", [2, 3])
def test_pooling_is_tensorflows(pad_type: str, size: int) -> None:
    x = RANDOM.normal(size=(1, 9, 6, 3)).astype(np.float32) - 3  # padding must not count as 0
    own = OPERATORS["max_pool"](
        x=channels_first(x), kernel_sizes=[size] * 2, strides=[2, 2], pad_type=pad_type, pad=[0] * 4
    )
    np.testing.assert_array_equal(own, channels_first(tf.nn.max_pool2d(x, size, 2, pad_type.upper())))


def test_logarithms_have_their_epsilon() -> None:
    np.testing.assert_allclose(OPERATORS["log"](x=np.array([0.0, 1.5]), epsilon=0.5), np.log([0.5, 2.0]))
    np.testing.assert_allclose(OPERATORS["exp"](x=np.array([-1.0, 2.0])), np.exp([-1.0, 2.0]))


def test_slices_with_and_without_squeezing() -> None:
    x = np.arange(24).reshape(2, 3, 4)
    given = {"begin": [0, 1, 3], "end": [0, 3, 0], "stride": [1, 1, 1]}
    masks = {"begin_mask": [True, False, False], "end_mask": [True, False, False], "squeeze_mask": [False, False, True]}
    np.testing.assert_array_equal(OPERATORS["slice_by_index"](x=x, **given, **masks), x[:, 1:3, 3])
    np.testing.assert_array_equal(OPERATORS["slice_by_index"](x=x, begin=[0, 0, 1], end=[1, 2, 3]), x[:1, :2, 1:3])


FAMILIES = sorted(file.stem for file in (ROOT / "conf" / "model").glob("*.yaml"))


@needs_coreml
@pytest.mark.parametrize("family", [*FAMILIES, "cnn deskew"])
def test_a_saved_package_computes_what_keras_does(family: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    name, *switches = family.split()
    config: Any = OmegaConf.load(ROOT / "conf" / "model" / f"{name}.yaml")
    model = instantiate(config.build, **dict.fromkeys(switches, True), _convert_="all")
    path = tmp_path / "model.mlpackage"
    write_coreml(model, path, RULE, f"mnist-{name}", "c0ffee")
    package = CoreMLDigits(path)
    images = np.zeros((4, 28, 28), np.uint8)
    images[:3, 4:24, 10:16] = RANDOM.integers(0, 256, (3, 20, 6))
    expected = np.asarray(model(images[..., np.newaxis].astype(np.float32), training=False))
    np.testing.assert_allclose(package.probabilities(images), expected, atol=1e-5)
    assert np.abs(expected[0] - expected[3]).max() > 1e-3, "the image matters, or this tests nothing"
    assert package.probabilities(images[:0]).shape == (0, 10)


@pytest.fixture(scope="module")
def small() -> keras.Model:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(10)(x)))


@needs_coreml
def test_the_package_has_its_description(small: keras.Model, tmp_path: Path) -> None:
    write_coreml(small, tmp_path / "model.mlpackage", RULE, "mnist-small", "c0ffee")
    package = CoreMLDigits(tmp_path / "model.mlpackage")
    assert package.labels == list("0123456789")
    description = package.description
    (entry,) = description.input
    assert entry.name == "image" and entry.type.WhichOneof("Type") == "imageType"
    image = entry.type.imageType
    assert (image.width, image.height) == (28, 28)
    assert image.ColorSpace.Name(image.colorSpace) == "GRAYSCALE"
    assert [(one.name, one.type.WhichOneof("Type")) for one in description.output] == [
        ("digit", "stringType"),
        ("digit_probs", "dictionaryType"),
    ]
    about = description.metadata
    assert (about.author, about.license) == ("The developers of Inkproof", "MIT")
    assert about.versionString.endswith("(c0ffee)") and "0 to 9" in about.shortDescription
    assert {key: about.userDefined[key] for key in ("model", "git_commit", "threshold")} == {
        "model": "mnist-small",
        "git_commit": "c0ffee",
        "threshold": "0.75",
    }
    write_coreml(small, tmp_path / "again.mlpackage", RULE, "mnist-small", "c0ffee")
    for name in ("Manifest.json", "Data/com.apple.CoreML/weights/weight.bin"):
        assert (tmp_path / "model.mlpackage" / name).read_bytes() == (tmp_path / "again.mlpackage" / name).read_bytes()


@needs_coreml
def test_a_file_that_is_no_package_or_cannot_be_computed_is_named(
    small: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"absent\.mlpackage: not a readable Core ML package"):
        CoreMLDigits(tmp_path / "absent.mlpackage")
    write_coreml(small, tmp_path / "model.mlpackage", RULE, "mnist-small", "c0ffee")
    monkeypatch.delitem(OPERATORS, "softmax")
    with pytest.raises(UserError, match=r"model\.mlpackage: cannot be computed here: softmax"):
        CoreMLDigits(tmp_path / "model.mlpackage")
