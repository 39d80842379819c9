"""What Android's tools read in a LiteRT file: inputs, outputs, labels and threshold, as TFLite Metadata has them.

The entry `TFLITE_METADATA` is a FlatBuffer of its own, after metadata_schema.fbs (version 1.1.0, identifier M001) of
github.com/tensorflow/tflite-support; the labels are a text file packed behind the model. The package that used to
write both, tflite-support, is no longer maintained and has no build for today's Python, so the few tables that a
classifier of pictures needs are written here; the numbers below are the positions of fields in that schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inkproof.exporting.files import LABELS_FILE
from inkproof.exporting.metadata import put_entries

ENTRY = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_PARSER = "1.0.0"  # the schema's version that first had all fields used here
_FEATURE, _IMAGE = 1, 2  # ContentProperties
_NORMALIZATION, _THRESHOLDING = 1, 3  # ProcessUnitOptions
_GRAYSCALE, _AXIS_LABELS = 2, 2  # ColorSpaceType, AssociatedFileType


@dataclass(frozen=True)
class Tensor:
    """One input or output, in the order of the graph.

    Attributes:
        name, description: for people.
        range: the least and the largest value; None where there is no bound.
        side: of a square grey picture in pixels; None for other values.
        labels: whether each value belongs to a line of `LABELS_FILE`.
        threshold: values below it are better left out; None without one.
    """

    name: str
    description: str
    range: tuple[float, float] | None = None
    side: int | None = None
    labels: bool = False
    threshold: float | None = None


@dataclass(frozen=True)
class Card:
    """What stands at the head of the metadata, for people."""

    name: str
    description: str
    version: str
    author: str
    licence: str


def describe(
    content: bytes,
    card: Card,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    labels: Sequence[str],
    others: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the LiteRT file `content` with the metadata of its tensors, and `labels` packed behind it.

    `others` are entries by name that are put in at the same time: each time takes half a second.

    Raises:
        ValueError: the graph has another number of inputs or outputs.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    if (graph.InputsLength(), graph.OutputsLength()) != (len(inputs), len(outputs)):
        raise ValueError(f"{graph.InputsLength()} inputs and {graph.OutputsLength()} outputs are to be described")
    text = "".join(f"{label}\n" for label in labels)
    return put_entries(content, {ENTRY: _model(card, inputs, outputs), **(others or {})}, {LABELS_FILE: text.encode()})


def _model(card: Card, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bytes:
    import flatbuffers

    b = flatbuffers.Builder(1024)
    subgraph = _table(
        b,
        (2, "offset", _vector(b, [_tensor(b, one) for one in inputs])),
        (3, "offset", _vector(b, [_tensor(b, one) for one in outputs])),
    )
    model = _table(
        b,
        (0, "offset", b.CreateString(card.name)),
        (1, "offset", b.CreateString(card.description)),
        (2, "offset", b.CreateString(card.version)),
        (3, "offset", _vector(b, [subgraph])),
        (4, "offset", b.CreateString(card.author)),
        (5, "offset", b.CreateString(card.licence)),
        (7, "offset", b.CreateString(_PARSER)),
    )
    b.Finish(model, _IDENTIFIER)
    return bytes(b.Output())


def _tensor(b: Any, tensor: Tensor) -> int:
    fields = [(0, "offset", b.CreateString(tensor.name)), (1, "offset", b.CreateString(tensor.description))]
    fields.append((3, "offset", _content(b, tensor.side)))
    units = []
    if tensor.side is not None:
        # (x - 0) / 1: pixels go in as they are, in every form, since the model scales them itself.
        units.append(_unit(b, _NORMALIZATION, (0, "offset", _floats(b, 0.0)), (1, "offset", _floats(b, 1.0))))
    if tensor.threshold is not None:
        units.append(_unit(b, _THRESHOLDING, (0, "float32", tensor.threshold)))
    if units:
        fields.append((4, "offset", _vector(b, units)))
    if tensor.range is not None:
        low, high = (_floats(b, value) for value in tensor.range)
        fields.append((5, "offset", _table(b, (0, "offset", high), (1, "offset", low))))
    if tensor.labels:
        said = b.CreateString(LABELS_FILE), b.CreateString("the digits, a line each")
        file = _table(b, (0, "offset", said[0]), (1, "offset", said[1]), (2, "int8", _AXIS_LABELS))
        fields.append((6, "offset", _vector(b, [file])))
    return _table(b, *fields)


def _content(b: Any, side: int | None) -> int:
    if side is None:
        return _table(b, (0, "uint8", _FEATURE), (1, "offset", _table(b)))
    size = _table(b, (0, "uint32", side), (1, "uint32", side))
    picture = _table(b, (0, "int8", _GRAYSCALE), (1, "offset", size))
    return _table(b, (0, "uint8", _IMAGE), (1, "offset", picture))


def _unit(b: Any, kind: int, *fields: tuple[int, str, Any]) -> int:
    options = _table(b, *fields)
    return _table(b, (0, "uint8", kind), (1, "offset", options))


def _table(b: Any, *fields: tuple[int, str, Any]) -> int:
    """Write a table of fields (position, type, value); what it points to has been written before."""
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
