"""TFLite Metadata as Android's library reads them: fields found by their positions in the published schema."""

import io
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import number_types as types
from flatbuffers.table import Table

from inkproof.evaluation.rejection import Rule
from inkproof.exporting.metadata import (
    TFLITE_ENTRY,
    Tensor,
    describe,
    packed_files,
    put_entries,
    read_metadata,
    write_metadata,
)
from inkproof.exporting.verify import describe_canvas, describe_model
from support.segments import canvas

RULE = Rule("energy", 1.25, 4.5)


class Found:
    """A table of the metadata, read without the code that wrote it."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def _at(self, place: int) -> int:
        return int(self.table.Offset(4 + 2 * place))

    def text(self, place: int) -> str:
        return self.table.String(self.table.Pos + self._at(place)).decode()

    def number(self, place: int, kind: Any) -> float:
        offset = self._at(place)
        return self.table.Get(kind, self.table.Pos + offset) if offset else 0

    def one(self, place: int) -> "Found":
        return Found(Table(self.table.Bytes, self.table.Indirect(self.table.Pos + self._at(place))))

    def all(self, place: int) -> list["Found"]:
        if not self._at(place):
            return []
        start = self.table.Vector(self._at(place))
        count = self.table.VectorLen(self._at(place))
        return [Found(Table(self.table.Bytes, self.table.Indirect(start + 4 * index))) for index in range(count)]

    def floats(self, place: int) -> list[float]:
        start, count = self.table.Vector(self._at(place)), self.table.VectorLen(self._at(place))
        return [self.table.Get(types.Float32Flags, start + 4 * index) for index in range(count)]


def found(content: bytes) -> Found:
    model = schema.Model.GetRootAs(content, 0)
    (entry,) = [
        model.Metadata(index)
        for index in range(model.MetadataLength())
        if model.Metadata(index).Name() == TFLITE_ENTRY.encode()
    ]
    data = bytearray(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    assert data[4:8] == b"M001"
    return Found(Table(data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0)))


@pytest.fixture(scope="module")
def described(stand_in: Path) -> bytes:
    return describe_canvas((stand_in / "bare.tflite").read_bytes(), RULE, "mnist_plus_strokes-cnn", "float32", "c0ffee")


def test_the_head_has_name_version_and_author(described: bytes) -> None:
    head = found(described)
    assert head.text(0) == "Inkproof mnist_plus_strokes-cnn"
    assert "0 to 9" in head.text(1)
    assert head.text(2).endswith("(c0ffee)")
    assert (head.text(4), head.text(5), head.text(7)) == ("The developers of Inkproof", "MIT", "1.0.0")


def test_the_input_is_a_gray_image_that_is_not_scaled(described: bytes) -> None:
    (graph,) = found(described).all(3)
    (entry,) = graph.all(2)
    assert entry.text(0) == "canvas"
    content = entry.one(3)
    assert content.number(0, types.Uint8Flags) == 2  # ImageProperties
    assert content.one(1).number(0, types.Int8Flags) == 2  # GRAYSCALE
    size = content.one(1).one(1)
    assert (size.number(0, types.Uint32Flags), size.number(1, types.Uint32Flags)) == (280, 280)
    (unit,) = entry.all(4)
    assert unit.number(0, types.Uint8Flags) == 1  # NormalizationOptions
    assert (unit.one(1).floats(0), unit.one(1).floats(1)) == ([0.0], [1.0])
    assert (entry.one(5).floats(0), entry.one(5).floats(1)) == ([255.0], [0.0])


def test_outputs_have_labels_and_threshold_in_the_order_of_the_graph(described: bytes) -> None:
    (graph,) = found(described).all(3)
    probabilities, seen, score, mask = outputs = graph.all(3)
    assert [one.text(0) for one in outputs] == ["probabilities", "seen", "score", "mask"]
    size = mask.one(3).one(1).one(1)
    assert (size.number(0, types.Uint32Flags), size.number(1, types.Uint32Flags)) == (70, 70)
    (file,) = probabilities.all(6)
    assert (file.text(0), file.number(2, types.Int8Flags)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    assert probabilities.one(5).floats(0) == [1.0]
    (unit,) = score.all(4)
    assert (unit.number(0, types.Uint8Flags), unit.one(1).number(0, types.Float32Flags)) == (3, 4.5)
    assert not seen.all(6) and not score.all(6) and not probabilities.all(4)


def test_labels_are_packed_behind_the_model_and_it_runs(described: bytes, stand_in: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(described)) as archive:
        (info,) = archive.infolist()
        assert (info.filename, info.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
        assert archive.read(info).decode().splitlines() == list("0123456789")
    image = canvas(3)[np.newaxis]
    before, after = (
        Interpreter(model_content=content).get_signature_runner()(canvas=image)
        for content in ((stand_in / "bare.tflite").read_bytes(), described)
    )
    for name, values in before.items():
        assert np.array_equal(after[name], values)


def test_both_kinds_of_metadata_are_there_and_writing_again_keeps_the_labels(described: bytes) -> None:
    entry = read_metadata(described)
    assert entry["threshold"] == 4.5 and entry["labels"] == list("0123456789") and entry["input"]["range"] == [0, 255]
    again = write_metadata(described, {**entry, "threshold": 5.0})
    assert read_metadata(again)["threshold"] == 5.0
    assert packed_files(again) == packed_files(described) and found(again).text(0) == found(described).text(0)
    assert write_metadata(described, entry) == described, "same files, same bytes"
    more = put_entries(described, {"another": b"x"}, {"labels.txt": b"zero\n", "more.txt": b""})
    assert packed_files(more) == {"labels.txt": b"zero\n", "more.txt": b""}


def test_a_file_of_28_by_28_has_its_threshold_on_the_probabilities(stand_in: Path) -> None:
    rule = Rule("maximum_probability", 1.0, 0.75)
    content = describe_model((stand_in / "model.tflite").read_bytes(), rule, "mnist_plus_strokes-cnn", "int8", "c0ffee")
    (graph,) = found(content).all(3)
    (entry,), (probabilities,) = graph.all(2), graph.all(3)
    size = entry.one(3).one(1).one(1)
    assert (size.number(0, types.Uint32Flags), size.number(1, types.Uint32Flags)) == (28, 28)
    (unit,) = probabilities.all(4)
    assert unit.one(1).number(0, types.Float32Flags) == 0.75
    assert probabilities.all(6)[0].text(0) == "labels.txt"
    metadata = read_metadata(content)
    assert (metadata["rule"], metadata["quantization"], metadata["input"]["ink"]) == (
        "maximum_probability",
        "int8",
        "white on black",
    )


def test_another_number_of_tensors_is_an_error(stand_in: Path) -> None:
    with pytest.raises(ValueError, match="1 inputs and 4 outputs"):
        describe((stand_in / "bare.tflite").read_bytes(), "a", "b", [Tensor("canvas", "")], [Tensor("score", "")])
