"""Layer and network in one graph: a raw canvas in; digit, certainty and what the network saw out."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from inkproof.exporting.convert import converted
from inkproof.exporting.metadata import write_metadata
from inkproof.ink.normalization import InkNormalization
from inkproof.ink.strokes import SIDE
from inkproof.scoring.rejection import Rule

LOGITS = "logits"  # the layer before the softmax, by the name that every family gives it


def up_to_logits(model: keras.Model) -> keras.Model:
    """Return `model` without its softmax, sharing its weights; from (B, 28, 28, 1) to logits (B, 10)."""
    return keras.Model(model.inputs, model.get_layer(LOGITS).output)


def canvas_model(network: keras.Model, rule: Rule, name: str) -> bytes:
    """Return the whole way from canvas to digit as a LiteRT file; `network` is from `up_to_logits`.

    One signature: `canvas` uint8 (1, 280, 280), either polarity, to `probabilities` float32 (1, 10), calibrated by
    the rule's temperature, `seen` uint8 (1, 28, 28) and `score` float32 (1,). The file's metadata hold the rule,
    its threshold and `name`. Raises UserError where the graph needs operators outside LiteRT's built-in ones.
    """
    layer = InkNormalization()

    def read(canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        frame = layer(canvas)
        logits = network(frame, training=False) / rule.temperature
        log_p = ops.log_softmax(logits, axis=1)
        return {
            "probabilities": tf.identity(ops.softmax(logits, axis=1), name="probabilities"),
            "seen": tf.cast(frame[..., 0], tf.uint8, name="seen"),
            "score": tf.identity(graph_score(rule.name, logits, log_p, rule.temperature), name="score"),
        }

    # Not by way of a SavedModel, which would trace the layer twice more. The converter finds the weights as
    # TensorFlow's own variables; those it does not find become memory that nobody filled.
    graph = tf.Module()
    graph.weights = [weight.value for weight in network.weights]
    canvas = tf.TensorSpec((1, SIDE, SIDE), tf.uint8, name="canvas")
    traced = tf.function(read, input_signature=[canvas], autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], graph)
    entry = {
        "rule": rule.name,
        "threshold": rule.threshold,
        "temperature": rule.temperature,
        "labels": [str(digit) for digit in range(10)],
        "model": name,
    }
    return write_metadata(converted(converter, f"canvas.tflite of {name}"), entry)


def graph_score(name: str, logits: Any, log_p: Any, temperature: float) -> Any:
    """Return what `scoring.rejection.acceptance_scores` says by the rule `name`, in operators of a graph, (B,).

    `logits` (B, 10) are divided by `temperature` already, and `log_p` is their log-softmax.
    """
    if name == "energy":
        return temperature * ops.logsumexp(logits, axis=1)
    p = ops.exp(log_p)
    if name == "negative_entropy":
        return ops.sum(p * log_p, axis=1)
    first = ops.max(p, axis=1)
    if name == "maximum_probability":
        return first
    # The margin. What is below the largest one; of two equal ones both are the largest, and the margin is none.
    largest = p >= first[:, None]
    second = ops.max(ops.where(largest, 0.0, p), axis=1)
    return ops.where(ops.sum(ops.cast(largest, "float32"), axis=1) > 1.5, 0.0, first - second)
