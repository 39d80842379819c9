"""Label smoothing and distillation against the formulas, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from inkproof.training.losses import Teacher, loss_and_metrics, softened

pytestmark = pytest.mark.xdist_group("tensorflow")

P = np.array([[0.7, 0.2, *[0.0125] * 8], [0.05, 0.55, *[0.05] * 8]], np.float32)
LABELS = np.array([0, 2])


def test_without_options_the_loss_is_keras_s_own() -> None:
    assert loss_and_metrics(0.0, None) == ("sparse_categorical_crossentropy", ["accuracy"])


def test_smoothed_labels() -> None:
    loss, _ = loss_and_metrics(0.1, None)
    target = np.full((2, 10), 0.01)
    target[[0, 1], LABELS] += 0.9
    np.testing.assert_allclose(loss(LABELS, P), -(target * np.log(P)).sum(axis=1), rtol=1e-5)


def test_softened_is_the_softmax_of_the_logits_at_the_temperature() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32) * 2
    wanted = tf.nn.softmax(logits / 3.0)
    np.testing.assert_allclose(softened(tf.nn.softmax(logits), 3.0), wanted, atol=1e-4)


def constant(p: np.ndarray) -> keras.Model:
    """A network that predicts `p` (10,) for everything."""
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(inputs)
    out = keras.layers.Dense(10, kernel_initializer="zeros", activation="softmax")
    model = keras.Model(inputs, out(x))
    out.bias.assign(np.log(p))
    return model


def test_a_student_is_measured_by_labels_and_by_the_teachers_mean() -> None:
    temperature, weight = 2.0, 0.7
    teacher = Teacher([constant(P[0]), constant(P[1])], temperature, weight)
    batches = tf.data.Dataset.from_tensors((tf.zeros((2, 28, 28, 1)), tf.constant(LABELS, tf.int32)))
    ((_, targets),) = list(teacher.with_targets(batches))
    soft = P.mean(axis=0) ** (1 / temperature)
    soft /= soft.sum()
    np.testing.assert_array_equal(targets[:, :10], np.eye(10)[LABELS])
    np.testing.assert_allclose(targets[:, 10:], [soft, soft], atol=1e-5)

    loss, (accuracy,) = loss_and_metrics(0.0, teacher)
    student = P ** (1 / temperature)
    student /= student.sum(axis=1, keepdims=True)
    hard = -np.log(P[[0, 1], LABELS])
    wanted = 0.3 * hard + 0.7 * 4 * -(soft * np.log(student)).sum(axis=1)
    np.testing.assert_allclose(loss(targets, P), wanted, rtol=1e-4)
    accuracy.update_state(targets, P)
    assert (accuracy.name, float(accuracy.result())) == ("accuracy", 0.5)
