"""The loss of a training: cross-entropy with the labels, smoothed if asked, and with a teacher's predictions.

An image of `NOT_A_DIGIT` has a tenth of each digit as its target (Hendrycks, Mazeika and Dietterich, "Deep anomaly
detection with outlier exposure", 2019).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

_LEAST = 1e-7  # added to a probability before its logarithm is taken


@dataclass(frozen=True)
class Teacher:
    """Trained networks whose mean probabilities a student learns beside the labels.

    Probabilities are softened by `temperature`. Their cross-entropy has the share `weight` of the loss, that of the
    labels the rest. The teachers see the same distorted images as the student.

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015).
    """

    models: Sequence[keras.Model]
    temperature: float
    weight: float

    def with_targets(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return `batches` (images, labels) with targets float32 (B, 20): those of labels, softened probabilities."""

        def predict(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            mean = tf.add_n([model(images, training=False) for model in self.models]) / len(self.models)
            return images, tf.concat([label_targets(labels), softened(mean, self.temperature)], axis=1)

        return batches.map(predict, num_parallel_calls=1, deterministic=True).prefetch(4)


def softened(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the softmax (B, 10) at `temperature` of the logits that belong to `probabilities`."""
    return tf.nn.softmax(tf.math.log(probabilities + _LEAST) / temperature)


def label_targets(labels: tf.Tensor) -> tf.Tensor:
    """Return the targets float32 (B, 10) of labels (B,): 1 at a digit, a tenth everywhere for `NOT_A_DIGIT`."""
    one_hot = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), 10)
    return one_hot + (1 - tf.reduce_sum(one_hot, axis=1, keepdims=True)) / 10


def loss_and_metrics(label_smoothing: float, teacher: Teacher | None, outliers: bool = False) -> tuple[Any, list[Any]]:
    """Return the loss and the metrics for `keras.Model.compile`; the one metric is called accuracy.

    With `outliers` there are images of `NOT_A_DIGIT`. One of them is right if no digit is given half the probability.
    `label_smoothing` is the probability that is taken from the label and given to all digits in equal parts (Szegedy
    et al., "Rethinking the Inception architecture for computer vision", 2016).
    """
    if teacher is not None:
        return _distillation(label_smoothing, teacher), [_label_accuracy(lambda targets: targets[:, :10])]
    if outliers:
        return _smoothed(label_smoothing), [_label_accuracy(label_targets)]
    if label_smoothing:
        return _smoothed(label_smoothing), ["accuracy"]
    return "sparse_categorical_crossentropy", ["accuracy"]


def _smoothed(amount: float) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def smoothed_crossentropy(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return keras.losses.categorical_crossentropy(label_targets(labels), probabilities, label_smoothing=amount)

    return smoothed_crossentropy


def _distillation(label_smoothing: float, teacher: Teacher) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def distillation(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        one_hot, predicted = targets[:, :10], targets[:, 10:]
        hard = keras.losses.categorical_crossentropy(one_hot, probabilities, label_smoothing=label_smoothing)
        soft = keras.losses.categorical_crossentropy(predicted, softened(probabilities, teacher.temperature))
        # The gradient of the softened part shrinks with the square of the temperature.
        return (1 - teacher.weight) * hard + teacher.weight * teacher.temperature**2 * soft

    return distillation


def _label_accuracy(label_part: Callable[[tf.Tensor], tf.Tensor]) -> keras.metrics.Metric:
    def correct(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        wanted = label_part(targets)
        right = tf.argmax(wanted, axis=1) == tf.argmax(probabilities, axis=1)
        unsure = tf.reduce_max(probabilities, axis=1) < 0.5
        return tf.cast(tf.where(tf.reduce_max(wanted, axis=1) > 0.5, right, unsure), tf.float32)

    return keras.metrics.MeanMetricWrapper(correct, name="accuracy")
