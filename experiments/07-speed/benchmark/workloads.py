"""Baselines, and trainings that need a process of their own: python -m benchmark.workloads NAME SETTINGS.

A benchmark runs each of these functions as a process, which prints its times as one line of JSON. The function starts
TensorFlow as train.py does, without the parts of Keras that are not needed. So it imports whatever needs TensorFlow
after that.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmark.times import Times, read_times
from inkproof.config.compose import composing, path_of
from inkproof.config.schema import TrainConfig
from inkproof.data.digits import load_training
from inkproof.runtime.startup import start_tensorflow

BATCH = 100  # recipe "Keras to Core ML"
SIZES = ("train_size", "epochs", "batch_size")


Split = tuple[np.ndarray, np.ndarray]
"""Images uint8 (N, 28, 28) and their labels."""


def _digits(folder: str, train_size: int, images: int) -> tuple[Split, Split]:
    """Return `images` training digits, `train_size` of them repeated, and the validation digits."""
    train, val = load_training(path_of(folder))
    chosen = np.resize(np.arange(train_size), images)
    return (train.images[chosen], train.labels[chosen]), (val.images, val.labels)


def _composed(words: Sequence[str]) -> TrainConfig:
    """Return the configuration of train.py with these overrides."""
    with composing() as compose:
        return compose(TrainConfig, tuple(words))


def _as_generated(images: np.ndarray, targets: np.ndarray) -> Any:
    """Return batches of the legacy ImageDataGenerator, with the limits of recipe "Keras to Core ML"."""
    import tensorflow as tf

    # keras.preprocessing.image no longer has it, tf.keras has.
    generator = tf.keras.preprocessing.image.ImageDataGenerator
    varied = generator(rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1)
    return varied.flow(images, targets, batch_size=BATCH)


def tutorial(kind: str, data: str, train_size: int, images: int, epochs: int) -> Times:
    """Train cnn as tutorials do, in float32.

    `kind` is how they augment: "generator" for the legacy ImageDataGenerator, "layers" for Keras's random layers.
    """
    start_tensorflow()
    import keras
    import tensorflow as tf

    from benchmark.stopwatch import Stopwatch
    from inkproof.training.build import build_model

    (x, y), (val_x, val_y) = _digits(f"data/{data}", train_size, images)
    model = build_model(_composed([f"data={data}", "model=cnn"]).model)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    x, val_x = x[..., np.newaxis].astype("float32"), val_x[..., np.newaxis].astype("float32")
    y, val_y = keras.utils.to_categorical(y, 10), keras.utils.to_categorical(val_y, 10)
    if kind == "generator":
        batches: Any = _as_generated(x, y)
    else:
        change = keras.Sequential(
            [
                keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
                keras.layers.RandomZoom(0.1, 0.1, fill_mode="constant"),
                keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            ]
        )
        batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(BATCH)
        batches = batches.map(lambda a, b: (change(a, training=True), b), num_parallel_calls=2).prefetch(2)
    with tempfile.TemporaryDirectory() as scratch:
        watch = Stopwatch(f"{scratch}/times.json")
        model.fit(batches, epochs=epochs, validation_data=(val_x, val_y), callbacks=[watch], verbose=0)
        return read_times(watch.file)


def bare(
    data: str,
    repeat: int,
    train_size: int,
    epochs: int,
    batch_size: int,
    words: Sequence[str] = (),
    steps_per_execution: int = 1,
    xla: bool = False,
    batch_normalization: bool = False,
) -> Times:
    """Train cnn with the batches and the optimizer of train.py, without callbacks, checkpoints or MLflow.

    `words` are further overrides. The other arguments are alternatives that train.py does not have.
    """
    start_tensorflow()
    import keras

    from benchmark.stopwatch import Stopwatch
    from inkproof.training.build import assemble
    from inkproof.training.input_pipeline import evaluation_batches, steps_per_epoch, training_batches
    from inkproof.training.precision import has_bfloat16, resolve_policy

    chosen = [f"data={data}", "model=cnn", "aug=on", f"data.repeat={repeat}"]
    sizes = [f"training.{key}={size}" for key, size in zip(SIZES, (train_size, epochs, batch_size), strict=True)]
    config = _composed([*chosen, *sizes, *words])
    policy = resolve_policy(config.precision.policy, True, has_bfloat16())
    parts = assemble(config, path_of(config.run.digits), policy)
    train, val, plan = parts.training, parts.val, parts.plan
    assert val is not None
    model = _with_batch_normalization(parts.model) if batch_normalization else parts.model
    steps = steps_per_epoch(len(train.labels), repeat, batch_size)
    optimizer = parts.make_optimizer(total_steps=steps * epochs, steps_per_epoch=steps)
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=xla,
        steps_per_execution=steps_per_execution,
    )  # fmt: skip
    batches = training_batches(
        train.images, train.labels, batch_size=batch_size, first_epoch=0, epochs=epochs, repeat=repeat,
        limits=plan.limits, seed=plan.seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        watch = Stopwatch(f"{scratch}/times.json")
        calls: list[keras.callbacks.Callback] = [watch]
        model.fit(
            batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=2, callbacks=calls,
            validation_data=evaluation_batches(val.images, val.labels),
        )  # fmt: skip
        return read_times(watch.file)


def _with_batch_normalization(model: Any) -> Any:
    """Return a network with the layers of `model`, and batch normalization after each convolution."""
    import keras

    x = model.inputs[0]
    for layer in model.layers[1:]:
        x = layer.__class__.from_config(layer.get_config())(x)
        if isinstance(layer, keras.layers.Conv2D):
            x = keras.layers.BatchNormalization()(x)
    return keras.Model(model.inputs[0], x)


def coreml_recipe(epochs: int, accuracy: float) -> Times:
    """Train recipe "Keras to Core ML" as published, on MNIST's own split, until `accuracy` or for all its `epochs`."""
    start_tensorflow()
    import keras

    from benchmark.stopwatch import Stopwatch
    from inkproof.training.build import build_model

    train, val = load_training(path_of("data/mnist"))
    model = build_model(_composed(["experiment=coreml_cnn"]).model)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    targets = keras.utils.to_categorical(train.labels, 10)
    reached = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", logs["val_accuracy"] >= accuracy)
    )
    with tempfile.TemporaryDirectory() as scratch:
        watch = Stopwatch(f"{scratch}/times.json")
        model.fit(
            _as_generated(train.images[..., np.newaxis].astype("float32"), targets),
            validation_data=(val.images[..., np.newaxis].astype("float32"), keras.utils.to_categorical(val.labels, 10)),
            epochs=epochs,
            callbacks=[watch, reached],
            verbose=0,
        )
        return read_times(watch.file)


WORKLOADS: dict[str, Callable[..., Times]] = {"tutorial": tutorial, "bare": bare, "coreml_recipe": coreml_recipe}


def main() -> None:
    """Run the workload that the command line names."""
    name, settings = sys.argv[1:]
    print(json.dumps(WORKLOADS[name](**json.loads(settings))))


if __name__ == "__main__":
    main()
