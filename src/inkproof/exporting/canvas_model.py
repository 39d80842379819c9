"""Normalizer and network in one graph: a raw canvas in, the probabilities, the score and the image it saw out."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from inkproof.data.digits import IMAGE_SIDE
from inkproof.evaluation.rejection import Rule
from inkproof.exporting.files import Quantization
from inkproof.preprocessing.convert import CALIBRATION_DIGITS, function_to_litert, merge

LOGITS = "logits"  # the layer before the softmax, which has this name in every model
_PREPARED, _FEATURES = "prepared", "features"  # the inputs of the first layer with weights, and of the last one


def up_to_logits(model: keras.Model) -> keras.Model:
    """Return `model` without its softmax, sharing its weights; from (B, 28, 28, 1) to logits (B, 10)."""
    return keras.Model(model.inputs, model.get_layer(LOGITS).output)


class CanvasModel:
    """The whole graph from canvas to digit, as a LiteRT file in each of `files.QUANTIZATIONS`.

    One signature: `canvas` uint8 (1, 280, 280), either polarity, to `probabilities` float32 (1, 10), calibrated by
    the rule's temperature, `seen` uint8 (1, 28, 28), `score` float32 (1,) and `mask` uint8 (1, 70, 70). The network is
    quantized from its first layer with weights up to its last one, without that. The rest stays as it is: eight bits
    are too few for sums over a canvas and for the reciprocal roots of a batch normalization, and steps in the logits
    would move digits across the rule's threshold.
    """

    def __init__(self, network: keras.Model, rule: Rule, normalizer: bytes) -> None:
        """Convert the parts that are the same in every quantization.

        Args:
            network: from (B, 28, 28, 1) to logits (B, 10), as `up_to_logits` returns it.
            rule: the score's rule, and the temperature.
            normalizer: what `normalizer_part` returns.

        Raises:
            UserError: the graph needs operators outside LiteRT's built-in ones.
        """
        head = network.get_layer(LOGITS)
        first = next(one for one in network.layers if one.weights)
        self._preparation = keras.Model(network.inputs[0], first.input)
        self._body = keras.Model(first.input, head.input) if first is not head else None
        entry = _FEATURES if self._body is None else _PREPARED

        def prepare(image: tf.Tensor) -> dict[str, tf.Tensor]:
            return {entry: tf.identity(self._preparation(image, training=False), name=entry)}

        def classify(features: tf.Tensor) -> dict[str, tf.Tensor]:
            scaled = head(features) / rule.temperature
            log_p = ops.log_softmax(scaled, axis=1)
            return {
                "probabilities": tf.identity(ops.softmax(scaled, axis=1), name="probabilities"),
                "score": tf.identity(graph_score(rule.name, scaled, log_p, rule.temperature), name="score"),
            }

        image = tf.TensorSpec((1, IMAGE_SIDE, IMAGE_SIDE, 1), tf.float32, name="image")
        features = tf.TensorSpec((1, *head.input.shape[1:]), tf.float32, name=_FEATURES)
        self._normalizer = normalizer
        self._prepared = function_to_litert(prepare, [image], "the preparation")
        self._after = function_to_litert(classify, [features], "the rule", network)

    def quantized(self, quantization: Quantization = "float32", calibration: np.ndarray | None = None) -> bytes:
        """Return the file in `quantization`.

        `calibration`, which int8 needs, is uint8 (N, 28, 28), training or validation digits after the normalizer.
        Raises UserError if the graph needs operators outside LiteRT's built-in ones.
        """
        parts = [self._normalizer, self._prepared, self._after]
        if (body := self._body) is not None:

            def extract(prepared: tf.Tensor) -> dict[str, tf.Tensor]:
                return {_FEATURES: tf.identity(body(prepared, training=False), name=_FEATURES)}

            known = None
            if calibration is not None:
                digits = calibration[:CALIBRATION_DIGITS, :, :, np.newaxis].astype(np.float32)
                known = np.asarray(self._preparation(digits, training=False))
            prepared = tf.TensorSpec((1, *body.input_shape[1:]), tf.float32, name=_PREPARED)
            parts.insert(-1, function_to_litert(extract, [prepared], "the network", body, quantization, known))
        return merge(parts, ["probabilities", "seen", "score", "mask"])


def graph_score(name: str, logits: Any, log_p: Any, temperature: float) -> Any:
    """Return the score of `evaluation.rejection.rejection_scores` by the rule `name`, in operators of a graph, (B,).

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
    # The margin. The second largest is the largest below the first. Where two are equally large, the margin is 0.
    largest = p >= first[:, None]
    second = ops.max(ops.where(largest, 0.0, p), axis=1)
    return ops.where(ops.sum(ops.cast(largest, "float32"), axis=1) > 1.5, 0.0, first - second)
