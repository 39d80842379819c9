"""The models of the app, which follow the files."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from inkproof.exporting.metadata import read_metadata
from inkproof.inference.find_model import exported_canvases
from support.web_app import PRETRAINED, make_app


@pytest.fixture
def files(tmp_path: Path, stand_in: Path) -> dict[str, Path]:
    """Two models, the second under a name that sorts before the first."""
    for name in ("pretrained", "alpha"):
        (tmp_path / name).mkdir()
    shutil.copy(PRETRAINED, tmp_path / "pretrained" / "canvas.tflite")
    shutil.copy(stand_in / "canvas.tflite", tmp_path / "alpha" / "canvas.tflite")
    return {name: tmp_path / name / "canvas.tflite" for name in ("alpha", "pretrained")}


def test_a_model_is_described_by_its_own_metadata_and_file(files: dict[str, Path], database: Path):
    client = make_app(database, files).test_client()
    content = client.get("/api/models").json
    assert [model["name"] for model in content["models"]] == ["pretrained", "alpha"]
    assert content["brush"] == 20.0
    for model in content["models"]:
        path = files[model["name"]]
        metadata = read_metadata(path)
        assert {key: model[key] for key in ("threshold", "rule", "temperature", "labels")} == {
            key: metadata[key] for key in ("threshold", "rule", "temperature", "labels")
        }
        response = client.get(model["file"])
        assert response.data == path.read_bytes() and "immutable" in response.headers["Cache-Control"]
        assert hashlib.sha256(response.data).hexdigest().startswith(model["version"])


def test_a_changed_file_is_loaded_again(files: dict[str, Path], database: Path, stand_in: Path):
    client = make_app(database, files).test_client()
    old = client.get("/api/models").json["models"][1]
    shutil.copy(stand_in / "bare.tflite", files["alpha"])  # without a threshold it is not offered
    assert [model["name"] for model in client.get("/api/models").json["models"]] == ["pretrained"]
    assert client.get(old["file"]).status_code == 404
    files["alpha"].unlink()
    assert client.get("/healthz").json == {"status": "ok", "models": 1}
    shutil.copy(stand_in / "canvas.tflite", files["alpha"])
    os.utime(files["alpha"], ns=(1, 1))
    assert client.get("/api/models").json["models"][1] == old


def test_the_same_file_under_two_names_is_offered_once(files: dict[str, Path], database: Path):
    shutil.copy(files["pretrained"], files["alpha"])
    client = make_app(database, files).test_client()
    assert [model["name"] for model in client.get("/api/models").json["models"]] == ["pretrained"]


def test_without_a_model_the_message_has_the_command(database: Path):
    client = make_app(database, {}).test_client()
    unhealthy = client.get("/healthz")
    assert unhealthy.status_code == 503 and "make pretrained" in unhealthy.json["error"]
    assert client.get("/api/models").json["models"] == []
    assert client.post("/api/recognise", json={"strokes": [[[1, 1]]]}).status_code == 503


def test_exports_have_the_names_of_their_runs(tmp_path: Path):
    for folder in ("models/pretrained", "exports/mnist/cnn", "exports/optdigits/dense", "exports/mnist/old"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / ("model.tflite" if folder.endswith("old") else "canvas.tflite")).touch()
    found = exported_canvases(tmp_path)
    assert list(found) == ["pretrained", "mnist-cnn", "optdigits-dense"]
    assert found["mnist-cnn"] == tmp_path / "exports/mnist/cnn/canvas.tflite"
