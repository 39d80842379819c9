"""The metadata of a LiteRT file: written, read again, and the graph untouched."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from inkproof.exporting.metadata import read_metadata, write_metadata
from inkproof.runtime.errors import UserError
from support.segments import canvas
from support.stand_in import METADATA

ENTRY = {"threshold": 0.75, "rule": "énergie", "labels": [0, 1], "reached": {"pens": 0.99}, "by": None}


@pytest.fixture(scope="module")
def bare(stand_in: Path) -> bytes:
    return (stand_in / "bare.tflite").read_bytes()


def names(content: bytes) -> list[str]:
    model = schema.Model.GetRootAs(content, 0)
    return [model.Metadata(index).Name().decode() for index in range(model.MetadataLength())]


def outputs(content: bytes) -> dict[str, np.ndarray]:
    interpreter = Interpreter(model_content=content)
    return interpreter.get_signature_runner()(canvas=canvas(3)[np.newaxis])


def test_an_entry_is_read_as_it_was_written(bare: bytes, tmp_path: Path):
    content = write_metadata(bare, ENTRY)
    assert read_metadata(content) == ENTRY
    (tmp_path / "m.tflite").write_bytes(content)
    assert read_metadata(tmp_path / "m.tflite") == read_metadata(str(tmp_path / "m.tflite")) == ENTRY


def test_the_stand_in_has_its_metadata(stand_in: Path):
    assert read_metadata(stand_in / "canvas.tflite") == METADATA


def test_a_file_without_the_entry_has_no_metadata(bare: bytes):
    assert read_metadata(bare) == {}


def test_a_second_entry_replaces_the_first(bare: bytes):
    once = write_metadata(bare, ENTRY)
    twice = write_metadata(once, {"threshold": 1})
    assert read_metadata(twice) == {"threshold": 1}
    assert names(twice) == names(once) == [*names(bare), "inkproof"]


def test_graph_signature_and_the_metadata_of_others_stay(bare: bytes):
    content = write_metadata(bare, ENTRY)
    assert "CONVERSION_METADATA" in names(content), "the converter's own"
    assert len(content) < len(bare) + 1000
    before, after = outputs(bare), outputs(content)
    assert set(after) == {"probabilities", "seen", "score", "mask"}
    for name, values in before.items():
        assert np.array_equal(after[name], values)


def test_writing_the_same_gives_the_same_bytes(bare: bytes):
    turned = dict(reversed(ENTRY.items()))
    assert write_metadata(bare, ENTRY) == write_metadata(bare, turned)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_a_value_that_json_cannot_hold_is_an_error(bare: bytes, value: object):
    with pytest.raises((ValueError, TypeError)):
        write_metadata(bare, {"threshold": value})


@pytest.mark.parametrize("content", [b"", b"TFL3", b"not a model at all", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_file_that_is_no_litert_file_is_named(content: bytes, tmp_path: Path):
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"m\.tflite: not a LiteRT file"):
        read_metadata(tmp_path / "m.tflite")
    with pytest.raises(UserError, match="not a LiteRT file"):
        write_metadata(content, ENTRY)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"absent\.tflite: cannot be read \(No such file"):
        read_metadata(tmp_path / "absent.tflite")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda content: content.replace(b'{"by"', b'{""by', 1), id="no JSON"),
        pytest.param(lambda content: content.replace(b'{"by"', b'{"b\xff"', 1), id="no UTF-8"),
        pytest.param(lambda content: content[:60], id="cut"),
        pytest.param(lambda content: content[:4] + b"TFL3" + b"\xff" * 200, id="garbled"),
    ],
)
def test_an_entry_that_cannot_be_read_is_one_line(bare: bytes, spoil, tmp_path: Path):
    (tmp_path / "m.tflite").write_bytes(spoil(write_metadata(bare, ENTRY)))
    with pytest.raises(UserError, match=r"m\.tflite: .*export it again") as caught:
        read_metadata(tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)


def test_an_entry_that_is_no_object_is_an_error(bare: bytes):
    with pytest.raises(UserError, match="no JSON object"):
        read_metadata(write_metadata(bare, [1, 2]))  # type: ignore[arg-type]


def test_two_megabytes_are_read_fast_and_without_tensorflow(bare: bytes, tmp_path: Path):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bare, 0))
    assert model.buffers
    padding = schema.BufferT()
    padding.data = np.zeros(2_000_000, np.uint8)
    model.buffers.append(padding)
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "m.tflite").write_bytes(write_metadata(bytes(builder.Output()), ENTRY))
    assert (tmp_path / "m.tflite").stat().st_size > 2_000_000
    read_metadata(tmp_path / "m.tflite")  # imports
    start = time.process_time()
    assert read_metadata(tmp_path / "m.tflite") == ENTRY
    assert time.process_time() - start < 1
    script = (
        "import sys\nfrom inkproof.exporting.metadata import read_metadata\n"
        "assert read_metadata(sys.argv[1])['threshold'] == 0.75\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    import inkproof

    source = Path(inkproof.__file__).parents[1]
    subprocess.run([sys.executable, "-c", script, tmp_path / "m.tflite"], cwd=source, check=True)
