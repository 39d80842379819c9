"""The loss of a training: cross-entropy with the labels, smoothed if asked, and with a teacher's predictions."""

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
        """Return `batches` (images, labels) with targets float32 (B, 20): one-hot labels, softened probabilities."""

        def predict(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            mean = tf.add_n([model(images, training=False) for model in self.models]) / len(self.models)
            return images, tf.concat([tf.one_hot(labels, 10), softened(mean, self.temperature)], axis=1)

        return batches.map(predict, num_parallel_calls=1, deterministic=True).prefetch(4)


def softened(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the softmax (B, 10) at `temperature` of the logits that belong to `probabilities`."""
    return tf.nn.softmax(tf.math.log(probabilities + _LEAST) / temperature)


def loss_and_metrics(label_smoothing: float, teacher: Teacher | None) -> tuple[Any, list[Any]]:
    """Return the loss and the metrics for `keras.Model.compile`; the one metric is called accuracy.

    `label_smoothing` is the probability that is taken from the label and given to all digits in equal parts (Szegedy
    et al., "Rethinking the Inception architecture for computer vision", 2016).
    """
    if teacher is not None:
        return _distillation(label_smoothing, teacher), [_label_accuracy()]
    if label_smoothing:
        return _smoothed(label_smoothing), ["accuracy"]
    return "sparse_categorical_crossentropy", ["accuracy"]


def _smoothed(amount: float) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def smoothed_crossentropy(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        one_hot = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), 10)
        return keras.losses.categorical_crossentropy(one_hot, probabilities, label_smoothing=amount)

    return smoothed_crossentropy


def _distillation(label_smoothing: float, teacher: Teacher) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def distillation(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        one_hot, predicted = targets[:, :10], targets[:, 10:]
        hard = keras.losses.categorical_crossentropy(one_hot, probabilities, label_smoothing=label_smoothing)
        soft = keras.losses.categorical_crossentropy(predicted, softened(probabilities, teacher.temperature))
        # The gradient of the softened part shrinks with the square of the temperature.
        return (1 - teacher.weight) * hard + teacher.weight * teacher.temperature**2 * soft

    return distillation


def _label_accuracy() -> keras.metrics.Metric:
    def correct(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.argmax(targets[:, :10], axis=1) == tf.argmax(probabilities, axis=1), tf.float32)

    return keras.metrics.MeanMetricWrapper(correct, name="accuracy")
