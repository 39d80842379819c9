"""The rows of the benchmark: what is measured against what, and the bar it has to clear."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inkproof.atomic import write_text
from inkproof.benchmark.machine import machine
from inkproof.benchmark.pairs import Paired, alternate
from inkproof.benchmark.processes import Finished, lap, run
from inkproof.benchmark.times import images_per_second, read_times, seconds_per_epoch
from inkproof.errors import UserError
from inkproof.paths import ROOT

ACCURACY = 0.993  # of recipe "Keras to Core ML", on validation digits here
RECIPE_EPOCHS = 10
# Digits of an epoch are some of the embedded ones over and over: whole batches, and no download.
TRAIN_SIZE, REPEAT, BATCH = 1152, 18, 128
SHORT_REPEAT = 5


@dataclass(frozen=True)
class Measured:
    """One figure of a row: ours, the baseline's where there is one, and the bar, None where there is none.

    `value` is compared with `bar`: a ratio where there is a baseline, else ours. `low` and `high` are the range over
    the runs.
    """

    what: str
    unit: str
    value: float
    low: float
    high: float
    runs: int
    bar: float | None
    at_least: bool
    ours: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    against: str = ""

    @property
    def met(self) -> bool:
        """Whether the bar is cleared, as it always is where there is none."""
        if self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_dict(self) -> dict[str, Any]:
        """All of it, and whether the bar is cleared."""
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True)
class Setting:
    """How thoroughly to measure: the number of pairs or runs, and whether everything is made small."""

    pairs: int
    short: bool
    scratch: Path
    tick: Callable[[], None] = lambda: None

    @property
    def repeat(self) -> int:
        """Passes over the digits that make an epoch."""
        return SHORT_REPEAT if self.short else REPEAT

    @property
    def epochs(self) -> int:
        """Epochs of a timed training; the first is not counted."""
        return 2 if self.short else 4

    @property
    def images(self) -> int:
        """Digits in an epoch."""
        return TRAIN_SIZE * self.repeat


def _paired(
    what: str, paired: Paired, bar: float | None, at_least: bool, against: str, less: float = 0.0, scale: float = 1.0
) -> Measured:
    ratios = [scale * (ratio - less) for ratio in paired.ratios]
    return Measured(
        what,
        "%" if scale == 100 else "times",
        float(np.median(ratios)),
        min(ratios),
        max(ratios),
        len(ratios),
        bar,
        at_least,
        paired.ours,
        paired.baseline,
        against,
    )


def _alone(what: str, unit: str, figures: list[float], bar: float, at_least: bool = False) -> Measured:
    return Measured(
        what, unit, float(np.median(figures)), min(figures), max(figures), len(figures), bar, at_least, figures
    )


def _train(setting: Setting, *words: str) -> tuple[dict[str, Any], Finished]:
    """Run train.py with a stopwatch, as a user would; what it wrote is deleted again."""
    file = setting.scratch / "times.json"
    file.unlink(missing_ok=True)
    watch = f"+callbacks.stopwatch={{_target_:inkproof.benchmark.stopwatch.Stopwatch,file:{file}}}"
    done = run(["python", "src/train.py", *words, watch, "force=true", "register=false"], setting.scratch)
    folder = re.search(r"MLflow run \w+; (.+)$", done.output, re.MULTILINE)
    if folder:
        shutil.rmtree(folder[1], ignore_errors=True)
    return read_times(file), done


def _small(setting: Setting, aug: str = "on") -> list[str]:
    return [
        "data=optdigits",
        "model=cnn",
        f"aug={aug}",
        f"epochs={setting.epochs}",
        f"data.repeat={setting.repeat}",
        f"train_size={TRAIN_SIZE}",
        f"batch_size={BATCH}",
    ]


def throughput(setting: Setting) -> Iterator[Measured]:
    """1. Images a second of train.py against tutorials' two ways of augmenting."""

    def ours() -> float:
        return images_per_second(_train(setting, *_small(setting))[0], setting.images)

    def tutorial(kind: str) -> Callable[[], float]:
        settings: dict[str, Any] = {
            "data": "optdigits",
            "train_size": TRAIN_SIZE,
            "images": setting.images,
            "epochs": setting.epochs,
        }
        return lambda: images_per_second(dict(lap("tutorial", setting.scratch, kind=kind, **settings)), setting.images)

    bar = 3.0 if "amx_bf16" in machine()["features"] else 1.3
    paired = alternate(ours, tutorial("generator"), setting.pairs, setting.tick)
    yield _paired("training, cnn, aug=on", paired, bar, True, "fit with ImageDataGenerator")
    paired = alternate(ours, tutorial("layers"), setting.pairs, setting.tick)
    yield _paired("training, cnn, aug=on", paired, 1.0, True, "fit with Keras's random layers")


def tracking(setting: Setting) -> Iterator[Measured]:
    """2. What MLflow, callbacks and checkpoints add to an epoch."""
    longer = Setting(max(setting.pairs, 1 if setting.short else 9), setting.short, setting.scratch, setting.tick)
    epochs = longer.epochs + 2
    words = [word for word in _small(longer) if not word.startswith("epochs")]
    settings: dict[str, Any] = {
        "data": "optdigits",
        "repeat": longer.repeat,
        "train_size": TRAIN_SIZE,
        "batch_size": BATCH,
    }
    paired = alternate(
        lambda: seconds_per_epoch(_train(longer, *words, f"epochs={epochs}")[0]),
        lambda: seconds_per_epoch(dict(lap("bare", longer.scratch, epochs=epochs, **settings))),
        longer.pairs,
        longer.tick,
    )
    yield _paired("tracking", paired, 3.0, False, "the same loop bare", less=1.0, scale=100)


def augmentation(setting: Setting) -> Iterator[Measured]:
    """3. What aug=on costs against aug=off."""
    paired = alternate(
        lambda: 1 / images_per_second(_train(setting, *_small(setting, "on"))[0], setting.images),
        lambda: 1 / images_per_second(_train(setting, *_small(setting, "off"))[0], setting.images),
        setting.pairs,
        setting.tick,
    )
    yield _paired("augmentation", paired, 8.0, False, "aug=off", less=1.0, scale=100)


def time_to_accuracy(setting: Setting) -> Iterator[Measured]:
    """4. Seconds from typing until 99.3% of the validation digits are read, against the recipe as published."""
    _needs_mnist()
    seeds = iter(range(10_000))

    def reached(times: dict[str, Any], began: float) -> float:
        for end, accuracy in zip(times["end"], times["val_accuracy"], strict=True):
            if accuracy >= ACCURACY:
                return end - began
        return times["end"][-1] - began

    def ours() -> float:
        times, done = _train(setting, "data=mnist", "model=cnn", "aug=on", f"seed={next(seeds)}")
        if max(times["val_accuracy"]) < ACCURACY:
            raise UserError(f"train.py model=cnn aug=on never read {ACCURACY:.1%} of the validation digits")
        return reached(times, done.began)

    def recipe() -> float:
        times = dict(lap("recipe_003", setting.scratch, epochs=RECIPE_EPOCHS, accuracy=ACCURACY))
        return reached(times, times["began"])

    paired = alternate(recipe, ours, setting.pairs, setting.tick)
    swapped = Paired(paired.baseline, paired.ours)
    ratios = [other / one for one, other in zip(swapped.ours, swapped.baseline, strict=True)]
    yield Measured(
        f"time to {ACCURACY:.1%} on validation",
        "times",
        float(np.median(ratios)),
        min(ratios),
        max(ratios),
        len(ratios),
        4.0,
        True,
        swapped.ours,
        swapped.baseline,
        "recipe Keras to Core ML as published",
    )


def starting(setting: Setting) -> Iterator[Measured]:
    """5. How long a user waits before and after the training itself."""

    def several(measure: Callable[[], float]) -> list[float]:
        figures = []
        for _ in range(setting.pairs):
            figures.append(measure())
            setting.tick()
        return figures

    helped = several(lambda: run(["python", "src/train.py", "--help"], setting.scratch).seconds)
    yield _alone("train.py --help", "s", helped, 0.7)
    wrong = ["python", "src/train.py", "model=cnnn"]
    yield _alone("a config error", "s", several(lambda: run(wrong, setting.scratch, codes=(2,)).seconds), 1.0)
    first, around = [], []
    for _ in range(setting.pairs):
        times, done = _train(setting, *_small(setting))
        first.append(times["first_batch"] - done.began)
        around.append(done.seconds - (times["end"][-1] - times["begin"][0]))
        setting.tick()
    yield _alone("train.py until the first batch", "s", first, 8.0)
    yield _alone("train.py without its training", "s", around, 10.0)


# What train.py could do otherwise, or a machine lack: arguments of `laps.bare`, and environment variables.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "float32": ({"words": ["precision=float32"]}, {}),
    "bfloat16": ({"words": ["precision=bfloat16"]}, {}),
    "batches of 32": ({"batch_size": 32}, {}),
    "batches of 64": ({"batch_size": 64}, {}),
    "batches of 256": ({"batch_size": 256}, {}),
    "batches of 512": ({"batch_size": 512}, {}),
    "batch normalisation": ({"batch_normalization": True}, {}),
    "eight steps an execution": ({"steps_per_execution": 8}, {}),
    "XLA": ({"xla": True}, {}),
    "without oneDNN": ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "one thread": ({}, {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}),
    "aug=off": ({"words": ["aug=off"]}, {}),
    "aug=ink": ({"words": ["aug=ink"]}, {}),
    "weights not averaged": ({"words": ["optimizer.averaged=null"]}, {}),
    "any order of sums": ({"words": ["deterministic=false"]}, {}),
}


def costs(setting: Setting) -> Iterator[Measured]:
    """What else could be done, in images a second against the same loop as shipped; nothing here has a bar."""
    usual = {"data": "optdigits", "repeat": setting.repeat, "train_size": TRAIN_SIZE, "batch_size": BATCH}

    def rate(settings: dict[str, Any], environment: dict[str, str]) -> Callable[[], float]:
        every = {**usual, "epochs": 2, **settings}
        return lambda: images_per_second(dict(lap("bare", setting.scratch, environment, **every)), setting.images)

    chosen = ["batches of 256"] if setting.short else list(VARIANTS)
    figures: dict[str, list[float]] = {name: [] for name in ["", *chosen]}
    for _ in range(1 if setting.short else 3):
        for name in figures:  # all in turn, round by round
            figures[name].append(rate(*VARIANTS.get(name, ({}, {})))())
            setting.tick()
    shipped = figures.pop("")
    for name, values in figures.items():
        yield _paired(name, Paired(values, shipped), None, True, "as shipped")


def sweeps(setting: Setting) -> Iterator[Measured]:
    """7. Eight dense runs one after another against two at a time."""
    seeds = iter(range(0, 100_000, 8))
    data = ["data=optdigits", "data.repeat=20"] if setting.short else ["data=mnist", "epochs=8"]
    if not setting.short:
        _needs_mnist()

    def sweep(*launcher: str) -> Callable[[], float]:
        def measure() -> float:
            first = next(seeds)
            chosen = ",".join(str(seed) for seed in range(first, first + 8))
            words = ["python", "src/train.py", "-m", *data, "model=dense", f"seed={chosen}", "register=false"]
            done = run([*words, *launcher], setting.scratch)
            for folder in re.findall(r"MLflow run \w+; (.+)$", done.output, re.MULTILINE):
                shutil.rmtree(folder, ignore_errors=True)
            return done.seconds

        return measure

    paired = alternate(sweep(), sweep("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), setting.pairs, setting.tick)
    yield _paired("eight runs by joblib, two workers", paired, 1.7, True, "one after another")


def memory(setting: Setting) -> Iterator[Measured]:
    """9. The most memory that a training of cnn takes."""
    words = _small(setting) if setting.short else ["data=mnist", "model=cnn", "aug=on", "epochs=2"]
    if not setting.short:
        _needs_mnist()
    peaks = []
    for _ in range(1 if setting.short else min(setting.pairs, 3)):
        peaks.append(_train(setting, *words)[1].peak_mib * 2**20 / 1e9)
        setting.tick()
    yield _alone("peak memory of train.py model=cnn", "GB", peaks, 1.5)


@contextmanager
def _fresh_clone() -> Iterator[Path]:
    """A clone of the repository as it was last committed, with this environment."""
    with tempfile.TemporaryDirectory(prefix="inkproof-bench-") as folder:
        clone = Path(folder) / "inkproof"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        yield clone


def pipeline(setting: Setting) -> Iterator[Measured]:
    """6. dvc repro in a fresh clone, with nothing done and with all done, and the demo's part of it."""
    if setting.short:
        return
    with _fresh_clone() as clone:
        own = {"MLFLOW_TRACKING_URI": f"sqlite:///{clone / 'mlflow.db'}", "PYTHONPATH": ""}
        demo = run(["dvc", "repro", "report@optdigits"], setting.scratch, clone, environment=own)
        setting.tick()
        yield _alone("dvc repro report@optdigits, the demo", "s", [demo.seconds], 110.0)
        whole = run(["dvc", "repro"], setting.scratch, clone, environment=own)
        setting.tick()
        yield _alone("dvc repro, from nothing", "min", [(demo.seconds + whole.seconds) / 60], 15.0)
        again = [run(["dvc", "repro"], setting.scratch, clone, environment=own).seconds for _ in range(setting.pairs)]
        setting.tick()
        yield _alone("dvc repro, nothing to do", "s", again, 2.5)


def reading(setting: Setting) -> Iterator[Measured]:
    """8. Reading one canvas, one digit, ten thousand pictures, and the first answer."""
    from inkproof.exporting.canvas_reader import CanvasReader
    from inkproof.exporting.files import MODEL_FILES
    from inkproof.exporting.litert import LiteRTDigits
    from inkproof.ink.strokes import render
    from inkproof.sources.drawings import read_drawings

    drawings = read_drawings(ROOT / "data" / "drawn" / "starter")
    canvas = render(drawings[0].strokes or [], drawings[0].canvas)
    pretrained = CanvasReader(ROOT / "models" / "pretrained" / "canvas.tflite")
    figures = [pretrained.latency(canvas).median / 1000 for _ in range(setting.pairs)]
    yield _alone("canvas.tflite, one canvas, one thread", "ms", figures, 1.5)
    seen = pretrained.read(canvas[np.newaxis]).seen[0]
    for form, name in MODEL_FILES.items():
        path = ROOT / "exports" / "mnist" / "cnn" / name
        if path.exists():
            digits = LiteRTDigits(path)
            figures = [digits.latency(seen).median / 1000 for _ in range(setting.pairs)]
            yield _alone(f"cnn in {form}, one digit of 28 x 28, one thread", "ms", figures, 0.05)
    from PIL import Image

    count = 500 if setting.short else 10_000
    folder = setting.scratch / "pictures"
    folder.mkdir(exist_ok=True)
    pictures = [Image.fromarray(render(one.strokes or [], one.canvas)) for one in drawings]
    for number in range(count):
        pictures[number % len(pictures)].save(folder / f"{number:05d}.png")
    command = ["python", "src/predict.py", str(folder), "--csv", str(setting.scratch / "read.csv")]
    rates = []
    for _ in range(1 if setting.short else min(setting.pairs, 3)):
        rates.append(count / run(command, setting.scratch).seconds)
        setting.tick()
    yield _alone(f"predict.py on {count:,} pictures", "pictures/s", rates, 300.0, at_least=True)
    one = ["python", "src/predict.py", str(folder / "00000.png")]
    answers = [run(one, setting.scratch).seconds for _ in range(setting.pairs)]
    setting.tick()
    yield _alone("predict.py, the first answer", "s", answers, 0.5)


ROWS: dict[str, Callable[[Setting], Iterator[Measured]]] = {
    "throughput": throughput,
    "tracking": tracking,
    "augmentation": augmentation,
    "accuracy": time_to_accuracy,
    "starting": starting,
    "pipeline": pipeline,
    "sweeps": sweeps,
    "reading": reading,
    "memory": memory,
    "costs": costs,
}


def _needs_mnist() -> None:
    if not (ROOT / "data" / "mnist" / "digits.npz").exists():
        raise UserError(
            "data/mnist/digits.npz is not here; run `python src/download.py data=mnist`, or leave out the row"
        )


def table(results: dict[str, Any]) -> str:
    """Return bench.json as a Markdown table."""
    lines = ["| row | ours | against | median (range) | runs | bar | |", "|---|---|---|---|---|---|---|"]
    for name, figures in results["rows"].items():
        for one in figures:
            sign = "≥" if one["at_least"] else "≤"
            span = f"{one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g}) {one['unit']}"
            against = one["against"] or "-"
            bar = f"{sign} {one['bar']:g}" if one["bar"] is not None else "-"
            verdict = "" if one["bar"] is None else "met" if one["met"] else "**missed**"
            lines.append(f"| {name} | {one['what']} | {against} | {span} | {one['runs']} | {bar} | {verdict} |")
    return "\n".join(lines) + "\n"


def write_table(results: dict[str, Any], path: Path) -> None:
    """Write the table of `results` to `path`."""
    machine = results["machine"]
    features = ", ".join(machine["features"]) or "no vector features known"
    write_text(path, f"# How fast\n\n{machine['processor']} ({features}).\n\n{table(results)}")
