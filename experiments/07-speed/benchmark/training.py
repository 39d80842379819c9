"""Benchmarks of training: speed against tutorials, overhead, time to an accuracy, memory, alternatives."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.machine import machine
from benchmark.measured import BATCH, TRAIN_SIZE, Measured, Setting, figure_of, needs_mnist, paired_figure
from benchmark.pairs import Paired, alternate
from benchmark.processes import Finished, run, workload
from benchmark.times import Times, images_per_second, read_times, seconds_per_epoch
from inkproof.runtime.errors import UserError

ACCURACY = 0.993  # of recipe "Keras to Core ML", on validation digits here ...
PASSED = ACCURACY - 1e-4  # ... less a margin for metrics in float32
RECIPE_EPOCHS = 10
# Alternatives of train.py, or of a machine: arguments of `workloads.bare`, and environment variables.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "float32": ({"words": ["precision=float32"]}, {}),
    "bfloat16": ({"words": ["precision=bfloat16"]}, {}),
    "batches of 32": ({"batch_size": 32}, {}),
    "batches of 64": ({"batch_size": 64}, {}),
    "batches of 256": ({"batch_size": 256}, {}),
    "batches of 512": ({"batch_size": 512}, {}),
    "batch normalization": ({"batch_normalization": True}, {}),
    "eight steps an execution": ({"steps_per_execution": 8}, {}),
    "XLA": ({"xla": True}, {}),
    "without oneDNN": ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "one thread": ({}, {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}),
    "aug=off": ({"words": ["aug=off"]}, {}),
    "aug=elastic": ({"words": ["aug=elastic"]}, {}),
    "without EMA weights": ({"words": ["optimizer.ema=null"]}, {}),
    "not deterministic": ({"words": ["training.deterministic=false"]}, {}),
}


def timed_training(setting: Setting, *words: str) -> tuple[Times, Finished]:
    """Run train.py with a stopwatch, as a user would, and delete the run folder afterwards."""
    file = setting.scratch / "times.json"
    file.unlink(missing_ok=True)
    watch = f"+callbacks.stopwatch={{_target_:benchmark.stopwatch.Stopwatch,file:{file}}}"
    done = run(["python", "src/train.py", *words, watch, "run.force=true", "run.register=false"], setting.scratch)
    remove_runs(done.output)
    return read_times(file), done


def remove_runs(output: str) -> None:
    """Delete the run folders that train.py named in its `output`."""
    for folder in re.findall(r"MLflow run \w+; (.+)$", output, re.MULTILINE):
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{folder}.lock").unlink(missing_ok=True)


def small_training(setting: Setting, aug: str = "on") -> list[str]:
    """Return the overrides of a training on optdigits."""
    return [
        "data=optdigits",
        "model=cnn",
        f"aug={aug}",
        f"training.epochs={setting.epochs}",
        f"data.repeat={setting.repeat}",
        f"training.train_size={TRAIN_SIZE}",
        f"training.batch_size={BATCH}",
    ]


def throughput(setting: Setting) -> Iterator[Measured]:
    """Images per second of train.py against two ways of augmentation in tutorials."""

    def ours() -> float:
        return images_per_second(timed_training(setting, *small_training(setting))[0], setting.images)

    def tutorial(kind: str) -> Callable[[], float]:
        settings: dict[str, Any] = {
            "data": "optdigits",
            "train_size": TRAIN_SIZE,
            "images": setting.images,
            "epochs": setting.epochs,
        }
        return lambda: images_per_second(workload("tutorial", setting.scratch, kind=kind, **settings), setting.images)

    target = 3.0 if "amx_bf16" in machine()["features"] else 1.3
    paired = alternate(ours, tutorial("generator"), setting.pairs, setting.tick)
    yield paired_figure("images per second, training cnn, aug=on", paired, target, True, "fit with ImageDataGenerator")
    paired = alternate(ours, tutorial("layers"), setting.pairs, setting.tick)
    yield paired_figure("images per second, training cnn, aug=on", paired, 1.0, True, "fit with Keras's random layers")


def tracking(setting: Setting) -> Iterator[Measured]:
    """The time that MLflow, callbacks and checkpoints add to an epoch."""
    longer = Setting(max(setting.pairs, 1 if setting.short else 9), setting.short, setting.scratch, setting.tick)
    epochs = longer.epochs + 2
    words = [word for word in small_training(longer) if not word.startswith("training.epochs")]
    settings: dict[str, Any] = {
        "data": "optdigits",
        "repeat": longer.repeat,
        "train_size": TRAIN_SIZE,
        "batch_size": BATCH,
    }
    paired = alternate(
        lambda: seconds_per_epoch(timed_training(longer, *words, f"training.epochs={epochs}")[0]),
        lambda: seconds_per_epoch(workload("bare", longer.scratch, epochs=epochs, **settings)),
        longer.pairs,
        longer.tick,
    )
    yield paired_figure(
        "time, with MLflow, callbacks, checkpoints", paired, 3.0, False, "the same loop bare", less=1.0, scale=100
    )


def augmentation(setting: Setting) -> Iterator[Measured]:
    """The time that aug=on adds to aug=off."""
    paired = alternate(
        lambda: 1 / images_per_second(timed_training(setting, *small_training(setting, "on"))[0], setting.images),
        lambda: 1 / images_per_second(timed_training(setting, *small_training(setting, "off"))[0], setting.images),
        setting.pairs,
        setting.tick,
    )
    yield paired_figure("time, aug=on", paired, 8.0, False, "aug=off", less=1.0, scale=100)


def time_to_accuracy(setting: Setting) -> Iterator[Measured]:
    """Seconds from the command to a validation accuracy of 99.3%, against the recipe as published."""
    needs_mnist()
    seeds = iter(range(10_000))

    # Both stop at that accuracy; the learning rate of ours follows the schedule of the whole training.
    enough = "_target_:inkproof.training.callbacks.StopAtAccuracy,monitor:val_accuracy"
    stop = f"+callbacks.enough={{{enough},threshold:{PASSED}}}"

    def ours() -> float:
        times, done = timed_training(setting, "data=mnist", "model=cnn", "aug=on", f"seed={next(seeds)}", stop)
        if max(times["val_accuracy"]) < PASSED:
            raise UserError(f"train.py model=cnn aug=on: no epoch had a validation accuracy of {ACCURACY:.1%}")
        return times["end"][-1] - done.began

    def recipe() -> float:
        times = workload("coreml_recipe", setting.scratch, epochs=RECIPE_EPOCHS, accuracy=ACCURACY)
        return times["end"][-1] - times["began"]

    paired = alternate(ours, recipe, setting.pairs, setting.tick)
    ratios = [theirs / own for own, theirs in zip(paired.ours, paired.baseline, strict=True)]
    yield Measured(
        f"time to {ACCURACY:.1%} on validation",
        "times",
        float(np.median(ratios)),
        min(ratios),
        max(ratios),
        len(ratios),
        4.0,
        True,
        paired.ours,
        paired.baseline,
        "recipe Keras to Core ML as published",
    )


def memory(setting: Setting) -> Iterator[Measured]:
    """The peak memory of a training of cnn."""
    words = small_training(setting) if setting.short else ["data=mnist", "model=cnn", "aug=on", "training.epochs=2"]
    if not setting.short:
        needs_mnist()
    peaks = []
    for _ in range(1 if setting.short else min(setting.pairs, 3)):
        peaks.append(timed_training(setting, *words)[1].peak_mib * 2**20 / 1e9)
        setting.tick()
    yield figure_of("peak memory of train.py model=cnn", "GB", peaks, 1.5)


def costs(setting: Setting) -> Iterator[Measured]:
    """Images per second of alternatives, against the same loop as shipped; these have no target."""
    usual = {"data": "optdigits", "repeat": setting.repeat, "train_size": TRAIN_SIZE, "batch_size": BATCH}

    def rate(settings: dict[str, Any], environment: dict[str, str]) -> Callable[[], float]:
        every = {**usual, "epochs": 2, **settings}
        return lambda: images_per_second(workload("bare", setting.scratch, environment, **every), setting.images)

    chosen = ["batches of 256"] if setting.short else list(VARIANTS)
    figures: dict[str, list[float]] = {name: [] for name in ["", *chosen]}
    for _ in range(1 if setting.short else 3):
        for name in figures:  # each once before any is measured again
            figures[name].append(rate(*VARIANTS.get(name, ({}, {})))())
            setting.tick()
    shipped = figures.pop("")
    for name, values in figures.items():
        yield paired_figure(name, Paired(values, shipped), None, True, "as shipped")
