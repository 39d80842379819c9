"""The first convolution computes in training what it computes elsewhere: Keras's convolution and max-pooling."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from inkproof.models.layers import FirstConv2D

pytestmark = pytest.mark.xdist_group("tensorflow")


def value_and_gradients(layers: list[keras.Layer], images: tf.Tensor, training: bool) -> list[np.ndarray]:
    """Return the result of `layers` for images float (B, H, W, 1), and the gradients of its squares by the weights."""
    weights = layers[0].trainable_variables
    with tf.GradientTape() as tape:
        result = images
        for layer in layers:
            result = layer(result, training=training) if isinstance(layer, FirstConv2D) else layer(result)
        loss = tf.reduce_sum(tf.square(tf.cast(result, tf.float32)))
    return [result.numpy(), *(gradient.numpy() for gradient in tape.gradient(loss, [one.value for one in weights]))]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pool", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_it_is_keras_s_convolution_and_pooling(size, padding, pool, training):
    how = {"activation": "relu", "padding": padding, "bias_initializer": "glorot_uniform"}
    images = tf.random.stateless_uniform((3, 28, 28, 1), seed=(1, 2))
    plain = [keras.layers.Conv2D(4, size, **how), keras.layers.MaxPooling2D(pool, padding=padding)]
    ours = FirstConv2D(4, size, pool, **how)
    ours.build(images.shape)
    plain[0].build(images.shape)
    plain[0].set_weights(ours.get_weights())

    expected = value_and_gradients(plain, images, training)
    found = value_and_gradients([ours], images, training)

    assert len(found) == 3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())
    assert ours.compute_output_shape(images.shape) == found[0].shape


@pytest.mark.parametrize("size", [4, 5])
def test_batch_normalization_is_the_same_before_pooling_in_files_and_after_it_in_training(size):
    layer = FirstConv2D(4, size, 2, batch_norm=True, use_bias=False, activation="relu")
    images = tf.random.stateless_uniform((64, 28, 28, 1), seed=(3, 4))
    for _ in range(100):
        trained = layer(images, training=True).numpy()
    normalization = layer.normalization

    np.testing.assert_allclose(layer(images, training=False), trained, rtol=2e-3, atol=2e-3)
    assert [one.shape for one in layer.trainable_variables] == [(size, size, 1, 4), (4,)]
    pooled = np.asarray(keras.layers.MaxPooling2D(2)(keras.ops.nn.conv(images, layer.kernel)))
    mean, variance = pooled.mean((0, 1, 2)), pooled.var((0, 1, 2))
    np.testing.assert_allclose(normalization.moving_mean, mean, rtol=1e-3)
    np.testing.assert_allclose(trained, np.maximum((pooled - mean) / np.sqrt(variance + 1e-3), 0), rtol=1e-2, atol=1e-3)


def test_a_saved_one_pools_when_it_is_loaded(tmp_path):
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, FirstConv2D(2, 5, 2, batch_norm=True, dtype="mixed_bfloat16")(inputs))
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    images = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    assert loaded.output_shape == (None, 12, 12, 2)
    np.testing.assert_array_equal(loaded(images), model(images))
    assert loaded(images, training=True).dtype == tf.bfloat16
