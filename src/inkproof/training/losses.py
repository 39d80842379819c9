"""What training minimises: cross-entropy with the labels, softened where asked, and with a teacher's answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

_LEAST = 1e-7  # probability that a logarithm is taken of at least


@dataclass(frozen=True)
class Teacher:
    """Trained networks whose mean answers a student learns beside the labels.

    Answers are softened by `temperature`, and their cross-entropy counts `weight`, the labels' the rest. The teachers
    see the very images that the student sees, distorted as they are.

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015).
    """

    models: Sequence[keras.Model]
    temperature: float
    weight: float

    def asked(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Return `batches` (images, labels) with float32 (B, 20) in place of labels: one-hot, softened answers."""

        def ask(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            answers = tf.add_n([model(images, training=False) for model in self.models]) / len(self.models)
            return images, tf.concat([tf.one_hot(labels, 10), softened(answers, self.temperature)], axis=1)

        return batches.map(ask, num_parallel_calls=1, deterministic=True).prefetch(4)


def softened(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the softmax (B, 10) at `temperature` of the logits that belong to `probabilities`."""
    return tf.nn.softmax(tf.math.log(probabilities + _LEAST) / temperature)


def loss_and_metrics(label_smoothing: float, teacher: Teacher | None) -> tuple[Any, list[Any]]:
    """Return what `keras.Model.compile` takes: the loss, and the accuracy under that name.

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
        one_hot, answers = targets[:, :10], targets[:, 10:]
        hard = keras.losses.categorical_crossentropy(one_hot, probabilities, label_smoothing=label_smoothing)
        soft = keras.losses.categorical_crossentropy(answers, softened(probabilities, teacher.temperature))
        # The gradient of the softened part shrinks with the square of the temperature.
        return (1 - teacher.weight) * hard + teacher.weight * teacher.temperature**2 * soft

    return distillation


def _label_accuracy() -> keras.metrics.Metric:
    def right(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.argmax(targets[:, :10], axis=1) == tf.argmax(probabilities, axis=1), tf.float32)

    return keras.metrics.MeanMetricWrapper(right, name="accuracy")
