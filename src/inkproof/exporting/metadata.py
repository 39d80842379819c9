"""What a LiteRT file says about itself: one JSON entry named `inkproof` among the file's metadata.

The format has a table for that, which every runtime carries along and ignores (`Model.metadata` of LiteRT's
schema.fbs). The entry of a `canvas.tflite` holds

- `threshold`: a picture is accepted as a digit where the output `score` reaches it; the one key a reader needs;
- `rule`: what `score` measures, such as `max_probability` or `energy`;
- `temperature`: what the logits were divided by before the softmax;
- `labels`: what each of the ten probabilities stands for, 0 to 9;
- `model`: the run of params.yaml that the file was exported from;

and may hold more, such as the accuracies of a model card.
"""

import json
import os
import struct
from pathlib import Path
from typing import Any

from inkproof.errors import UserError

ENTRY = "inkproof"
_IDENTIFIER = b"TFL3"  # of the file format, at bytes 4 to 8


def write_metadata(content: bytes, entry: dict[str, Any]) -> bytes:
    """Return the LiteRT file `content` with `entry` as its metadata, in place of any it had.

    Everything else stays: the graph, its signatures and other programs' metadata.

    Raises:
        UserError: `content` is no LiteRT file.
        TypeError, ValueError: `entry` cannot be said in JSON.
    """
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    text = json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()
    model = schema.ModelT.InitFromObj(_parsed(content, "the model"))
    model.metadata = model.metadata or []
    named = next((one for one in model.metadata if one.name in (ENTRY, ENTRY.encode())), None)
    if named is None:
        named = schema.MetadataT()
        named.name, named.buffer = ENTRY, len(model.buffers)
        model.metadata.append(named)
        model.buffers.append(schema.BufferT())
    model.buffers[named.buffer].data = np.frombuffer(text, np.uint8)  # a list is packed byte by byte
    builder = flatbuffers.Builder(len(content) + len(text))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


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
