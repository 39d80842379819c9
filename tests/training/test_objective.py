"""Label smoothing and distillation against the formulas, by hand."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from inkproof.data.digits import NOT_A_DIGIT, Digits
from inkproof.training.loop import Plan, Row, fit, prepare_keras
from inkproof.training.losses import Teacher, label_targets, loss_and_metrics, softened

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


def test_an_image_of_no_digit_has_a_tenth_of_each_as_its_target() -> None:
    targets = np.asarray(label_targets(tf.constant([3, NOT_A_DIGIT, 0], tf.uint8)))
    np.testing.assert_array_equal(targets[[0, 2]], np.eye(10)[[3, 0]])
    np.testing.assert_allclose(targets[1], 0.1, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_of_no_digit_is_least_where_all_digits_are_equally_likely(smoothing: float) -> None:
    loss, _ = loss_and_metrics(smoothing, None, outliers=True)
    even = np.full((1, 10), 0.1, np.float32)
    losses = [float(loss(np.array([NOT_A_DIGIT]), p)[0]) for p in (even, P[:1], P[1:])]
    np.testing.assert_allclose(losses, [-np.log(p).mean() for p in (even, P[:1], P[1:])], rtol=1e-5)
    assert losses[0] == min(losses)


def test_no_digit_is_right_where_no_digit_has_half_the_probability() -> None:
    _, (accuracy,) = loss_and_metrics(0.0, None, outliers=True)
    unsure = np.array([[0.45, 0.25, *[0.0375] * 8]], np.float32)
    for label, p, right in (
        *((NOT_A_DIGIT, unsure, 1), (NOT_A_DIGIT, P[:1], 0), (NOT_A_DIGIT, P[1:], 0)),
        *((0, unsure, 1), (1, unsure, 0), (0, P[:1], 1), (1, P[1:], 1), (2, P[1:], 0)),
    ):
        accuracy.reset_state()
        accuracy.update_state(np.array([label]), p)
        assert float(accuracy.result()) == right, (label, p)
    assert accuracy.name == "accuracy"


def test_for_digits_alone_loss_and_accuracy_are_those_without_images_of_no_digit() -> None:
    rng = np.random.default_rng(4)
    p = np.asarray(tf.nn.softmax(rng.normal(0, 3, (200, 10)).astype(np.float32)))
    labels = rng.integers(0, 10, 200)
    loss, (accuracy,) = loss_and_metrics(0.0, None, outliers=True)
    own = keras.losses.sparse_categorical_crossentropy(labels, p)
    np.testing.assert_allclose(loss(labels, p), own, rtol=1e-5, atol=1e-6)
    smoothed = [loss_and_metrics(0.1, None, outliers)[0](labels, p) for outliers in (False, True)]
    np.testing.assert_array_equal(*smoothed)
    accuracy.update_state(labels, p)
    assert float(accuracy.result()) == pytest.approx((p.argmax(axis=1) == labels).mean())


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


def test_a_student_learns_to_be_unsure_of_no_digit_beside_its_teacher() -> None:
    teacher = Teacher([constant(P[0])], 1.0, 0.5)
    labels = tf.constant([1, NOT_A_DIGIT], tf.int32)
    ((_, targets),) = list(teacher.with_targets(tf.data.Dataset.from_tensors((tf.zeros((2, 28, 28, 1)), labels))))
    np.testing.assert_allclose(targets[:, :10], [np.eye(10)[1], np.full(10, 0.1)], rtol=1e-6)
    loss, (accuracy,) = loss_and_metrics(0.0, teacher, outliers=True)
    hard = [-np.log(P[1, 1]), -np.log(P[1]).mean()]
    soft = -(P[0] * np.log(P[1])).sum()
    np.testing.assert_allclose(loss(targets, P[[1, 1]]), np.mean([hard, [soft, soft]], axis=0), rtol=1e-4)
    accuracy.update_state(targets, P[[1, 1]])
    assert float(accuracy.result()) == 0.5


def test_training_tells_letters_from_digits_by_its_uncertainty(tmp_path: Path) -> None:
    prepare_keras(3, "float32", deterministic=True)
    images, labels = np.zeros((330, 28, 28), np.uint8), np.repeat(np.arange(11, dtype=np.uint8), 30)
    for label in range(11):  # a bar in a row of its own; that of no digit is upright
        place = slice(2 * label, 2 * label + 2) if label < NOT_A_DIGIT else slice(None)
        images[labels == label, place, 20 if label == NOT_A_DIGIT else slice(4, 16)] = 255
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(flat))
    plan = Plan(epochs=20, batch_size=30, repeat=1, limits={}, seed=3)
    rows: list[Row] = []
    fit(
        *(model, Digits(images, labels), None, plan, lambda **steps: keras.optimizers.Adam(0.02)),
        *([], tmp_path, rows.append, lambda before: None),
        verbose=0,
    )
    found = model.predict(images[::30].astype(np.float32)[..., None], verbose=0)
    assert (found[:10].argmax(axis=1) == np.arange(10)).all() and found[:10].max(axis=1).min() > 0.5
    assert found[10].max() < 0.3
    assert rows[-1]["accuracy"] == 1.0
