"""The metadata of a LiteRT file: one JSON entry named `inkproof`, and the description of its tensors.

The format has a table for metadata, which every runtime ignores (`Model.metadata` of LiteRT's schema.fbs). The entry of
an exported file has

- `threshold`: an image is accepted as a digit if its score is this or more; the one key that is needed;
- `rule`: the rule of the score, such as `negative_entropy` or `energy`. In a `canvas*.tflite` it is that of the output
  `score`. A `model*.tflite` has no such output, and the rule is always `maximum_probability`;
- `temperature`: the logits were divided by it before the softmax;
- `labels`: those of the ten probabilities, 0 to 9;
- `input`: its `range`, 0 to 255 in every quantization, and its `ink`;
- `quantization`: one of `files.QUANTIZATIONS`, that of the network's weights;
- `model`: the run of params.yaml that the file was exported from;

and may have more, such as the accuracies of a model card.
"""

import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

from inkproof import __version__
from inkproof.exporting.files import LABELS_FILE
from inkproof.runtime.errors import UserError

ENTRY = "inkproof"
_IDENTIFIER = b"TFL3"  # of the file format, at bytes 4 to 8


def write_metadata(content: bytes, entry: dict[str, Any]) -> bytes:
    """Return the LiteRT file `content` with `entry` as its metadata, in place of any it had.

    Everything else stays: the graph, its signatures, other programs' metadata and packed files.

    Raises:
        UserError: `content` is not a LiteRT file.
        TypeError, ValueError: JSON cannot hold `entry`.
    """
    return put_entries(content, {ENTRY: encoded(entry)})


def encoded(entry: dict[str, Any]) -> bytes:
    """Return `entry` as it is stored; raises TypeError or ValueError if JSON cannot hold it."""
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()


def put_entries(content: bytes, entries: Mapping[str, bytes], files: Mapping[str, bytes] | None = None) -> bytes:
    """Return the LiteRT file `content` with `entries` by name among its metadata, and `files` packed behind it.

    They replace entries of the same names; others stay. Android's metadata library looks for files in a ZIP behind the
    model, and runtimes do not read further than the model. Raises UserError if `content` is not a LiteRT file.
    """
    model = schema.ModelT.InitFromObj(_parsed(content, "the model"))
    model.metadata = model.metadata or []
    for name, data in entries.items():
        named = next((one for one in model.metadata if one.name in (name, name.encode())), None)
        if named is None:
            named = schema.MetadataT(name, len(model.buffers))
            model.metadata.append(named)
            model.buffers.append(schema.BufferT())
        model.buffers[named.buffer].data = np.frombuffer(data, np.uint8)  # a list would be packed byte by byte
    written = io.BytesIO(convert_object_to_bytearray(model))
    if packed := packed_files(content) | dict(files or {}):
        with zipfile.ZipFile(written, "a", zipfile.ZIP_STORED) as archive:
            for file, inside in packed.items():
                archive.writestr(zipfile.ZipInfo(file), inside)  # without a date: same files, same bytes
    return written.getvalue()


def packed_files(content: bytes) -> dict[str, bytes]:
    """Return the files packed behind a LiteRT model, by name."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read_metadata(source: bytes | str | os.PathLike[str]) -> dict[str, Any]:
    """Return the entry that `write_metadata` wrote to a LiteRT file, given by its bytes or its path; {} without one.

    Raises:
        UserError: the file is missing or not a LiteRT file, or the entry cannot be read.
    """
    name = "the model" if isinstance(source, bytes) else os.fspath(source)
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); name a LiteRT file") from None
    model = _parsed(content, name)
    try:
        for index in range(model.MetadataLength()):
            one = model.Metadata(index)
            if one.Name() == ENTRY.encode():
                entry = json.loads(model.Buffers(one.Buffer()).DataAsNumpy().tobytes())
                if isinstance(entry, dict):
                    return entry
                raise ValueError("no JSON object")
    except (ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise UserError(f"{name}: its metadata {ENTRY!r} cannot be read ({error}); export it again") from error
    return {}


def _parsed(content: bytes, name: str) -> Any:
    if content[4:8] != _IDENTIFIER:
        raise UserError(f"{name}: not a LiteRT file; export it again")
    return schema.Model.GetRootAs(content, 0)


LABELS = [str(digit) for digit in range(10)]
AUTHOR = "The developers of Inkproof"
LICENSE = "MIT"
SUMMARY = "Which digit, 0 to 9, an image of one handwritten digit shows."
TFLITE_ENTRY = "TFLITE_METADATA"
_TFLITE_IDENTIFIER = b"M001"
_PARSER = "1.0.0"  # the schema's version that first had all fields used here
_FEATURE, _IMAGE = 1, 2  # ContentProperties
_NORMALIZATION, _THRESHOLDING = 1, 3  # ProcessUnitOptions
_GRAYSCALE, _AXIS_LABELS = 2, 2  # ColorSpaceType, AssociatedFileType


@dataclass(frozen=True)
class Tensor:
    """One input or output, in the order of the graph.

    Attributes:
        name, description: for people.
        range: the least and the largest value. None if there is no bound.
        side: of a square gray image in pixels. None for other values.
        labels: whether each value belongs to a line of `LABELS_FILE`.
        threshold: values below it are to be rejected. None without one.
    """

    name: str
    description: str
    range: tuple[float, float] | None = None
    side: int | None = None
    labels: bool = False
    threshold: float | None = None


def version(commit: str) -> str:
    """Return the version of a file: the package's, and the commit that trained the model."""
    return f"{__version__} ({commit})"


def describe(
    content: bytes,
    run: str,
    commit: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    entry: dict[str, Any] | None = None,
) -> bytes:
    """Return the LiteRT file `content` of a `run` with the metadata of its tensors, and `LABELS` packed behind it.

    `entry` is as in `write_metadata`; writing both at once saves half a second.

    Raises:
        ValueError: the graph has another number of inputs or outputs.
    """
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    if (graph.InputsLength(), graph.OutputsLength()) != (len(inputs), len(outputs)):
        raise ValueError(f"{graph.InputsLength()} inputs and {graph.OutputsLength()} outputs are to be described")
    entries = {TFLITE_ENTRY: _model(run, commit, inputs, outputs)}
    if entry is not None:
        entries[ENTRY] = encoded(entry)
    return put_entries(content, entries, {LABELS_FILE: "".join(f"{label}\n" for label in LABELS).encode()})


def _model(run: str, commit: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bytes:
    b = flatbuffers.Builder(1024)
    subgraph = _table(
        b,
        (2, "offset", _vector(b, [_tensor(b, one) for one in inputs])),
        (3, "offset", _vector(b, [_tensor(b, one) for one in outputs])),
    )
    model = _table(
        b,
        (0, "offset", b.CreateString(f"Inkproof {run}")),
        (1, "offset", b.CreateString(SUMMARY)),
        (2, "offset", b.CreateString(version(commit))),
        (3, "offset", _vector(b, [subgraph])),
        (4, "offset", b.CreateString(AUTHOR)),
        (5, "offset", b.CreateString(LICENSE)),
        (7, "offset", b.CreateString(_PARSER)),
    )
    b.Finish(model, _TFLITE_IDENTIFIER)
    return bytes(b.Output())


def _tensor(b: Any, tensor: Tensor) -> int:
    fields = [(0, "offset", b.CreateString(tensor.name)), (1, "offset", b.CreateString(tensor.description))]
    fields.append((3, "offset", _content(b, tensor.side)))
    units = []
    if tensor.side is not None:
        # (x - 0) / 1: pixels stay as they are, in every quantization, since the model scales them itself.
        units.append(_unit(b, _NORMALIZATION, (0, "offset", _floats(b, 0.0)), (1, "offset", _floats(b, 1.0))))
    if tensor.threshold is not None:
        units.append(_unit(b, _THRESHOLDING, (0, "float32", tensor.threshold)))
    if units:
        fields.append((4, "offset", _vector(b, units)))
    if tensor.range is not None:
        low, high = (_floats(b, value) for value in tensor.range)
        fields.append((5, "offset", _table(b, (0, "offset", high), (1, "offset", low))))
    if tensor.labels:
        texts = b.CreateString(LABELS_FILE), b.CreateString("the digits, a line each")
        file = _table(b, (0, "offset", texts[0]), (1, "offset", texts[1]), (2, "int8", _AXIS_LABELS))
        fields.append((6, "offset", _vector(b, [file])))
    return _table(b, *fields)


def _content(b: Any, side: int | None) -> int:
    if side is None:
        return _table(b, (0, "uint8", _FEATURE), (1, "offset", _table(b)))
    size = _table(b, (0, "uint32", side), (1, "uint32", side))
    image = _table(b, (0, "int8", _GRAYSCALE), (1, "offset", size))
    return _table(b, (0, "uint8", _IMAGE), (1, "offset", image))


def _unit(b: Any, kind: int, *fields: tuple[int, str, Any]) -> int:
    options = _table(b, *fields)
    return _table(b, (0, "uint8", kind), (1, "offset", options))


def _table(b: Any, *fields: tuple[int, str, Any]) -> int:
    """Write a table of fields (position, type, value); what its offsets point to has been written before."""
    b.StartObject(1 + max((place for place, _, _ in fields), default=-1))
    for place, kind, value in fields:
        put = {
            "offset": b.PrependUOffsetTRelativeSlot,
            "int8": b.PrependInt8Slot,
            "uint8": b.PrependUint8Slot,
            "uint32": b.PrependUint32Slot,
            "float32": b.PrependFloat32Slot,
        }[kind]
        put(place, value, 0)
    return int(b.EndObject())


def _vector(b: Any, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def _floats(b: Any, value: float) -> int:
    b.StartVector(4, 1, 4)
    b.PrependFloat32(value)
    return int(b.EndVector())
