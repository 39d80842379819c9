"""Batches for training: shuffled, augmented, and the same for the same seed whenever a run is resumed."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from inkproof.training.augment import distort


def steps_per_epoch(count: int, repeat: int, batch_size: int) -> int:
    """Return the number of batches in one epoch of `repeat` passes over `count` digits."""
    return repeat * math.ceil(count / batch_size)


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    first_epoch: int,
    epochs: int,
    repeat: int,
    limits: Mapping[str, float],
    seed: int,
) -> tf.data.Dataset:
    """Return the batches of epochs `first_epoch` up to `epochs`, one after another without a pause.

    images: uint8 (N, 28, 28); labels: uint8 (N,). Yields float32 (B, 28, 28, 1) in 0 to 255 and
    int32 (B,). The order and the distortions of an epoch depend on `seed` and the epoch's number
    alone: a run that resumes at epoch 7 sees the same batches there as an uninterrupted one.
    """
    count = len(images)
    images = tf.constant(images[..., np.newaxis])
    classes = tf.constant(labels.astype(np.int32))

    def batch(indices: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = tf.cast(tf.gather(images, indices), tf.float32)
        distorted = distort(chosen, limits, tf.stack([tf.constant(seed, tf.int64), place]))
        return distorted, tf.gather(classes, indices)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(count), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        # A seed of its own for each batch of each pass.
        places = tf.data.Dataset.range(number * 2**32, number * 2**32 + count)
        return tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(order).batch(batch_size), places)

    passes = tf.data.Dataset.range(first_epoch * repeat, epochs * repeat)
    return _fixed(passes.flat_map(one_pass).map(batch, num_parallel_calls=2, deterministic=True).prefetch(4))


def evaluation_batches(images: np.ndarray, labels: np.ndarray, batch_size: int = 500) -> tf.data.Dataset:
    """Return `images` uint8 (N, 28, 28) and `labels` in order, as float32 (B, 28, 28, 1) and int32 (B,)."""
    pairs = tf.data.Dataset.from_tensor_slices((images[..., np.newaxis], labels.astype(np.int32)))
    return _fixed(pairs.batch(batch_size).map(lambda x, y: (tf.cast(x, tf.float32), y)).cache().prefetch(2))


def _fixed(dataset: tf.data.Dataset) -> tf.data.Dataset:
    # Nothing here is left for the autotuner to choose, and its thread sometimes holds up the end of
    # training for ten seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
