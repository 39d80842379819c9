"""Benchmarks of everything else that users wait for: starts, the pipeline, sweeps, predictions."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.measured import Measured, Setting, figure_of, needs_mnist, paired_figure
from benchmark.pairs import alternate
from benchmark.processes import run
from benchmark.training import remove_runs, small_training, timed_training
from inkproof.data.drawings import read_drawings
from inkproof.exporting.files import CANVAS_FILES, MODEL_FILES
from inkproof.exporting.predictors import CanvasPredictor, LiteRTDigits
from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT


def starting(setting: Setting) -> Iterator[Measured]:
    """The time before and after the training itself."""

    def several(measure: Callable[[], float]) -> list[float]:
        figures = []
        for _ in range(setting.pairs):
            figures.append(measure())
            setting.tick()
        return figures

    helped = several(lambda: run(["python", "src/train.py", "--help"], setting.scratch).seconds)
    yield figure_of("train.py --help", "s", helped, 0.7)
    wrong = ["python", "src/train.py", "model=cnnn"]
    yield figure_of("a config error", "s", several(lambda: run(wrong, setting.scratch, codes=(2,)).seconds), 1.0)
    first, around = [], []
    for _ in range(setting.pairs):
        times, done = timed_training(setting, *small_training(setting))
        first.append(times["first_batch"] - done.began)
        around.append(done.seconds - (times["end"][-1] - times["begin"][0]))
        setting.tick()
    yield figure_of("train.py until the first batch", "s", first, 8.0)
    yield figure_of("train.py without its training", "s", around, 10.0)


@contextmanager
def _fresh_clone() -> Iterator[Path]:
    """Yield a clone of the repository at its last commit."""
    with tempfile.TemporaryDirectory(prefix="inkproof-bench-") as folder:
        clone = Path(folder) / "inkproof"
        subprocess.run(["git", "-c", "advice.detachedHead=false", "clone", "-q", str(ROOT), str(clone)], check=True)
        yield clone


def pipeline(setting: Setting) -> Iterator[Measured]:
    """In a fresh clone: the pipeline of make demo, dvc repro from nothing, and dvc repro with nothing to do."""
    if setting.short:
        return

    def timed(clone: Path, *command: str) -> float:
        own = {"MLFLOW_TRACKING_URI": f"sqlite:///{clone / 'mlflow.db'}", "PYTHONPATH": ""}
        seconds = run(list(command), setting.scratch, clone, environment=own).seconds
        setting.tick()
        return seconds

    with _fresh_clone() as clone:
        demo = timed(clone, "dvc", "repro", "report@optdigits")
        yield figure_of("dvc repro report@optdigits, the demo", "s", [demo], 110.0)
    with _fresh_clone() as clone:
        yield figure_of("dvc repro, from nothing", "min", [timed(clone, "dvc", "repro") / 60], 15.0)
        again = [timed(clone, "dvc", "repro") for _ in range(setting.pairs)]
        yield figure_of("dvc repro, nothing to do", "s", again, 2.5)


def sweeps(setting: Setting) -> Iterator[Measured]:
    """Eight runs of dense, two at a time against one after another."""
    seeds = iter(range(0, 100_000, 8))
    data = ["data=optdigits", "data.repeat=20"] if setting.short else ["data=mnist", "training.epochs=8"]
    if not setting.short:
        needs_mnist()

    def sweep(*launcher: str) -> Callable[[], float]:
        def measure() -> float:
            first = next(seeds)
            chosen = ",".join(str(seed) for seed in range(first, first + 8))
            words = ["python", "src/train.py", "-m", *data, "model=dense", f"seed={chosen}", "run.register=false"]
            done = run([*words, *launcher], setting.scratch)
            remove_runs(done.output)
            return done.seconds

        return measure

    paired = alternate(sweep(), sweep("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), setting.pairs, setting.tick)
    yield paired_figure("eight runs by joblib, two workers", paired, 1.7, True, "one after another")


def prediction(setting: Setting) -> Iterator[Measured]:
    """The time to classify one canvas, one digit, ten thousand images, and until the first prediction."""
    drawings = read_drawings(ROOT / "data" / "drawn" / "starter")
    canvas = render(drawings[0].strokes or [], drawings[0].canvas)
    exports = ROOT / "exports" / "mnist" / "cnn"
    if exports.exists():
        predictor = CanvasPredictor(exports / CANVAS_FILES["float32"])
        figures = [predictor.latency(canvas).median / 1000 for _ in range(setting.pairs)]
        yield figure_of("canvas.tflite of cnn, one canvas, one thread", "ms", figures, 1.5)
        seen = predictor.predict(canvas[np.newaxis]).seen[0]
        for quantization, name in MODEL_FILES.items():
            digits = LiteRTDigits(exports / name)
            figures = [digits.latency(seen).median / 1000 for _ in range(setting.pairs)]
            yield figure_of(f"cnn in {quantization}, one digit of 28 x 28, one thread", "ms", figures, 0.05)
    else:
        print(f"\n  exported files of cnn: skipped; `dvc repro export@mnist-cnn` makes {exports}")
    count = 500 if setting.short else 10_000
    folder = setting.scratch / "images"
    folder.mkdir(exist_ok=True)
    images = [Image.fromarray(render(one.strokes or [], one.canvas)) for one in drawings]
    for number in range(count):
        images[number % len(images)].save(folder / f"{number:05d}.png")
    command = ["python", "src/predict.py", str(folder), "--csv", str(setting.scratch / "predictions.csv")]
    rates = []
    for _ in range(1 if setting.short else min(setting.pairs, 3)):
        rates.append(count / run(command, setting.scratch).seconds)
        setting.tick()
    yield figure_of(f"predict.py on {count:,} images", "images/s", rates, 300.0, at_least=True)
    one = ["python", "src/predict.py", str(folder / "00000.png")]
    first = [run(one, setting.scratch).seconds for _ in range(setting.pairs)]
    setting.tick()
    yield figure_of("predict.py, the first prediction", "s", first, 0.5)
