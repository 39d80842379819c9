"""What a LiteRT file says about itself: one JSON entry named `inkproof` among the file's metadata.

The format has a table for that, which every runtime carries along and ignores (`Model.metadata` of LiteRT's
schema.fbs). The entry of an exported file holds

- `threshold`: a picture is accepted as a digit where its score reaches it; the one key a reader needs;
- `rule`: what is scored: of a `canvas*.tflite` its output `score`, such as `negative_entropy` or `energy`; of a
  `model*.tflite`, which has no such output, always `maximum_probability`;
- `temperature`: what the logits were divided by before the softmax;
- `labels`: what each of the ten probabilities stands for, 0 to 9;
- `input`: what goes in: its `range`, 0 to 255 in every form, and its `ink`;
- `form`: in which of `files.FORMS` the network's weights are;
- `model`: the run of params.yaml that the file was exported from;

and may hold more, such as the accuracies of a model card.
"""

import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.errors import UserError

ENTRY = "inkproof"
_IDENTIFIER = b"TFL3"  # of the file format, at bytes 4 to 8


def write_metadata(content: bytes, entry: dict[str, Any]) -> bytes:
    """Return the LiteRT file `content` with `entry` as its metadata, in place of any it had.

    Everything else stays: the graph, its signatures, other programs' metadata and packed files.

    Raises:
        UserError: `content` is no LiteRT file.
        TypeError, ValueError: `entry` cannot be said in JSON.
    """
    return put_entries(content, {ENTRY: encoded(entry)})


def encoded(entry: dict[str, Any]) -> bytes:
    """Return what is stored of `entry`; raises TypeError or ValueError where it cannot be said in JSON."""
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()


def put_entries(content: bytes, entries: Mapping[str, bytes], files: Mapping[str, bytes] | None = None) -> bytes:
    """Return the LiteRT file `content` with `entries` by name among its metadata, and `files` packed behind it.

    They join what it had, in place of what had the same name. Android's metadata library looks for files in a ZIP
    behind the model; runtimes read no further than the model. Raises UserError where `content` is no LiteRT file.
    """
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(_parsed(content, "the model"))
    model.metadata = model.metadata or []
    for name, data in entries.items():
        named = next((one for one in model.metadata if one.name in (name, name.encode())), None)
        if named is None:
            named = schema.MetadataT()
            named.name, named.buffer = name, len(model.buffers)
            model.metadata.append(named)
            model.buffers.append(schema.BufferT())
        model.buffers[named.buffer].data = np.frombuffer(data, np.uint8)  # a list is packed byte by byte
    builder = flatbuffers.Builder(len(content) + sum(map(len, entries.values())))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    written = io.BytesIO(bytes(builder.Output()))
    if packed := packed_files(content) | dict(files or {}):
        with zipfile.ZipFile(written, "a", zipfile.ZIP_STORED) as archive:
            for file, inside in packed.items():
                archive.writestr(zipfile.ZipInfo(file), inside)  # without the time of day: same files, same bytes
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
        UserError: there is no such file, it is no LiteRT file, or the entry cannot be read.
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
    from ai_edge_litert import schema_py_generated as schema

    if content[4:8] != _IDENTIFIER:
        raise UserError(f"{name}: not a LiteRT file; export it again")
    return schema.Model.GetRootAs(content, 0)
