"""Each model family as LiteRT files: they compute what Keras does, and run without Keras."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hydra.utils import instantiate
from omegaconf import OmegaConf

from inkproof.config.stages import Bounds
from inkproof.data.digits import Digits, load_digits
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.predictors import LiteRTDigits
from inkproof.exporting.verify import compare, missed
from inkproof.preprocessing.convert import foreign_operators
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

pytestmark = pytest.mark.xdist_group("tensorflow")


@dataclass(frozen=True)
class Exported:
    """One family, trained for some steps, and its files, each converted when it is first asked for."""

    family: str
    model: keras.Model
    folder: Path
    calibration: np.ndarray

    @cached_property
    def saved_model(self) -> Path:
        write_saved_model(self.model, self.folder / "saved_model")
        return self.folder / "saved_model"

    def file(self, quantization: str) -> Path:
        path = self.folder / f"{quantization}.tflite"
        if not path.exists():
            path.write_bytes(to_litert(self.saved_model, quantization, self.calibration))
        return path


@pytest.fixture(scope="module")
def digits(workspace_template: Path) -> tuple[Digits, Digits]:
    train, val = (load_digits(workspace_template / "data" / "optdigits", split) for split in ("train", "val"))
    return Digits(train.images[:250], train.labels[:250]), Digits(val.images[:100], val.labels[:100])


FAMILIES = [
    *sorted(file.stem for file in (ROOT / "conf" / "model").glob("*.yaml")),
    "dense deskew",
    "compact separable",
]
# Quantizations of weights alone work layer by layer. These two have every kind of layer that has weights.
SHIPPED = ("cnn", "dense", "dense_2x128", "resnet", "tflearn_cnn", "vgg", "vgg_bn")  # they learn enough in two epochs
EVERY_LAYER = ("cnn", "dense deskew")


# `vgg_bn` is `vgg` with more in it.
@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name == "vgg" else []) for name in FAMILIES],
)
def exported(
    request: pytest.FixtureRequest, digits: tuple[Digits, Digits], tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    keras.utils.set_random_seed(0)
    family, *switches = request.param.split()
    config: Any = OmegaConf.load(ROOT / "conf" / "model" / f"{family}.yaml")
    model = instantiate(config.build, **dict.fromkeys(switches, True), _convert_="all")
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    images, labels = digits[0]
    model.fit(images[..., np.newaxis].astype(np.float32), labels, batch_size=25, epochs=2, verbose=0)
    return Exported(family, model, tmp_path_factory.mktemp(request.param), images[:100])


def probabilities_of(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(model(images[..., np.newaxis].astype(np.float32), training=False))


def test_float32_computes_what_keras_does(exported: Exported, digits: tuple[Digits, Digits]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    images = np.concatenate([digits[1].images, noise])
    probabilities = LiteRTDigits(exported.file("float32")).probabilities(images)
    assert probabilities.dtype == np.float32
    assert np.abs(probabilities - probabilities_of(exported.model, images)).max() < 1e-4
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    # Each network of this repository has learned something, or agreement would mean nothing.
    learned = (probabilities[:100].argmax(axis=1) == digits[1].labels).mean() > 0.5
    assert learned or exported.family not in SHIPPED


def test_int8_predicts_as_keras_does(exported: Exported, digits: tuple[Digits, Digits], bounds: Bounds) -> None:
    images, labels = digits[1]
    reference = probabilities_of(exported.model, images)
    if exported.family not in SHIPPED and (reference.argmax(axis=1) == labels).mean() <= 0.5:
        pytest.skip("has learned too little in two epochs: its predictions are nearly ties")
    probabilities = LiteRTDigits(exported.file("int8")).probabilities(images)
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    int8 = compare(reference, probabilities, labels)
    assert int8.agreement >= 0.95
    assert 0 < int8.max_difference < 0.25
    assert missed("int8", int8, len(labels), bounds["int8"]) is None
    assert exported.file("int8").stat().st_size < 0.4 * exported.file("float32").stat().st_size


@pytest.mark.parametrize(
    "exported",
    [
        pytest.param(family, marks=[] if family in EVERY_LAYER else pytest.mark.slow)
        for family in FAMILIES
        if not family.startswith("compact")  # its tensors are too small for eight bits, its file is mostly fixed cost
    ],
    indirect=True,
)
@pytest.mark.parametrize(("quantization", "largest", "size"), [("float16", 0.01, 0.6), ("dynamic", 0.25, 0.4)])
def test_smaller_weights_predict_as_keras_does(
    exported: Exported,
    digits: tuple[Digits, Digits],
    bounds: Bounds,
    quantization: str,
    largest: float,
    size: float,
) -> None:
    images, labels = digits[1]
    path = exported.file(quantization)
    compared = compare(probabilities_of(exported.model, images), LiteRTDigits(path).probabilities(images), labels)
    assert 0 < compared.max_difference < largest
    assert missed(quantization, compared, len(labels), bounds[quantization]) is None
    assert path.stat().st_size < size * exported.file("float32").stat().st_size
    check_interface(path, np.float32)


def check_interface(path: Path, dtype: type) -> tuple[float, int]:
    """Check what goes in and out, and that any phone can run it; return the scale and zero of its entry."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (entry["dtype"], exit_["dtype"]) == (dtype, dtype)
    assert (entry["shape"].tolist(), exit_["shape"].tolist()) == ([1, 28, 28, 1], [1, 10])
    # A free batch would need shape operators, which the browser's runtime does not support.
    assert entry["shape_signature"].tolist() == [1, 28, 28, 1]
    assert foreign_operators(path.read_bytes()) == []
    return entry["quantization"]


def test_pixels_are_not_scaled(exported: Exported) -> None:
    check_interface(exported.file("float32"), np.float32)
    scale, zero = check_interface(exported.file("int8"), np.uint8)
    assert (scale, zero) == (pytest.approx(1, abs=0.01), 0)  # a pixel of 0 to 255 is its own code


def test_the_saved_model_runs_by_its_signature(exported: Exported, digits: tuple[Digits, Digits]) -> None:
    loaded = tf.saved_model.load(str(exported.saved_model))
    image = digits[1].images[:1]
    found = loaded.signatures["serving_default"](image=tf.constant(image[..., np.newaxis], tf.float32))
    (probabilities,) = found.values()
    np.testing.assert_allclose(probabilities.numpy(), probabilities_of(exported.model, image), atol=1e-5)


class Digamma(keras.layers.Layer):
    """A layer that no phone can compute."""

    def call(self, inputs: Any) -> Any:
        return tf.math.digamma(inputs + 1.0)


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(Digamma()(inputs))
    folder = tmp_path_factory.mktemp("unusual") / "saved_model"
    write_saved_model(keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(10)(x))), folder)
    return folder


def test_an_operator_that_phones_lack_is_found(unusual: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(unusual))
    converter.allow_custom_ops = True
    assert foreign_operators(converter.convert()) == ["Digamma"]


@pytest.mark.parametrize("calibrated", [False, True])
def test_an_operator_that_phones_lack_is_an_error_with_its_name(
    unusual: Path, digits: tuple[Digits, Digits], calibrated: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"saved_model: needs operators outside LiteRT's built-in ones: Digamma"):
        to_litert(unusual, "int8" if calibrated else "float32", digits[0].images[:10])
    assert capfd.readouterr().err == ""
