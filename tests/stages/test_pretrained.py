"""models/pretrained: how src/report.py pretrained makes it of a run, and what the repository holds of it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkproof.config.compose import composing
from inkproof.config.stages import PretrainedConfig
from inkproof.data.drawings import read_drawings
from inkproof.exporting.metadata import read_metadata
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.preprocessing.strokes import render
from inkproof.reporting.results import CANVAS_BYTES
from inkproof.reporting.wording import percent
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.runtime.paths import ROOT
from inkproof.stages import pretrained as script
from support.committed import committed, committed_folder
from support.pretrained_run import COMMIT, NAME, RULE, change, write_run
from support.workspaces import clean_environment

FILES = {"canvas.tflite", "model.keras", "README.md"}
MASK, ORIGIN = "ink_mask.keras", "ink_mask.json"  # `src/preprocess.py mask` writes them to the same folder


def config(typed: dict[str, str]) -> PretrainedConfig:
    with composing() as compose:
        return compose(PretrainedConfig, tuple(f"{key}='{value}'" for key, value in typed.items()))


def run_script(typed: dict[str, str]) -> Any:
    command = [sys.executable, "src/report.py", "pretrained", *(f"{key}='{value}'" for key, value in typed.items())]
    return subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)


@pytest.fixture
def typed(tmp_path: Path) -> dict[str, str]:
    return write_run(tmp_path)


# Making it. Tests that are not slow leave out the comparison on drawings, which takes TensorFlow.


def test_the_files_are_copied_and_the_card_written(typed: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    compared = []
    monkeypatch.setattr(script, "compare_files", lambda run, one: compared.append((run.name, one.folder)))
    monkeypatch.setattr(script, "app_vectors", lambda canvas, one: f"{canvas.name} {one.folder}")
    made = script.pretrained(config(typed))
    out = Path(typed["out"])
    (out / MASK).write_bytes(b"mask")
    assert compared == [(NAME, "data/drawn/starter")]
    assert set(made) == {*FILES, "vectors"} and {path.name for path in out.iterdir()} - {MASK} == FILES
    assert made["vectors"].read_text() == "canvas.tflite data/drawn/starter"
    assert (out / "canvas.tflite").read_bytes() == (Path(typed["exports"]) / "canvas.tflite").read_bytes()
    assert (out / "model.keras").read_bytes() == (Path(typed["run"]) / "model.keras").read_bytes()
    assert "| 99.53% |" in (out / "README.md").read_text(encoding="utf-8")
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    script.pretrained(config(typed))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_an_error_leaves_the_folder_as_it_was(typed: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "compare_files", lambda run, rendering: None)
    monkeypatch.setattr(script, "app_vectors", lambda canvas, rendering: "{}")
    script.pretrained(config(typed))
    out = Path(typed["out"])
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    change(Path(typed["report"]) / "test.json", errors=46)

    def full(source: Path, target: Path) -> None:
        if target.name == "model.keras":
            raise OSError(28, "No space left on device")
        target.write_bytes(b"new")

    monkeypatch.setattr(script.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        script.pretrained(config(typed))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_digits_that_have_changed_since_are_an_error(typed: dict[str, str]):
    change(Path(typed["run"]) / "run.json", data_sha="another")
    with pytest.raises(UserError, match=rf"digits\.npz: not what {NAME} was trained on; run `make pretrained`"):
        script.pretrained(config(typed))
    assert not Path(typed["out"]).exists()


def test_without_a_run_it_is_an_error_of_one_line(tmp_path: Path):
    typed = {key: str(tmp_path / key) for key in ("run", "exports", "report", "digits", "out")}
    with pytest.raises(UserError) as raised:
        script.pretrained(config(typed))
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{tmp_path}/run/model.keras and 7 more files are missing; run `make pretrained` ")
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_is_an_error_and_nothing_is_written(typed: dict[str, str]):
    path = Path(typed["exports"]) / "canvas.tflite"
    path.write_bytes(path.read_bytes() + bytes(CANVAS_BYTES))
    change(Path(typed["report"]) / "export.json", canvas__kb=round(path.stat().st_size / 1024, 1))
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: .*more than the {CANVAS_BYTES:,}") as raised:
        script.pretrained(config(typed))
    assert len(str(raised.value).splitlines()) == 1
    assert not Path(typed["out"]).exists()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small network as model.keras, the same and another as canvas.tflite, and its predictions on the starter set."""
    import keras

    from inkproof.exporting.canvas_model import CanvasModel, up_to_logits
    from inkproof.exporting.predictors import CanvasPredictor
    from inkproof.exporting.verify import describe_canvas
    from inkproof.models.layers import softmax_head
    from inkproof.preprocessing.litert import normalizer_file

    folder = tmp_path_factory.mktemp("exported")
    made: dict[str, Any] = {}
    normalizer = normalizer_file()
    for number, name in enumerate(("other", "own")):
        keras.utils.set_random_seed(number)
        image = keras.Input((28, 28, 1))
        model = keras.Model(image, softmax_head(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))))
        made[name] = describe_canvas(
            CanvasModel(up_to_logits(model), RULE, normalizer).quantized(), RULE, NAME, "float32", COMMIT
        )
    model.save(folder / "model.keras")
    (folder / "canvas.tflite").write_bytes(made["own"])
    canvases = np.stack([render(drawing.strokes) for drawing in read_drawings(ROOT / "data/drawn/starter")])
    predicted = CanvasPredictor(folder / "canvas.tflite").predict(canvases).probabilities.argmax(axis=1)
    return {**made, "weights": (folder / "model.keras").read_bytes(), "starter": predicted}


@pytest.mark.slow
@pytest.mark.xdist_group("pretrained")
def test_files_of_one_network_are_taken(exported: dict[str, Any], tmp_path: Path):
    typed = write_run(tmp_path, exported["own"], exported["weights"], exported["starter"])
    done = run_script(typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        *(str(tmp_path / "models/pretrained" / name) for name in ("canvas.tflite", "model.keras", "README.md")),
        str(tmp_path / "examples/vectors.json"),
    ]
    vectors = json.loads((tmp_path / "examples/vectors.json").read_text())
    assert vectors["model"] == NAME and vectors["sha256"] == sha256_of(Path(typed["out"]) / "canvas.tflite")
    assert {path.name for path in Path(typed["out"]).iterdir()} == FILES


@pytest.mark.slow
@pytest.mark.xdist_group("pretrained")
def test_files_of_two_networks_are_an_error(exported: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # As if both were equally good on the starter set, as good networks are.
    monkeypatch.setattr(script, "check_predictions", lambda *arguments: None)
    typed = write_run(tmp_path, exported["other"], exported["weights"], exported["starter"])
    with pytest.raises(UserError, match="the two are not the same network, export it again"):
        script.pretrained(config(typed))
    assert not Path(typed["out"]).exists()


@pytest.mark.slow
@pytest.mark.xdist_group("pretrained")
def test_predictions_that_drawn_json_does_not_have_are_an_error(exported: dict[str, Any], tmp_path: Path):
    every = np.arange(270) // 27  # all correct, unlike those of the untrained network
    done = run_script(write_run(tmp_path, exported["own"], exported["weights"], every))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "drawn.json: has 270 correct of 270 drawings" in line and line.endswith("run `make pretrained`")


def test_make_runs_what_it_needs_and_copies(tmp_path: Path):
    for name in ("Makefile", "requirements/base.lock", "requirements/bootstrap.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ready").touch()
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", "pretrained"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    model = "data=mnist_plus_strokes model=vgg_bn"
    assert done.stdout.splitlines() == [
        "mkdir -p data/drawn/mine",
        "python src/preprocess.py mask",
        "dvc repro drawings@mnist corruptions@mnist",
        "python src/download.py data=mnist_plus_strokes",
        f"python src/train.py {model} aug=elastic run.register=true run.out=models/mnist_plus_strokes/vgg_bn",
        f"python src/evaluate.py {model}",
        f"python src/export.py {model}",
        f"python src/evaluate.py drawn {model}",
        f"python src/evaluate.py numbers {model}",
        "python src/report.py pretrained",
    ]
    for made in ("models/mnist_plus_strokes/vgg_bn/model.keras", "data/mnist_plus_strokes/digits.npz"):
        (tmp_path / made).parent.mkdir(parents=True)
        (tmp_path / made).touch()
    committed = [
        "models/pretrained/canvas.tflite",
        f"models/pretrained/{MASK}",
        "reports/mnist_plus_strokes/models/vgg_bn/test.json",
    ]
    for name in committed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, env=environment, check=True)
    assert not (tmp_path / "models/mnist_plus_strokes").exists() and not (tmp_path / "data/mnist_plus_strokes").exists()
    assert [name for name in committed if not (tmp_path / name).exists()] == []


# What the repository holds.


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/pretrained as it is committed."""
    return committed_folder("models/pretrained", tmp_path_factory.mktemp("committed"))


def test_the_repository_holds_the_files_small_enough(held: Path):
    assert {path.name for path in held.iterdir()} == {*FILES, MASK, ORIGIN}
    assert (held / "canvas.tflite").stat().st_size <= CANVAS_BYTES
    assert (held / MASK).stat().st_size <= 1_000_000
    assert (held / "model.keras").stat().st_size <= 4_000_000


def test_the_card_is_about_the_files_beside_it(held: Path):
    text = (held / "README.md").read_text(encoding="utf-8")
    said = read_metadata(held / "canvas.tflite")
    assert said["model"] == NAME and text.startswith(f"# Model card: {NAME}, ")
    for name in ("canvas.tflite", "model.keras"):
        (size,) = set(re.findall(rf"^\| `{re.escape(name)}` \| ([\d,]+) KB \|", text, re.MULTILINE))
        assert int(size.replace(",", "")) == round((held / name).stat().st_size / 1024)
    assert f"the image is accepted as a digit from {said['threshold']:.4g} on" in text
    assert f"the logits are divided by {said['temperature']:.4g}" in text


def test_the_card_has_the_figures_of_the_reports(held: Path):
    text = (held / "README.md").read_text(encoding="utf-8")
    reports = "reports/mnist_plus_strokes/models/vgg_bn"
    test, drawn = (json.loads(committed(f"{reports}/{part}.json")) for part in ("test", "drawn"))
    assert f"| MNIST, test digits | 10,000 | {test['accuracy']:.2%} |" in text
    titles = {"pens": "Pen tablet", "pens_pixels": "Pen tablet, single pixels", "starter": "Starter set"}
    for name, title in titles.items():
        n = drawn[name]["n"]
        assert f"| {title} | {n:,} | {percent(drawn[name][NORMALIZED_METHOD]['accuracy'], n)} |" in text


def test_the_vectors_are_of_the_file_and_small_and_clear(held: Path):
    text = committed("examples/vectors.json")
    assert len(text) < 300_000
    vectors = json.loads(text)
    assert vectors["sha256"] == sha256_of(held / "canvas.tflite"), "run `python src/report.py pretrained`"
    assert vectors["threshold"] == read_metadata(held / "canvas.tflite")["threshold"]
    found = {one["name"]: one for one in vectors["vectors"]}
    assert len(found) == len(vectors["vectors"]) == 12
    for name, vector in found.items():
        assert (sum(vector["canvas"][1::2]), sum(vector["seen"][1::2])) == (280 * 280, 28 * 28)
        assert abs(vector["score"] - vectors["threshold"]) > 10 * vectors["tolerance"]["score"]
        if name[0].isdigit():
            assert (vector["digit"], vector["accepted"]) == (int(name[0]), True), name
        else:
            assert not vector["accepted"], name
    assert found["blank"]["digit"] is None and found["blank"]["seen"] == [0, 28 * 28]


def test_predict_classifies_starter_drawings_with_it(tmp_path: Path):
    seven = next(one for one in read_drawings(ROOT / "data/drawn/starter") if one.label == 7)
    Image.fromarray(render(seven.strokes)).save(tmp_path / "seven.png")
    done = subprocess.run(
        [sys.executable, str(ROOT / "src/predict.py"), "seven.png"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"seven\.png  7  ", done.stdout)
