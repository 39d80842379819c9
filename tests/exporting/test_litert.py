"""Running LiteRT files, good and bad, without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.predictors import LiteRTDigits
from inkproof.runtime.errors import UserError

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


@pytest.fixture(scope="module")
def path(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("litert")
    write_saved_model(model, folder / "saved_model")
    (folder / "model.tflite").write_bytes(to_litert(folder / "saved_model"))
    return folder / "model.tflite"


def test_each_image_has_its_own_row(path: Path, model: keras.Model) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28)).astype(np.uint8)
    digits = LiteRTDigits(path)
    expected = np.asarray(model(images[..., np.newaxis].astype(np.float32)))
    np.testing.assert_allclose(digits.probabilities(images), expected, atol=1e-5)
    np.testing.assert_allclose(digits.probabilities(images[::-1]), expected[::-1], atol=1e-5)
    assert digits.probabilities(images[:0]).shape == (0, 10)
    two = LiteRTDigits(path, threads=2)
    for count in (7, 1, 0):
        np.testing.assert_array_equal(two.probabilities(images[:count]), digits.probabilities(images[:count]))


def test_time_of_one_image(path: Path) -> None:
    latency = LiteRTDigits(path).latency(np.zeros((28, 28), np.uint8), runs=50)
    assert 0 < latency.median <= latency.p95 < 1_000_000


@pytest.mark.parametrize("corruption", ["missing", "empty", "text", "cut", "folder"])
def test_a_file_that_is_no_model_is_named(
    path: Path, tmp_path: Path, corruption: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "model.tflite"
    if corruption == "folder":
        bad.mkdir()
    elif corruption != "missing":
        whole = path.read_bytes()
        bad.write_bytes({"empty": b"", "text": b"not a model", "cut": whole[: len(whole) // 2]}[corruption])
    with pytest.raises(UserError) as caught:
        LiteRTDigits(bad)
    reason = {"missing": "no such file", "folder": "Is a directory"}.get(corruption, "not a readable LiteRT model")
    assert str(caught.value).startswith(f"{bad}: ") and reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_other_shapes_is_an_error(tmp_path: Path) -> None:
    from tensorflow import lite

    inputs = keras.Input((28, 28, 1))
    wrong = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    write_saved_model(wrong, tmp_path / "saved_model")
    content = lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved_model")).convert()
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"expected a model from \(1, 28, 28, 1\) to \(1, 10\)"):
        LiteRTDigits(tmp_path / "model.tflite")


def test_no_tensorflow_is_needed(path: Path) -> None:
    script = (
        "import sys, pathlib, numpy\n"
        "from inkproof.exporting.predictors import LiteRTDigits\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "assert LiteRTDigits(path).probabilities(numpy.zeros((1, 28, 28), 'uint8')).shape == (1, 10)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    import inkproof

    source = Path(inkproof.__file__).parents[1]
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=source, check=True)
