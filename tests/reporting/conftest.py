"""Report folders as the pipeline makes them, with real digits and invented models.

The functions of the evaluate and drawn stages write the files.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.metrics import (
    confusion_counts,
    per_class,
    per_writer,
    summarize_corruptions,
    summarize_set,
    summarize_test,
)
from inkproof.evaluation.rejection import choose_rule, summarize_rejection
from inkproof.evaluation.results import (
    CanvasFile,
    CorruptionsResult,
    DrawnSet,
    ExportedFile,
    ImageFile,
    RejectionResult,
    TestResult,
    TimingResult,
    write_result,
)
from inkproof.reporting.drawn_figures import before_after, telling
from inkproof.reporting.evaluation_figures import mistakes_gallery
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import sha256_of

# name: test accuracy, accuracy of each method on drawings, weights, epochs
Model = tuple[float, tuple[float, ...], int, int]
Once = Callable[[str, Callable[[Path], object]], Path]
MODELS: dict[str, Model] = {
    "dense": (0.979, (0.42, 0.51, 0.76, 0.86, 0.9, 0.92), 101_770, 20),
    "dense_2x128": (0.976, (0.38, 0.49, 0.74, 0.83, 0.89, 0.91), 118_282, 12),
    "tflearn_cnn": (0.991, (0.51, 0.62, 0.85, 0.93, 0.95, 0.96), 3_274_634, 8),
    "cnn": (0.995, (0.55, 0.69, 0.88, 0.95, 0.96, 0.97), 225_034, 30),
}
STROKES: dict[str, Model] = {"cnn": (0.993, (0.6, 0.7, 0.95, 0.97, 0.98, 0.99), 225_034, 24)}
METHODS = ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic", "learned")
SEEDS = dict(zip(METHODS, (0, 1, 2, 3, 5, 4), strict=True))  # by which the best of the few drawings is the best model
SHOWN = ("starter", "mine", "pens")
# set: by how much its accuracy is lower
VARIANTS = {"pens_thin": 0.005, "pens_fat": 0.03, "pens_pixels": 0.04, "pens_inverted": 0.0}
CORRUPTIONS = {"rotate": 0.12, "cut_off": 0.3, "blur": 0.05}
CONFUSED = {0: 6, 1: 7, 2: 7, 3: 5, 4: 9, 5: 3, 6: 0, 7: 1, 8: 3, 9: 4}


def images_of(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n digits of scikit-learn, enlarged from 8 x 8 to 28 x 28, with their labels."""
    small, labels = load_digits(return_X_y=True)
    pick = np.random.default_rng(seed).integers(0, len(labels), n)
    large = {}
    for i in np.unique(pick):
        eight = Image.fromarray((small[i].reshape(8, 8) * 15.9).astype(np.uint8))
        image = np.zeros((28, 28), np.uint8)
        image[4:24, 4:24] = np.asarray(eight.resize((20, 20), Image.Resampling.BICUBIC))
        large[i] = image
    return np.stack([large[i] for i in pick]), labels[pick].astype(np.uint8)


def guesses(labels: np.ndarray, accuracy: float, seed: int, writers: np.ndarray | None = None) -> np.ndarray:
    """Probabilities (N, 10) of an invented model of this accuracy; some writers are harder than others."""
    rng = np.random.default_rng(seed)
    skill = np.full(len(labels), accuracy)
    if writers is not None:
        _, writer = np.unique(writers, return_inverse=True)
        spread = 0.4 * accuracy * (1 - accuracy)
        skill = np.clip(accuracy + rng.normal(0, spread, writer.max() + 1)[writer], 0, 1)
    wrong = rng.random(len(labels)) > skill
    likely = np.array([CONFUSED[int(y)] for y in labels])
    stray = rng.integers(0, 10, len(labels))
    predicted = np.where(wrong, np.where(rng.random(len(labels)) < 0.6, likely, stray), labels)
    logits = rng.normal(0, 1, (len(labels), 10))
    logits[np.arange(len(labels)), predicted] += np.where(predicted == labels, rng.gamma(9, 1, len(labels)), 4)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def write_test_folder(folder: Path, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Write the tables of test/ and the image for the page."""
    predicted = probabilities.argmax(axis=1)
    outcomes = zip(labels.tolist(), predicted.tolist(), strict=True)
    predictions = [{"index": i, "label": label, "prediction": guess} for i, (label, guess) in enumerate(outcomes)]
    counts = confusion_counts(labels, predicted)
    confusion = [{"digit": digit, **dict(zip("0123456789", row, strict=True))} for digit, row in enumerate(counts)]
    tables = {
        "predictions": predictions,
        "confusion": confusion,
        "per_class": per_class(labels, predicted),
        "reliability": reliability(probabilities, labels),
    }
    for name, rows in tables.items():
        write_rows(folder / f"{name}.csv", pd.DataFrame(rows))
    save(mistakes_gallery(images, labels, probabilities), folder / "mistakes.png")


def canvas(image: np.ndarray, i: int) -> np.ndarray:
    """A digit enlarged and off-center on 280 x 280; every third one is white on black."""
    page = np.zeros((280, 280), np.uint8)
    digit = np.asarray(Image.fromarray(image).resize((168, 168), Image.Resampling.BICUBIC))
    top, left = (i * 37) % 100, (i * 53) % 100
    page[top : top + 168, left : left + 168] = np.where(digit > 100, 255, 0)
    return page if i % 3 == 0 else 255 - page


def draw(
    folder: Path, name: str, n: int, hands: int, accuracies: tuple[float, ...], seed: int
) -> tuple[DrawnSet, pd.DataFrame]:
    """Draw n drawings to an image; return their entry of drawn.json and their rows of per_writer.csv."""
    images, labels = images_of(n, seed)
    writers = np.array([f"writer-{i % hands + 1:02d}" for i in range(n)])
    predictions = {
        method: guesses(labels, accuracy, seed + SEEDS[method], writers).argmax(axis=1)
        for method, accuracy in zip(METHODS, accuracies, strict=True)
    }
    if name in SHOWN:
        shown = telling(labels, predictions, 6)
        canvases = np.stack([canvas(images[i], i) for i in shown])
        small = np.stack([np.asarray(Image.fromarray(page).resize((28, 28))) for page in canvases])
        upright = np.where((small[:, :1, :1] > 127), 255 - small, small)
        seen = dict(zip(METHODS, (255 - small, upright, *[images[shown]] * 4), strict=True))
        few = {method: own[shown] for method, own in predictions.items()}
        save(before_after(canvases, seen, labels[shown], few), folder / f"before_after_{name}.png")
    return summarize_set(labels, predictions, writers), per_writer(labels, predictions, writers)


def history(epochs: int, accuracy: float) -> list[dict[str, float]]:
    rng = np.random.default_rng(epochs)
    rows = []
    for epoch in range(1, epochs + 1):
        miss = (1 - accuracy) * (1 + 6 / epoch**1.2)
        noisy = miss * (1 + rng.normal(0, 0.05))
        rows.append(
            {
                "epoch": epoch,
                "accuracy": 1 - miss * 1.1,
                "loss": miss * 3.6,
                "val_accuracy": 1 - noisy,
                "val_loss": noisy * 3.2,
                "learning_rate": 1e-3,
            }
        )
    return rows


def corruptions(labels: np.ndarray, accuracy: float, seed: int) -> CorruptionsResult:
    """corruptions.json of a model that loses accuracy with each corruption, and more with each severity."""
    losses = {("clean", 0): 0.0} | {
        (name, severity): loss * severity / 3 for name, loss in CORRUPTIONS.items() for severity in (1, 2, 3)
    }
    predictions = {key: guesses(labels, accuracy - loss, seed).argmax(axis=1) for key, loss in losses.items()}
    return summarize_corruptions(labels, predictions, dict.fromkeys(predictions, 0))


def rejection(labels: np.ndarray, accuracy: float, seed: int) -> RejectionResult:
    """rejection.json of a model that is less confident on out-of-distribution samples."""
    rng = np.random.default_rng(seed)
    logits, others = np.log(guesses(labels, accuracy, seed)), rng.normal(0, 2, (40, 10))
    rule = choose_rule(logits, labels, others)
    return summarize_rejection(rule, logits, labels, others, np.repeat(["letter", "scribble"], 20))


def fake_report(
    folder: Path,
    data: str = "mnist",
    n: int = 1000,
    mine: int = 0,
    models: tuple[str, ...] = tuple(MODELS),
    each: int = 10,
) -> Path:
    """Write a report's models below `folder`; optdigits has no pens, a pen writer draws `each` digits."""
    images, labels = images_of(n, 1)
    invented = STROKES if data == "mnist_plus_strokes" else MODELS
    for place, (name, (accuracy, by_method, weights, epochs)) in enumerate(invented.items()):
        if name not in models:
            continue
        own = folder / "models" / name
        probabilities = guesses(labels, accuracy, place)
        rows = history(epochs, accuracy)
        summary = summarize_test(probabilities, labels)
        result = TestResult(
            data=data,
            model=name,
            aug="on" if "cnn" in name else "off",
            seed=0,
            parameters=weights,
            epochs=epochs,
            best_epoch=int(max(rows, key=lambda row: row["val_accuracy"])["epoch"]),
            val_acc=accuracy,
            **summary.content(),
        )
        write_result(own / "test.json", result)
        write_test_folder(own / "test", images, labels, probabilities)
        write_rows(own / "test" / "history.csv", pd.DataFrame(rows))
        sizes = {"starter": (6 * each, 1), "mine": (mine, 1)}
        if data != "optdigits":
            sizes |= dict.fromkeys(("pens", *VARIANTS), (14 * each, 14)) | {"pens_validation": (6 * each, 6)}
        drawn: dict[str, DrawnSet] = {}
        writers: list[pd.DataFrame] = []
        for step, (kind, (size, hands)) in enumerate(sizes.items()):
            drawn[kind] = DrawnSet(n=0)
            if size:
                able = tuple(accuracy - VARIANTS.get(kind, 0) for accuracy in by_method)
                drawn[kind], own_rows = draw(own / "drawn", kind, size, hands, able, 10 * step + place)
                writers.append(own_rows.assign(set=kind))
        write_result(own / "drawn.json", drawn)
        write_rows(own / "drawn" / "per_writer.csv", pd.concat(writers), ["set", "writer", "method", "n", "accuracy"])
        kb = weights * 4 / 1024
        same = {"accuracy": summary.accuracy, "accuracy_difference": 0.0, "agreement": 1.0}
        rule = {"rule": "energy", "temperature": 1.2, "n": 3768}
        export = {
            "saved_model": ExportedFile(kb=kb * 1.1 + 80),
            "float32": ImageFile(kb=kb + 3.2, **same, max_difference=4.2e-7),
            "canvas": CanvasFile(kb=kb + 400, **same | rule, max_difference=4.1e-7),
            "canvas_int8": CanvasFile(kb=kb / 4 + 400, **same | rule | {"agreement": 0.9963}, max_difference=0.061),
            "coreml": ImageFile(kb=kb + 9, **same, n=500, max_difference=2.4e-7),
            "int8": ImageFile(kb=kb / 4 + 6.1, **same | {"accuracy_difference": -1 / n}, max_difference=0.031),
        }
        write_result(own / "export.json", export)
        write_result(own / "corruptions.json", corruptions(labels[:100], accuracy, place))
        write_result(own / "rejection.json", rejection(labels[:100], accuracy, place))
        times = {
            "float32_us": weights / 9000,
            "int8_us": weights / 7000,
            "canvas_us": 1500 + weights / 9000,
            "canvas_int8_us": 1400.0,
        }
        measured = {"machine": "AMD EPYC, 2 cores, Linux", "export_sha256": sha256_of(own / "export.json")}
        timing = TimingResult(**measured, **times, canvas_int8_p95_us=1512.0)
        write_result(own / "timing.json", timing)
    return folder


@pytest.fixture(scope="session")
def mnist_report(once: Once) -> Path:
    """A report like MNIST's, with pen drawings and without drawings of the user; do not change it."""
    return once("report-mnist", fake_report)


@pytest.fixture(scope="session")
def strokes_models(once: Once) -> Path:
    """The folder models of a report on data=mnist_plus_strokes, for comparison with MNIST's; do not change it."""
    return once("report-strokes", partial(fake_report, data="mnist_plus_strokes")) / "models"


@pytest.fixture(scope="session")
def optdigits_report(once: Once) -> Path:
    """A report like the demo's: two models, 360 digits, only the starter set; do not change it."""
    return once("report-optdigits", partial(fake_report, data="optdigits", n=360, models=("dense", "cnn")))


@pytest.fixture
def broken(tmp_path: Path, optdigits_report: Path) -> Path:
    """A copy of the small report that a test may break."""
    return Path(shutil.copytree(optdigits_report, tmp_path / "optdigits"))
