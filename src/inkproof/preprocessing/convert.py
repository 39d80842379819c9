"""Functions of tensors to LiteRT (TFLite) files, and several such files to one."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_bytearray_to_object, convert_object_to_bytearray

from inkproof.runtime.errors import UserError
from inkproof.runtime.startup import quiet_stderr

CALIBRATION_DIGITS = 500  # int8 ranges no longer change after some hundred digits


def function_to_litert(
    function: Callable[..., Mapping[str, tf.Tensor]],
    entries: Sequence[tf.TensorSpec],
    name: str,
    network: keras.Model | None = None,
    quantization: str = "float32",
    calibration: np.ndarray | None = None,
) -> bytes:
    """Return a function of tensors, which returns tensors by name, as a LiteRT file with that signature.

    `entries` are the shapes, types and names of its arguments. `network` is the model whose weights it uses.
    `calibration`, (N, ...), are inputs of a function of one tensor, and int8 needs it. `name` is for messages. Inputs
    and outputs keep their types in every quantization. There is no SavedModel in between, which would
    trace the function twice more.
    """
    # The converter finds the weights as TensorFlow's own variables. Others would become uninitialized memory.
    graph = tf.Module()
    graph.weights = [weight.value for weight in network.weights] if network is not None else []
    traced = tf.function(function, input_signature=[*entries], autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], graph)
    quantize(converter, quantization, calibration)
    return convert(converter, name)


def quantize(converter: Any, quantization: str, calibration: np.ndarray | None) -> None:
    """Set the quantization of a converter; `calibration` is (N, ...), and int8 needs it."""
    if quantization == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif quantization == "int8":
        if calibration is None:
            raise ValueError("int8 needs digits to find its ranges on")

        def representative() -> Iterator[list[np.ndarray]]:
            for row in calibration[:CALIBRATION_DIGITS]:
                yield [row[np.newaxis].astype(np.float32)]

        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    elif quantization != "dynamic":
        raise ValueError(f"unknown quantization {quantization}")


def convert(converter: Any, name: str) -> bytes:
    """Return the LiteRT file of a converter; raises UserError, with `name`, if phones lack an operator it needs."""
    with quiet_stderr():
        try:
            content, foreign = converter.convert(), []
        except Exception as error:  # the converter's own class is not part of TensorFlow's public interface
            foreign = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", str(error))))
            if not foreign:
                raise
    if foreign := foreign or foreign_operators(content):
        raise UserError(f"{name}: needs operators outside LiteRT's built-in ones: {', '.join(foreign)}")
    return _slim(content)


def foreign_operators(content: bytes) -> list[str]:
    """Return the names of the operators in a LiteRT file that are not built in (Flex, custom)."""
    model = schema.Model.GetRootAs(content, 0)
    codes = (model.OperatorCodes(index) for index in range(model.OperatorCodesLength()))
    return sorted(code.CustomCode().decode() for code in codes if code.CustomCode())


_COMMON_METADATA = ("min_runtime_version",)  # of the first part, and true of the whole


def _slim(content: bytes) -> bytes:
    """Return the LiteRT file without what no runtime reads: names of inner tensors, notes of the converter, copies.

    In the smallest int8 files they are a quarter of all bytes.
    """
    model = convert_bytearray_to_object(content)
    (graph,) = model.subgraphs
    kept, places = [model.buffers[0]], {b"": 0}  # the first buffer is empty
    model.metadata = [one for one in model.metadata or [] if _text(one.name) in _COMMON_METADATA]
    for owner in (*graph.tensors, *model.metadata):
        data = model.buffers[owner.buffer].data
        owner.buffer = places.setdefault(b"" if data is None else bytes(data), len(kept))
        if owner.buffer == len(kept):
            kept.append(schema.BufferT(data=data))
    model.buffers = kept
    for index, tensor in enumerate(graph.tensors):
        if index not in graph.inputs and index not in graph.outputs:
            tensor.name = None
    return bytes(convert_object_to_bytearray(model))


def merge(parts: Sequence[bytes], outputs: Sequence[str]) -> bytes:
    """Return one LiteRT file that runs `parts` in their order.

    Each part has one graph and one signature. An input of a part is the output of that name of an earlier part. Without
    one it is an input of the whole. `outputs` names the outputs of the whole, in this order.

    Raises:
        ValueError: an input and the output of that name differ in shape, type or quantization, no part has one of
            `outputs`, or a part has more than one graph or signature.
    """
    whole = convert_bytearray_to_object(parts[0])
    graph, signature = _only(whole)
    given = {_text(one.name): one.tensorIndex for one in signature.outputs}
    for content in parts[1:]:
        part = convert_bytearray_to_object(content)
        own, entry = _only(part)
        places: dict[int, int] = {-1: -1}  # from a tensor's index in the part to that in the whole; -1 is none
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
        raise ValueError(f"no part has the output {', '.join(missing)}")
    signature.outputs = [schema.TensorMapT(name, given[name]) for name in outputs]
    graph.outputs = [given[name] for name in outputs]
    return bytes(convert_object_to_bytearray(whole))


def _only(model: Any) -> tuple[Any, Any]:
    if len(model.subgraphs) != 1 or len(model.signatureDefs or []) != 1:
        raise ValueError("a part has one graph and one signature")
    return model.subgraphs[0], model.signatureDefs[0]


def _append_buffers(whole: Any, part: Any) -> dict[int, int]:
    """Append the buffers of the part's tensors; return the new index of each. The first buffer is empty."""
    places = {0: 0}
    for index in sorted({tensor.buffer for tensor in part.subgraphs[0].tensors} - {0}):
        places[index] = len(whole.buffers)
        whole.buffers.append(part.buffers[index])
    return places


def _check(ours: Any, theirs: Any, name: str) -> None:
    def kind(tensor: Any) -> tuple[Any, ...]:
        quantized = tensor.quantization
        scale = [] if quantized is None or quantized.scale is None else [float(one) for one in quantized.scale]
        return [int(side) for side in tensor.shape], tensor.type, scale

    if kind(ours) != kind(theirs):
        raise ValueError(f"{name}: {kind(theirs)} is expected, {kind(ours)} is given")


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
