"""Several LiteRT files as one: wired by name, each part as it was, and rejected where parts do not fit."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from inkproof.exporting.convert import function_to_litert, join

pytestmark = pytest.mark.xdist_group("tensorflow")
WEIGHTS = np.random.default_rng(0).normal(0, 1, (6, 4)).astype(np.float32)


def part(function: Any, name: str, shape: tuple[int, ...], kind: Any = tf.float32) -> bytes:
    return function_to_litert(function, tf.TensorSpec(shape, kind, name=name), "a part")


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


def test_each_part_goes_on_with_what_those_before_gave(first: bytes, second: bytes, third: bytes) -> None:
    raw = np.arange(6, dtype=np.int32)[np.newaxis] - 3
    answer = run(join([first, second, third], ["z", "sum", "y"]), raw)
    y = raw / 2 @ WEIGHTS + 1
    np.testing.assert_allclose(answer["y"], y, rtol=1e-5)
    np.testing.assert_allclose(answer["z"], np.exp(-y), rtol=1e-5)
    assert answer["sum"] == raw.sum()


def test_outputs_come_in_the_order_asked_for_and_no_others(first: bytes, second: bytes) -> None:
    content = join([first, second], ["y", "x"])
    assert [tuple(one["shape"]) for one in Interpreter(model_content=content).get_output_details()] == [(1, 4), (1, 6)]
    assert set(run(content, np.ones((1, 6), np.int32))) == {"y", "x"}


def test_what_does_not_fit_is_refused(first: bytes, second: bytes, third: bytes) -> None:
    with pytest.raises(ValueError, match="no part gives z"):
        join([first, second], ["z"])
    longer = part(lambda x: {"y": tf.identity(2 * x, name="y")}, "x", (1, 7))
    with pytest.raises(ValueError, match=r"x: .*7.* is expected, .*6.* is given"):
        join([first, longer], ["y"])
    whole = part(lambda x: {"y": tf.identity(x + 1, name="y")}, "x", (1, 6), tf.int32)
    with pytest.raises(ValueError, match="x: "):
        join([first, whole], ["y"])


def test_a_part_alone_and_the_same_parts_twice(first: bytes, second: bytes) -> None:
    raw = np.ones((1, 6), np.int32)
    np.testing.assert_allclose(run(join([first], ["x"]), raw)["x"], 0.5)
    assert join([first, second], ["y"]) == join([first, second], ["y"])
