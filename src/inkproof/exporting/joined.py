"""Several LiteRT files as one, each going on with what those before it gave.

A converter quantises a graph as a whole. Where one part needs float32 and another shall be small, each is converted
in its own way and the parts are joined here; the operators of each stay as they were.
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers

_IDENTIFIER = b"TFL3"
_TOLD = ("min_runtime_version",)  # metadata that holds for the whole


def join(parts: Sequence[bytes], outputs: Sequence[str]) -> bytes:
    """Return one LiteRT file that runs `parts` in their order.

    Each part has one graph and one signature. An input of a part is the output of that name of a part before it; what
    none before it gives is an input of the whole. `outputs` names what the whole gives, in this order.

    Raises:
        ValueError: an input and the output it goes on with differ in shape, type or quantisation, a name of
            `outputs` is given by no part, or a part has more than one graph or signature.
    """
    from ai_edge_litert import schema_py_generated as schema

    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(parts[0], 0))
    graph, signature = _only(whole)
    given = {_text(one.name): one.tensorIndex for one in signature.outputs}
    for content in parts[1:]:
        part = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        own, entry = _only(part)
        places: dict[int, int] = {-1: -1}  # a tensor of the part, and where it is in the whole; -1 is none
        for one in entry.inputs:
            if (name := _text(one.name)) in given:
                _check(graph.tensors[given[name]], own.tensors[one.tensorIndex], name)
                places[one.tensorIndex] = given[name]
            else:
                signature.inputs.append(one)
        buffers = _append_buffers(whole, part)
        for index, tensor in enumerate(own.tensors):
            if index not in places:
                places[index] = len(graph.tensors)
                tensor.buffer = buffers[tensor.buffer]
                graph.tensors.append(tensor)
        for one in entry.inputs:
            if _text(one.name) not in given:
                one.tensorIndex = places[one.tensorIndex]
                graph.inputs = [*graph.inputs, one.tensorIndex]
        first = len(whole.operatorCodes)
        whole.operatorCodes.extend(part.operatorCodes)
        for operator in own.operators:
            operator.opcodeIndex += first
            operator.inputs = [places[int(index)] for index in operator.inputs]
            operator.outputs = [places[int(index)] for index in operator.outputs]
            if operator.intermediates is not None:
                operator.intermediates = [places[int(index)] for index in operator.intermediates]
            graph.operators.append(operator)
        given |= {_text(one.name): places[one.tensorIndex] for one in entry.outputs}
    if missing := [name for name in outputs if name not in given]:
        raise ValueError(f"no part gives {', '.join(missing)}")
    signature.outputs = [_entry(schema, name, given[name]) for name in outputs]
    graph.outputs = [given[name] for name in outputs]
    whole.metadata = [one for one in whole.metadata or [] if _text(one.name) in _TOLD]
    builder = flatbuffers.Builder(sum(map(len, parts)))
    builder.Finish(whole.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _only(model: Any) -> tuple[Any, Any]:
    if len(model.subgraphs) != 1 or len(model.signatureDefs or []) != 1:
        raise ValueError("a part has one graph and one signature")
    return model.subgraphs[0], model.signatureDefs[0]


def _append_buffers(whole: Any, part: Any) -> dict[int, int]:
    """Take over the buffers that tensors of the part hold; return where each is in the whole. The first is empty."""
    places = {0: 0}
    for index in sorted({tensor.buffer for tensor in part.subgraphs[0].tensors} - {0}):
        places[index] = len(whole.buffers)
        whole.buffers.append(part.buffers[index])
    return places


def _check(ours: Any, theirs: Any, name: str) -> None:
    def kind(tensor: Any) -> tuple[Any, ...]:
        said = tensor.quantization
        scale = [] if said is None or said.scale is None else [float(one) for one in said.scale]
        return [int(side) for side in tensor.shape], tensor.type, scale

    if kind(ours) != kind(theirs):
        raise ValueError(f"{name}: {kind(theirs)} is expected, {kind(ours)} is given")


def _entry(schema: Any, name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
