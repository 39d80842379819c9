"""Reading a trained network, whole or damaged."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from inkproof.models import dense
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    folder = tmp_path_factory.mktemp("trained")
    model = dense.build([4], normalize_axis=1)
    model.save(folder / "model.keras")
    return folder, model


def test_the_network_comes_back(trained: tuple[Path, keras.Model]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(load_trained(trained[0])(pixels)), np.asarray(trained[1](pixels)))


def without(name: str, instead: bytes | None) -> Callable[[bytes], bytes]:
    """A function that takes a member out of a zip file, or puts other bytes in its place."""

    def change(content: bytes) -> bytes:
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(changed, "w") as target:
            for member in source.namelist():
                if member != name:
                    target.writestr(member, source.read(member))
                elif instead is not None:
                    target.writestr(member, instead)
        return changed.getvalue()

    return change


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"<html>not here</html>",
        lambda content: content[: len(content) // 2],
        flipped,
        without("model.weights.h5", None),
        without("model.weights.h5", b"garbage"),
        without("config.json", None),
        without("config.json", b"garbage"),
        without("config.json", b'{"class_name": "Nothing"}'),
    ],
)
def test_a_damaged_file_is_named(
    trained: tuple[Path, keras.Model], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "model.keras").write_bytes(damage((trained[0] / "model.keras").read_bytes()))
    with pytest.raises(UserError) as caught:
        load_trained(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'model.keras'}: not a readable Keras model (")
    assert message.endswith("); delete it and train the model again")
    assert "\n" not in message
    assert "File not found" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model.keras: no trained model here; train it first"):
        load_trained(tmp_path)
