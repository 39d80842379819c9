"""canvas.tflite in MLflow's registry: it loads without this package, and keeps its version, tags and description."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from inkproof.data.drawings import read_drawings
from inkproof.exporting import registered_model
from inkproof.exporting.files import REGISTERED_MODEL
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.preprocessing.canvas import load_canvases, to_canvas
from inkproof.runtime.paths import ROOT
from inkproof.tracking.mlflow_tracker import REGISTER_AS, Tracker
from inkproof.tracking.registry import NEEDED, register_canvas
from support.segments import canvas
from support.workspaces import clean_environment

NAME = "inkproof-mnist"
ELSEWHERE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("inkproof", "tensorflow", "keras", "scipy", "cv2"):
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Blocked())
import json, mlflow, numpy as np
from PIL import Image
model = mlflow.pyfunc.load_model("models:/inkproof-mnist/1")
array = np.asarray(Image.open("3.png"))
inputs = ["3.png", open("3.png", "rb").read(), array, array.tolist(), np.zeros((50, 40), np.uint8)]
results = model.predict(inputs) + model.predict(model.input_example)
print(json.dumps({"results": results, "foreign": sorted({"inkproof", "tensorflow", "keras"} & set(sys.modules))}))
"""


def register(tracker: Tracker, run: str, path: Path, threshold: float = 0.5) -> str | None:
    return register_canvas(tracker, run, REGISTERED_MODEL, path, {"threshold": threshold}, [np.eye(28).tolist()])


@pytest.fixture
def registered(opened: Callable[[], Tracker], stand_in: Path, tmp_path: Path) -> tuple[Tracker, str, Path]:
    """A tracker where the stand-in is registered as the first version of a run, the run, and the file."""
    tracker, path = opened(), tmp_path / "canvas.tflite"
    shutil.copyfile(stand_in / "canvas.tflite", path)
    run = tracker.start("mnist", "cnn-on-s0", {"model": "cnn", "key": "abc", REGISTER_AS: NAME})
    tracker.finish(run)
    assert register(tracker, run, path) == "1"
    return tracker, run, path


def test_it_loads_and_predicts_in_an_empty_folder_without_this_package(
    registered: tuple[Tracker, str, Path], tmp_path: Path
) -> None:
    tracker, run, path = registered
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    Image.fromarray(canvas(3)).save(empty / "3.png")
    environment = {**clean_environment(), "MLFLOW_TRACKING_URI": tracker.uri, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ELSEWHERE], cwd=empty, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["foreign"] == []
    *images, blank, example = found["results"]
    expected = CanvasPredictor(path).predict(canvas(3)[np.newaxis])
    for one in images:
        assert (one["digit"], one["accepted"]) == (3, bool(expected.accepted[0]))
        np.testing.assert_allclose(one["probabilities"], expected.probabilities[0], atol=1e-5)
        assert one["probability"] == max(one["probabilities"])
        assert one["score"] == pytest.approx(float(expected.score[0]), abs=1e-5)
    assert (blank["digit"], blank["accepted"]) == (None, False)
    assert example["digit"] in range(10)
    assert tracker.client.get_run(run).info.status == "FINISHED"


def test_a_version_says_where_it_is_from_and_needs_what_the_lock_pins(registered: tuple[Tracker, str, Path]) -> None:
    tracker, run, _ = registered
    version = tracker.client.get_model_version(NAME, "1")
    assert version.run_id == run
    assert {"model": "cnn", "key": "abc"}.items() <= version.tags.items()
    assert "cnn-on-s0" in (version.description or "")
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1"))
    lock = (ROOT / "requirements" / "base.lock").read_text()
    pinned = {name: re.search(rf"^{name}==(\S+)", lock, re.MULTILINE) for name in (*NEEDED, "mlflow")}
    expected = {f"{name}=={found[1]}" for name, found in pinned.items() if found}
    assert set((folder / "requirements.txt").read_text().split()) == expected and len(expected) == 4
    assert not [path.name for path in folder.rglob("*") if path.suffix in (".pkl", ".cloudpickle")]


def test_the_same_file_keeps_its_version_and_another_one_gets_a_new_one(
    registered: tuple[Tracker, str, Path],
) -> None:
    tracker, run, path = registered
    tracker.client.update_model_version(NAME, "1", "my words")
    tracker.client.set_model_version_tag(NAME, "1", "mine", "yes")
    assert register(tracker, run, path) == "1"
    version = tracker.client.get_model_version(NAME, "1")
    assert (version.description, version.tags["mine"]) == ("my words", "yes")
    path.write_bytes(path.read_bytes() + b"\0")
    assert register(tracker, run, path) == "2"
    assert len(tracker.client.search_model_versions(f"name='{NAME}'")) == 2


def test_a_run_that_was_trained_without_register_has_no_version(opened: Callable[[], Tracker], stand_in: Path) -> None:
    tracker = opened()
    run = tracker.start("mnist", "cnn-on-s0", {})
    assert register(tracker, run, stand_in / "canvas.tflite") is None
    assert tracker.client.search_registered_models() == []


SOURCES = {
    "canvas": lambda rng: canvas(3),
    "digit": lambda rng: rng.integers(0, 256, (28, 28)).astype(np.uint8),
    "wide": lambda rng: rng.integers(0, 256, (60, 333)).astype(np.uint8),
    "large": lambda rng: rng.integers(0, 256, (1120, 840, 3)).astype(np.uint8),
    "floats": lambda rng: rng.random((56, 56)),
    "booleans": lambda rng: rng.random((56, 56)) > 0.5,
    "sixteen bits": lambda rng: rng.integers(0, 65536, (56, 56)).astype(np.uint16),
    "transparent": lambda rng: np.dstack([np.zeros((90, 90, 3), np.uint8), 255 - canvas(5)[::3, ::3][:90, :90]]),
    "white ink": lambda rng: np.dstack([np.full((90, 90, 3), 255, np.uint8), 255 - canvas(5)[::3, ::3][:90, :90]]),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_an_image_becomes_the_canvas_that_predict_makes_of_it(kind: str, tmp_path: Path) -> None:
    image = SOURCES[kind](np.random.default_rng(1))
    ours, theirs = registered_model.to_canvas(image).astype(int), to_canvas(image).astype(int)
    assert np.abs(ours - theirs).mean() < (
        12 if kind == "wide" else 1.0
    )  # noise, whose size does not divide the canvas's
    if image.dtype == np.uint8:
        Image.fromarray(image).save(tmp_path / "image.png")
        for source in (tmp_path / "image.png", (tmp_path / "image.png").read_bytes()):
            assert np.array_equal(registered_model.to_canvas(source), ours)


def test_the_starter_images_are_the_same_to_a_level(tmp_path: Path) -> None:
    starter = ROOT / "data/drawn/starter"
    for number, drawn in enumerate(load_canvases(starter, read_drawings(starter)[::30])):
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(drawn).resize((700, 640), Image.Resampling.BICUBIC).save(path)
        ours, theirs = registered_model.to_canvas(path).astype(int), to_canvas(path).astype(int)
        assert np.abs(ours - theirs).mean() < 1.5


@pytest.mark.parametrize("levels", [canvas(3), canvas(3) / 255])
def test_an_array_with_one_channel_is_gray(levels: np.ndarray) -> None:
    assert np.array_equal(registered_model.to_canvas(levels[..., np.newaxis]), registered_model.to_canvas(levels))


@pytest.mark.parametrize("shape", [(784,), (0, 0), (1, 28, 28, 1), ()])
def test_an_array_that_is_no_image_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^an image is an array \(H, W\) or \(H, W, C\), not \("):
        registered_model.to_canvas(np.zeros(shape))
