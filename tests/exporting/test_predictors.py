"""Canvases classified by either kind of exported file, and the errors of files that are neither."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from inkproof.exporting.metadata import put_entries, write_metadata
from inkproof.exporting.predictors import (
    IMAGE_THRESHOLD,
    CanvasPredictor,
    ImagePredictor,
    open_predictor,
    predict_canvases,
)
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support.segments import DIGITS, canvas
from support.stand_in import METADATA, expected
from support.workspaces import clean_environment


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    """Ten digits black on white, the same white on black, a half-faded one, both blanks."""
    digits = np.stack([canvas(digit) for digit in DIGITS])
    faded = (127 + digits[3:4] // 2).astype(np.uint8)
    return np.concatenate([digits, 255 - digits, faded, digits[:1] * 0, digits[:1] * 0 + 255])


def test_each_canvas_has_its_own_row_in_either_polarity(stand_in: Path, canvases: np.ndarray):
    predictor = CanvasPredictor(stand_in / "canvas.tflite")
    predicted = predictor.predict(canvases)
    seen, probabilities = expected(canvases)
    assert (predicted.probabilities.dtype, predicted.seen.dtype) == (np.float32, np.uint8)
    assert (predicted.score.dtype, predicted.accepted.dtype) == (np.float32, np.bool_)
    np.testing.assert_allclose(predicted.probabilities, probabilities, atol=1e-5)
    assert np.abs(predicted.seen.astype(int) - seen).max() <= 1  # halves may be rounded either way
    assert predicted.probabilities[:20].argmax(axis=1).tolist() == [*range(10), *range(10)]
    np.testing.assert_allclose(predicted.score, [*probabilities[:21].max(axis=1), 0, 0], atol=1e-5)
    assert predicted.accepted.tolist() == [True] * 20 + [False] * 3
    turned = predictor.predict(canvases[::-1])
    assert np.array_equal(turned.probabilities, predicted.probabilities[::-1])
    assert np.array_equal(turned.seen, predicted.seen[::-1]) and np.array_equal(turned.mask, predicted.mask[::-1])
    ink = (255 - canvases[:10]).reshape(10, 70, 4, 70, 4).max(axis=(2, 4))
    assert np.array_equal(predicted.mask[:10], ink)


def test_no_canvas_gives_no_rows(stand_in: Path, canvases: np.ndarray):
    for name in ("canvas.tflite", "model.tflite"):
        predicted = open_predictor(stand_in / name).predict(canvases[:0])
        assert predicted.probabilities.shape == (0, 10) and predicted.seen.shape == (0, 28, 28)
        assert predicted.mask.shape == ((0, 70, 70) if name == "canvas.tflite" else (0, 0, 0))
        assert predicted.score.shape == predicted.accepted.shape == (0,)


@pytest.mark.parametrize("count", [0, 1, 23])
def test_several_threads_predict_what_one_does_and_in_order(stand_in: Path, canvases: np.ndarray, count: int):
    path = stand_in / "canvas.tflite"
    alone, several = (
        CanvasPredictor(path).predict(canvases[:count]),
        predict_canvases(path, canvases[:count], threads=3),
    )
    for part in ("probabilities", "seen", "score", "accepted", "mask"):
        assert np.array_equal(getattr(alone, part), getattr(several, part))


def test_a_score_equal_to_the_threshold_is_accepted(stand_in: Path, canvases: np.ndarray, tmp_path: Path):
    bare = (stand_in / "bare.tflite").read_bytes()
    score = CanvasPredictor(stand_in / "canvas.tflite").predict(canvases[3:4]).score[0]
    for threshold, accepted in ((score, True), (np.nextafter(score, np.float32(2)), False)):
        path = tmp_path / "canvas.tflite"
        path.write_bytes(write_metadata(bare, {**METADATA, "threshold": float(threshold)}))
        predictor = CanvasPredictor(path)
        assert predictor.threshold == pytest.approx(float(threshold))
        assert predictor.metadata["model"] == "stand-in"
        assert predictor.predict(canvases[3:4]).accepted.tolist() == [accepted]


def changed(path: Path, change) -> bytes:
    """The file at `path` after `change` was made to its content, an object."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    change(model)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_names_come_from_the_signature_not_from_tensors_or_their_order(stand_in: Path, canvases, tmp_path: Path):
    def change(model) -> None:
        graph = model.subgraphs[0]
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"t{number}"
        graph.outputs = list(graph.outputs)[::-1]
        (signature,) = model.signatureDefs
        signature.signatureKey = "another"

    path = tmp_path / "canvas.tflite"
    path.write_bytes(changed(stand_in / "canvas.tflite", change))
    ours, original = (
        CanvasPredictor(path).predict(canvases),
        CanvasPredictor(stand_in / "canvas.tflite").predict(canvases),
    )
    assert np.array_equal(ours.probabilities, original.probabilities)
    assert np.array_equal(ours.seen, original.seen) and np.array_equal(ours.score, original.score)
    assert np.array_equal(ours.mask, original.mask)


def test_without_a_signature_shapes_identify_the_tensors(stand_in: Path, canvases: np.ndarray, tmp_path: Path):
    path = tmp_path / "canvas.tflite"
    path.write_bytes(changed(stand_in / "canvas.tflite", lambda model: setattr(model, "signatureDefs", [])))
    assert CanvasPredictor(path).predict(canvases[:10]).probabilities.argmax(axis=1).tolist() == list(range(10))


def without(stand_in: Path, name: bytes, path: Path) -> Path:
    """Write the canvas file without the output `name` to `path`."""

    def change(model) -> None:
        (signature,) = model.signatureDefs
        signature.outputs = [one for one in signature.outputs if one.name != name]
        others = {one.tensorIndex for one in signature.outputs}
        graph = model.subgraphs[0]
        graph.outputs = [index for index in graph.outputs if index in others]

    path.write_bytes(changed(stand_in / "canvas.tflite", change))
    return path


@pytest.mark.parametrize("signed", [True, False])
def test_a_file_of_before_the_mask_predicts_without_one(
    stand_in: Path, canvases: np.ndarray, tmp_path: Path, signed: bool
):
    path = without(stand_in, b"mask", tmp_path / "canvas.tflite")
    if not signed:
        path.write_bytes(changed(path, lambda model: setattr(model, "signatureDefs", [])))
    old, new = (CanvasPredictor(one).predict(canvases) for one in (path, stand_in / "canvas.tflite"))
    assert (new.mask.dtype, new.mask.shape) == (np.uint8, (len(canvases), 70, 70))
    assert (old.mask.dtype, old.mask.shape) == (np.uint8, (len(canvases), 0, 0))
    for part in ("probabilities", "seen", "score", "accepted"):
        assert np.array_equal(getattr(old, part), getattr(new, part))
    assert predict_canvases(path, canvases, threads=2).mask.shape == (len(canvases), 0, 0)


def test_a_file_that_lacks_an_output_is_an_error(stand_in: Path, tmp_path: Path):
    path = without(stand_in, b"score", tmp_path / "canvas.tflite")
    with pytest.raises(UserError, match=r"canvas\.tflite: not a canvas\.tflite, which takes .* score; export"):
        CanvasPredictor(path)


@pytest.mark.parametrize(
    "entry", [None, "{}", '"0.5"', "null", "true", "NaN", "Infinity", "-Infinity", "1" + "0" * 400]
)
@pytest.mark.parametrize("opened", [CanvasPredictor, ImagePredictor])
def test_a_file_without_a_threshold_is_an_error(
    stand_in: Path, entry: str | None, opened: Callable[[Path], object], tmp_path: Path
):
    bare = (stand_in / ("bare.tflite" if opened is CanvasPredictor else "model.tflite")).read_bytes()
    if opened is ImagePredictor and entry in (None, "{}"):
        entry = "null"  # without an entry it has its own threshold
    if entry is not None:
        bare = put_entries(bare, {"inkproof": f'{{"threshold": {entry}}}'.encode() if entry != "{}" else b"{}"})
    (tmp_path / "canvas.tflite").write_bytes(bare)
    with pytest.raises(UserError, match=r"canvas\.tflite: has no threshold .* export it again") as caught:
        opened(tmp_path / "canvas.tflite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("corruption", ["missing", "empty", "text", "cut", "folder"])
@pytest.mark.parametrize("opened", [open_predictor, CanvasPredictor])
def test_a_file_that_is_no_model_is_named_in_one_line(stand_in: Path, tmp_path: Path, corruption: str, opened):
    bad = tmp_path / "canvas.tflite"
    whole = (stand_in / "canvas.tflite").read_bytes()
    if corruption == "folder":
        bad.mkdir()
    elif corruption != "missing":
        bad.write_bytes({"empty": b"", "text": b"not a model", "cut": whole[: len(whole) // 2]}[corruption])
    with pytest.raises(UserError) as caught:
        opened(bad)
    assert str(caught.value).startswith(f"{bad}: ") and "\n" not in str(caught.value)
    reason = {"missing": "no such file; src/export.py makes it", "folder": "Is a directory"}.get(
        corruption, "not a readable LiteRT model"
    )
    assert reason in str(caught.value)


@pytest.mark.parametrize("shape", [(280, 280), (1, 28, 28), (1, 280, 280, 1)])
@pytest.mark.parametrize("name", ["canvas.tflite", "model.tflite"])
def test_what_is_no_canvas_is_an_error(stand_in: Path, shape: tuple[int, ...], name: str):
    predictor = open_predictor(stand_in / name)
    with pytest.raises(ValueError, match=r"canvases are uint8 \(N, 280, 280\)"):
        predictor.predict(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="not float32"):
        predictor.predict(np.zeros((1, 280, 280), np.float32))


def test_a_file_of_28_by_28_digits_is_distinguished_from_one_of_canvases(stand_in: Path):
    with pytest.raises(UserError, match=r"model\.tflite: takes digits of 28 x 28.* name the canvas\.tflite"):
        CanvasPredictor(stand_in / "model.tflite")
    assert isinstance(open_predictor(stand_in / "model.tflite"), ImagePredictor)
    assert isinstance(open_predictor(stand_in / "canvas.tflite"), CanvasPredictor)


def test_a_file_of_28_by_28_digits_classifies_canvases_by_the_method_mnist_style(stand_in: Path, canvases: np.ndarray):
    predictor = ImagePredictor(stand_in / "model.tflite")
    predicted = predictor.predict(canvases)
    images = apply_method("mnist_style", canvases)
    assert np.array_equal(predicted.seen, images)
    _, probabilities = expected(np.kron(images, np.ones((10, 10), np.uint8)))
    np.testing.assert_allclose(predicted.probabilities, probabilities, atol=1e-5)
    assert predictor.threshold == IMAGE_THRESHOLD == 0.6
    assert np.array_equal(predicted.score[:21], predicted.probabilities[:21].max(axis=1))
    assert np.array_equal(predicted.accepted, predicted.score >= 0.6)
    assert 0 < predicted.accepted.sum() < 21, "some are accepted and some not, or this tests nothing"
    assert predicted.score[21:].tolist() == [0, 0], "an empty canvas is no digit, whatever the network's probability"


DAMAGE = """
import random, sys, tempfile
from pathlib import Path
import numpy as np
from inkproof.exporting.predictors import open_predictor
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
whole, path = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
for seed in range(60):
    rng, damaged = random.Random(seed), bytearray(whole)
    for _ in range(rng.randint(1, 20)):
        damaged[rng.randrange(2000 if seed % 2 else len(whole))] = rng.randrange(256)
    path.write_bytes(damaged)
    try:
        open_predictor(path).predict(np.zeros((1, 280, 280), np.uint8))
    except UserError as error:
        assert str(error).startswith(f"{path}: ") and "\\n" not in str(error), error
        print("one line")
"""


def test_a_damaged_file_predicts_or_is_one_line_and_never_a_crash(stand_in: Path, tmp_path: Path):
    command = [sys.executable, "-c", DAMAGE, stand_in / "canvas.tflite", tmp_path / "canvas.tflite"]
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 10
