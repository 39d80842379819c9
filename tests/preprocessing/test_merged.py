"""LiteRT files: without what no runtime reads, and several merged into one, connected by name."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from inkproof.preprocessing.convert import function_to_litert, merge

pytestmark = pytest.mark.xdist_group("tensorflow")
WEIGHTS = np.random.default_rng(0).normal(0, 1, (6, 4)).astype(np.float32)


def part(function: Any, name: str, shape: tuple[int, ...], kind: Any = tf.float32) -> bytes:
    return function_to_litert(function, [tf.TensorSpec(shape, kind, name=name)], "a part")


@pytest.fixture(scope="module")
def first() -> bytes:
    return part(
        lambda raw: {"x": tf.identity(tf.cast(raw, tf.float32) / 2, name="x"), "sum": tf.reduce_sum(raw, name="sum")},
        *("raw", (1, 6), tf.int32),
    )


@pytest.fixture(scope="module")
def second() -> bytes:
    return part(lambda x: {"y": tf.identity(x @ tf.constant(WEIGHTS) + 1, name="y")}, "x", (1, 6))


@pytest.fixture(scope="module")
def third() -> bytes:
    return part(lambda y: {"z": tf.identity(tf.exp(-y), name="z")}, "y", (1, 4))


def run(content: bytes, raw: np.ndarray) -> dict[str, np.ndarray]:
    return dict(Interpreter(model_content=content).get_signature_runner()(raw=raw))


def test_each_part_takes_the_outputs_of_earlier_parts(first: bytes, second: bytes, third: bytes) -> None:
    raw = np.arange(6, dtype=np.int32)[np.newaxis] - 3
    found = run(merge([first, second, third], ["z", "sum", "y"]), raw)
    y = raw / 2 @ WEIGHTS + 1
    np.testing.assert_allclose(found["y"], y, rtol=1e-5)
    np.testing.assert_allclose(found["z"], np.exp(-y), rtol=1e-5)
    assert found["sum"] == raw.sum()


def test_outputs_are_in_the_given_order_and_no_others(first: bytes, second: bytes) -> None:
    content = merge([first, second], ["y", "x"])
    assert [tuple(one["shape"]) for one in Interpreter(model_content=content).get_output_details()] == [(1, 4), (1, 6)]
    assert set(run(content, np.ones((1, 6), np.int32))) == {"y", "x"}


def test_parts_that_do_not_fit_are_an_error(first: bytes, second: bytes, third: bytes) -> None:
    with pytest.raises(ValueError, match="no part has the output z"):
        merge([first, second], ["z"])
    longer = part(lambda x: {"y": tf.identity(2 * x, name="y")}, "x", (1, 7))
    with pytest.raises(ValueError, match=r"x: .*7.* is expected, .*6.* is given"):
        merge([first, longer], ["y"])
    whole = part(lambda x: {"y": tf.identity(x + 1, name="y")}, "x", (1, 6), tf.int32)
    with pytest.raises(ValueError, match="x: "):
        merge([first, whole], ["y"])


def test_a_part_alone_and_the_same_parts_twice(first: bytes, second: bytes) -> None:
    raw = np.ones((1, 6), np.int32)
    np.testing.assert_allclose(run(merge([first], ["x"]), raw)["x"], 0.5)
    assert merge([first, second], ["y"]) == merge([first, second], ["y"])


def test_a_file_has_each_constant_once_and_names_only_outside() -> None:
    def function(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.identity(tf.exp(x @ tf.constant(WEIGHTS)) + x @ tf.constant(WEIGHTS.copy()), name="y")}

    model = schema.Model.GetRootAs(part(function, "x", (1, 6)), 0)
    lengths = [model.Buffers(index).DataLength() for index in range(model.BuffersLength())]
    assert lengths.count(WEIGHTS.nbytes) == 1 and lengths.count(0) == 1
    graph = model.Subgraphs(0)
    named = {index for index in range(graph.TensorsLength()) if graph.Tensors(index).Name()}
    assert named == {*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()}
    assert [model.Metadata(index).Name() for index in range(model.MetadataLength())] == [b"min_runtime_version"]
