"""Train a network on MNIST as fast as two cores allow, from the start of the process to its last step.

    python experiments/16-speedrun/speedrun.py 99.0 --seed 3

One file, and TensorFlow alone: no Keras, no input pipeline, no callbacks. The whole training is one graph. What makes
it fast, in the order of the code: the digits are read while TensorFlow is imported; they stay one tensor; a small
network without a wide dense layer; batch normalization, so that the learning rate may be high; a learning rate that
rises and falls once; all steps in one loop of the graph.

`README.md` beside this file has the times, and `race.py` measures them.
"""

import argparse
import gc
import json
import math
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

gc.disable()  # TensorFlow's import creates objects by the hundred thousand, and all of them stay
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MOMENTUM, SMOOTHING, WARMUP = 0.9, 0.05, 0.2
MEMORY = 0.95  # of the moments that batch normalization uses after the training
STRIDES = 1, 2, 1  # of the three convolutions
DIGITS = Path(__file__).resolve().parents[2] / "data" / "mnist" / "digits.npz"


class Plan(NamedTuple):
    """How a target is reached. Chosen on the digits of 45 validation writers: README.md says how.

    `epochs` need not be whole. `rate` is the highest learning rate. `turn` and `zoom` are the widest rotation in
    degrees and the widest change of size, `shift` is in pixels; without them the digits stay as they are.
    """

    epochs: float
    widths: tuple[int, int, int]
    rate: float
    batch: int = 128
    shift: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0


PLANS = {
    "99.0": Plan(epochs=1.0, widths=(32, 48, 96), rate=0.2),
    "99.3": Plan(epochs=2.0, widths=(32, 64, 128), rate=0.2),
    "99.5": Plan(epochs=6.0, widths=(48, 96, 128), rate=0.1, shift=2.0, turn=10.0, zoom=0.1),
}


def main() -> None:
    """Train by the plan of a target, then print seconds of training and the accuracy as JSON."""
    parser = argparse.ArgumentParser(
        description="Train on MNIST to an accuracy in percent, as fast as two cores allow."
    )
    parser.add_argument("target", choices=PLANS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--digits", type=Path, default=DIGITS, help="made by src/download.py")
    parser.add_argument("--validate", action="store_true", help="leave out 45 writers, and measure on their digits")
    for field, kind in Plan.__annotations__.items():
        if field != "widths":
            parser.add_argument(f"--{field}", type=kind, default=None)
    parser.add_argument("--widths", type=lambda text: tuple(map(int, text.split(","))), default=None)
    arguments = parser.parse_args()
    plan = PLANS[arguments.target]
    plan = plan._replace(**{field: value for field in plan._fields if (value := getattr(arguments, field)) is not None})

    read: dict[str, np.ndarray] = {}
    reading = threading.Thread(target=lambda: read.update(read_digits(arguments.digits, arguments.validate)))
    reading.start()
    import tensorflow as tf

    reading.join()
    imported = time.perf_counter()
    tf.random.set_seed(arguments.seed)
    network = Network(tf, plan.widths)
    train(tf, network, read["images"], read["labels"], plan, arguments.seed)
    trained, seconds = time.time(), time.perf_counter() - imported
    predicted = np.concatenate(
        [
            network(tf.constant(part, tf.uint8), training=False).numpy().argmax(axis=1)
            for part in np.array_split(read["test"], 20)
        ]
    )
    found = {
        "end": trained,
        "training": seconds,
        "accuracy": float((predicted == read["answers"]).mean()),
    }
    print(json.dumps(found))


def read_digits(path: Path, validate: bool) -> dict[str, np.ndarray]:
    """Return `images` uint8 (N, 28, 28) and `labels` to train on, and `test` images with their `answers`."""
    with np.load(path) as arrays:
        names = ("train_images", "train_labels", "val_images", "val_labels")
        if validate:
            return dict(zip(("images", "labels", "test", "answers"), (arrays[name] for name in names), strict=True))
        images, labels, more, their = (arrays[name] for name in names)
        images, labels = np.concatenate([images, more]), np.concatenate([labels, their])
        return {"images": images, "labels": labels, "test": arrays["test_images"], "answers": arrays["test_labels"]}


class Network:
    """Three convolutions of 3 x 3 with batch normalization, and logits from the largest value of each map.

    From uint8 (B, 28, 28) to logits float32 (B, 10). Squares of 2 x 2 pixels become four channels, since a convolution
    of one channel is slow. Strides take the place of pooling, whose gradient is slow. Convolutions are computed in
    bfloat16 where the processor can.
    """

    def __init__(self, tf: Any, widths: tuple[int, int, int]) -> None:
        self.tf = tf
        flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        self.type = tf.bfloat16 if "amx_bf16" in flags or "avx512_bf16" in flags else tf.float32
        self.variables: list[Any] = []
        self.convolutions = []
        before = 4
        for width in widths:
            spread = (2 / (9 * before)) ** 0.5  # He et al. (2015)
            weight = self._variable(tf.random.normal((3, 3, before, width), stddev=spread))
            scale, offset = self._variable(tf.ones(width)), self._variable(tf.zeros(width))
            moments = tf.Variable(tf.zeros(width)), tf.Variable(tf.ones(width))
            self.convolutions.append((weight, scale, offset, moments))
            before = width
        self.weight = self._variable(tf.random.normal((before, 10), stddev=before**-0.5))

    def _variable(self, value: Any) -> Any:
        self.variables.append(self.tf.Variable(value))
        return self.variables[-1]

    def __call__(self, images: Any, training: bool) -> Any:
        tf = self.tf
        x = tf.nn.space_to_depth(tf.cast(images, self.type)[..., None] * tf.constant(1 / 255, self.type), 2)
        for stride, (weight, scale, offset, (mean, variance)) in zip(STRIDES, self.convolutions, strict=True):
            x = tf.nn.conv2d(x, tf.cast(weight, self.type), stride, "VALID")
            if training:
                x, now, spread, *_ = tf.raw_ops.FusedBatchNormV3(
                    x=x, scale=scale, offset=offset, mean=[], variance=[], epsilon=1e-3, is_training=True
                )
                mean.assign(mean * MEMORY + now * (1 - MEMORY))
                variance.assign(variance * MEMORY + spread * (1 - MEMORY))
            else:
                factor = scale * tf.math.rsqrt(variance + 1e-3)
                x = x * tf.cast(factor, self.type) + tf.cast(offset - mean * factor, self.type)
            x = tf.nn.relu(x)
        return tf.cast(tf.reduce_max(x, (1, 2)), tf.float32) @ self.weight


def train(tf: Any, network: Network, images: np.ndarray, labels: np.ndarray, plan: Plan, seed: int) -> None:
    """Train `network` on images uint8 (N, 28, 28): SGD with Nesterov's momentum, all steps in one graph.

    The rate rises over the first WARMUP of all steps and falls to 0 over the rest, both in a line (Smith and Topin,
    "Super-convergence", 2018). Labels are smoothed.
    """
    rng = np.random.default_rng(seed)
    steps = int(plan.epochs * len(images) / plan.batch)
    order = np.concatenate([rng.permutation(len(images)) for _ in range(math.ceil(plan.epochs))])
    order = tf.constant(order[: steps * plan.batch].reshape(steps, plan.batch))
    pixels, digits = tf.constant(images), tf.constant(labels.astype(np.int32))
    speeds = [tf.Variable(tf.zeros_like(variable)) for variable in network.variables]

    @tf.function(autograph=False)
    def step(number: Any) -> Any:
        chosen = order[number]
        batch, target = (
            tf.gather(pixels, chosen),
            tf.one_hot(tf.gather(digits, chosen), 10) * (1 - SMOOTHING) + SMOOTHING / 10,
        )
        if plan.turn or plan.zoom or plan.shift:
            batch = moved(tf, batch, plan)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, network(batch, training=True)))
        done = tf.cast(number, tf.float32) / steps
        rate = plan.rate * tf.minimum(done / WARMUP, (1 - done) / (1 - WARMUP))
        for variable, speed, gradient in zip(
            network.variables, speeds, tape.gradient(loss, network.variables), strict=True
        ):
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.handle, accum=speed.handle, lr=rate, grad=gradient, momentum=MOMENTUM, use_nesterov=True
            )
        return number + 1

    @tf.function(autograph=False)
    def every_step() -> Any:
        return tf.while_loop(lambda number: number < steps, step, [tf.constant(0)], parallel_iterations=1)

    every_step()


def moved(tf: Any, images: Any, plan: Plan) -> Any:
    """Turn, resize and shift each of images uint8 (B, 28, 28) about its middle, by chances of its own."""
    count = tf.shape(images)[0]

    def chance(most: float) -> Any:
        return tf.random.uniform((count,), -most, most)

    angle, size = chance(plan.turn * math.pi / 180), 1 + chance(plan.zoom)
    cos, sin = tf.cos(angle) / size, tf.sin(angle) / size
    right, down = 13.5 + chance(plan.shift), 13.5 + chance(plan.shift)
    zero = tf.zeros_like(cos)
    rows = [cos, -sin, right - 13.5 * (cos - sin), sin, cos, down - 13.5 * (sin + cos), zero, zero]
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., None],
        transforms=tf.stack(rows, axis=1),
        output_shape=(28, 28),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return result[..., 0]


if __name__ == "__main__":
    main()
