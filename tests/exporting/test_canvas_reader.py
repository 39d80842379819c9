"""Canvases read by either kind of exported file, and what is said of files that are neither."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from inkproof.exporting.metadata import write_metadata
from inkproof.exporting.readers import FRAME_THRESHOLD, CanvasReader, PreprocessedReader, open_reader, read_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from support.segments import DIGITS, canvas
from support.stand_in import METADATA, expected


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    """Ten digits black on white, the same white on black, a half-faded one, both blanks."""
    digits = np.stack([canvas(digit) for digit in DIGITS])
    faded = (127 + digits[3:4] // 2).astype(np.uint8)
    return np.concatenate([digits, 255 - digits, faded, digits[:1] * 0, digits[:1] * 0 + 255])


def test_each_canvas_has_its_own_row_in_either_polarity(stand_in: Path, canvases: np.ndarray):
    reader = CanvasReader(stand_in / "canvas.tflite")
    read = reader.read(canvases)
    seen, probabilities = expected(canvases)
    assert (read.probabilities.dtype, read.seen.dtype) == (np.float32, np.uint8)
    assert (read.score.dtype, read.accepted.dtype) == (np.float32, np.bool_)
    np.testing.assert_allclose(read.probabilities, probabilities, atol=1e-5)
    assert np.abs(read.seen.astype(int) - seen).max() <= 1  # halves may be rounded either way
    assert read.probabilities[:20].argmax(axis=1).tolist() == [*range(10), *range(10)]
    np.testing.assert_allclose(read.score, [*probabilities[:21].max(axis=1), 0, 0], atol=1e-5)
    assert read.accepted.tolist() == [True] * 20 + [False] * 3
    turned = reader.read(canvases[::-1])
    assert np.array_equal(turned.probabilities, read.probabilities[::-1])
    assert np.array_equal(turned.seen, read.seen[::-1])


def test_no_canvas_gives_no_rows(stand_in: Path, canvases: np.ndarray):
    for name in ("canvas.tflite", "model.tflite"):
        read = open_reader(stand_in / name).read(canvases[:0])
        assert read.probabilities.shape == (0, 10) and read.seen.shape == (0, 28, 28)
        assert read.score.shape == read.accepted.shape == (0,)


@pytest.mark.parametrize("count", [0, 1, 23])
def test_readers_side_by_side_read_what_one_reads_and_in_order(stand_in: Path, canvases: np.ndarray, count: int):
    path = stand_in / "canvas.tflite"
    alone, several = CanvasReader(path).read(canvases[:count]), read_canvases(path, canvases[:count], threads=3)
    for part in ("probabilities", "seen", "score", "accepted"):
        assert np.array_equal(getattr(alone, part), getattr(several, part))


def test_a_score_that_just_reaches_the_threshold_is_accepted(stand_in: Path, canvases: np.ndarray, tmp_path: Path):
    bare = (stand_in / "bare.tflite").read_bytes()
    score = CanvasReader(stand_in / "canvas.tflite").read(canvases[3:4]).score[0]
    for threshold, accepted in ((score, True), (np.nextafter(score, np.float32(2)), False)):
        path = tmp_path / "canvas.tflite"
        path.write_bytes(write_metadata(bare, {**METADATA, "threshold": float(threshold)}))
        reader = CanvasReader(path)
        assert reader.threshold == pytest.approx(float(threshold))
        assert reader.metadata["model"] == "stand-in"
        assert reader.read(canvases[3:4]).accepted.tolist() == [accepted]


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
    ours, original = CanvasReader(path).read(canvases), CanvasReader(stand_in / "canvas.tflite").read(canvases)
    assert np.array_equal(ours.probabilities, original.probabilities)
    assert np.array_equal(ours.seen, original.seen) and np.array_equal(ours.score, original.score)


def test_without_a_signature_the_shapes_tell(stand_in: Path, canvases: np.ndarray, tmp_path: Path):
    path = tmp_path / "canvas.tflite"
    path.write_bytes(changed(stand_in / "canvas.tflite", lambda model: setattr(model, "signatureDefs", [])))
    assert CanvasReader(path).read(canvases[:10]).probabilities.argmax(axis=1).tolist() == list(range(10))


def test_a_file_that_lacks_an_output_is_refused(stand_in: Path, tmp_path: Path):
    def change(model) -> None:
        (signature,) = model.signatureDefs
        signature.outputs = [one for one in signature.outputs if one.name != b"score"]
        kept = {one.tensorIndex for one in signature.outputs}
        graph = model.subgraphs[0]
        graph.outputs = [index for index in graph.outputs if index in kept]

    path = tmp_path / "canvas.tflite"
    path.write_bytes(changed(stand_in / "canvas.tflite", change))
    with pytest.raises(UserError, match=r"canvas\.tflite: not a canvas\.tflite, which takes .* score; export"):
        CanvasReader(path)


@pytest.mark.parametrize("entry", [None, {}, {"threshold": "0.5"}, {"threshold": None}, {"threshold": True}])
def test_a_file_without_a_threshold_is_refused(stand_in: Path, entry: dict | None, tmp_path: Path):
    bare = (stand_in / "bare.tflite").read_bytes()
    (tmp_path / "canvas.tflite").write_bytes(bare if entry is None else write_metadata(bare, entry))
    with pytest.raises(UserError, match=r"canvas\.tflite: says no threshold .* export it again"):
        CanvasReader(tmp_path / "canvas.tflite")


@pytest.mark.parametrize("corruption", ["missing", "empty", "text", "cut", "folder"])
@pytest.mark.parametrize("opened", [open_reader, CanvasReader])
def test_what_is_no_model_is_named(stand_in: Path, tmp_path: Path, corruption: str, opened):
    bad = tmp_path / "canvas.tflite"
    whole = (stand_in / "canvas.tflite").read_bytes()
    if corruption == "folder":
        bad.mkdir()
    elif corruption != "missing":
        bad.write_bytes({"empty": b"", "text": b"not a model", "cut": whole[: len(whole) // 2]}[corruption])
    with pytest.raises(UserError) as caught:
        opened(bad)
    assert str(caught.value).startswith(f"{bad}: ") and "\n" not in str(caught.value)
    reason = {"missing": "unknown file; src/export.py makes it", "folder": "Is a directory"}.get(
        corruption, "not a readable LiteRT model"
    )
    assert reason in str(caught.value)


@pytest.mark.parametrize("shape", [(280, 280), (1, 28, 28), (1, 280, 280, 1)])
@pytest.mark.parametrize("name", ["canvas.tflite", "model.tflite"])
def test_what_is_no_canvas_is_refused(stand_in: Path, shape: tuple[int, ...], name: str):
    reader = open_reader(stand_in / name)
    with pytest.raises(ValueError, match=r"canvases are uint8 \(N, 280, 280\)"):
        reader.read(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="not float32"):
        reader.read(np.zeros((1, 280, 280), np.float32))


def test_a_file_of_28_by_28_digits_is_told_from_one_of_canvases(stand_in: Path):
    with pytest.raises(UserError, match=r"model\.tflite: reads digits of 28 x 28.* name the canvas\.tflite"):
        CanvasReader(stand_in / "model.tflite")
    assert isinstance(open_reader(stand_in / "model.tflite"), PreprocessedReader)
    assert isinstance(open_reader(stand_in / "canvas.tflite"), CanvasReader)


def test_a_file_of_28_by_28_digits_reads_canvases_by_the_method_mnist(stand_in: Path, canvases: np.ndarray):
    reader = PreprocessedReader(stand_in / "model.tflite")
    read = reader.read(canvases)
    frames = apply_method("mnist_style", canvases)
    assert np.array_equal(read.seen, frames)
    _, probabilities = expected(np.kron(frames, np.ones((10, 10), np.uint8)))
    np.testing.assert_allclose(read.probabilities, probabilities, atol=1e-5)
    assert reader.threshold == FRAME_THRESHOLD == 0.6
    assert np.array_equal(read.score[:21], read.probabilities[:21].max(axis=1))
    assert np.array_equal(read.accepted, read.score >= 0.6)
    assert 0 < read.accepted.sum() < 21, "some sure and some not, or this says nothing"
    assert read.score[21:].tolist() == [0, 0], "a blank is no digit, however sure the network is"
