"""Report folders as the pipeline leaves them: real digits, invented models.

Files are written by the functions that the evaluate and drawn stages call.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.metrics import (
    confusion_counts,
    corruption_rows,
    per_class,
    per_writer,
    summarize_corruptions,
    summarize_set,
    summarize_test,
)
from inkproof.evaluation.rejection import choose_rule, summarize_rejection
from inkproof.reporting.drawn_figures import before_after, telling
from inkproof.reporting.evaluation_figures import mistakes_gallery
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import write_json

# name: test accuracy, what each method reaches on drawings, weights, epochs
Model = tuple[float, tuple[float, ...], int, int]
Once = Callable[[str, Callable[[Path], object]], Path]
MODELS: dict[str, Model] = {
    "dense": (0.979, (0.42, 0.51, 0.76, 0.86, 0.92), 101_770, 20),
    "dense_2x128": (0.976, (0.38, 0.49, 0.74, 0.83, 0.91), 118_282, 12),
    "tflearn_cnn": (0.991, (0.51, 0.62, 0.85, 0.93, 0.96), 3_274_634, 8),
    "cnn": (0.995, (0.55, 0.69, 0.88, 0.95, 0.97), 225_034, 30),
}
INK: dict[str, Model] = {"cnn": (0.993, (0.6, 0.7, 0.95, 0.97, 0.99), 225_034, 24)}
METHODS = ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic")
SHOWN = ("starter", "mine", "pens")
# set: by how much less of it is read
VARIANTS = {"pens_thin": 0.005, "pens_fat": 0.03, "pens_pixels": 0.04, "pens_inverted": 0.0}
FAULTS = {"rotate": 0.12, "cut_off": 0.3, "blur": 0.05}
CONFUSED = {0: 6, 1: 7, 2: 7, 3: 5, 4: 9, 5: 3, 6: 0, 7: 1, 8: 3, 9: 4}


def frames(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n digits of scikit-learn, 8 x 8, enlarged into the 28 x 28 frame, with their labels."""
    small, labels = load_digits(return_X_y=True)
    pick = np.random.default_rng(seed).integers(0, len(labels), n)
    large = {}
    for i in np.unique(pick):
        eight = Image.fromarray((small[i].reshape(8, 8) * 15.9).astype(np.uint8))
        frame = np.zeros((28, 28), np.uint8)
        frame[4:24, 4:24] = np.asarray(eight.resize((20, 20), Image.Resampling.BICUBIC))
        large[i] = frame
    return np.stack([large[i] for i in pick]), labels[pick].astype(np.uint8)


def guesses(labels: np.ndarray, accuracy: float, seed: int, writers: np.ndarray | None = None) -> np.ndarray:
    """Probabilities (N, 10) of an invented model of this accuracy; some writers are harder than others."""
    rng = np.random.default_rng(seed)
    skill = np.full(len(labels), accuracy)
    if writers is not None:
        _, hand = np.unique(writers, return_inverse=True)
        spread = 0.4 * accuracy * (1 - accuracy)
        skill = np.clip(accuracy + rng.normal(0, spread, hand.max() + 1)[hand], 0, 1)
    wrong = rng.random(len(labels)) > skill
    # Mistakes are rarer than skill alone would have it where the digit is easy to tell from others.
    likely = np.array([CONFUSED[int(y)] for y in labels])
    stray = rng.integers(0, 10, len(labels))
    read = np.where(wrong, np.where(rng.random(len(labels)) < 0.6, likely, stray), labels)
    logits = rng.normal(0, 1, (len(labels), 10))
    logits[np.arange(len(labels)), read] += np.where(read == labels, rng.gamma(9, 1, len(labels)), 4)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def write_test_folder(folder: Path, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """The tables of test/, and the one image that the page embeds."""
    read = probabilities.argmax(axis=1)
    outcomes = zip(labels.tolist(), read.tolist(), strict=True)
    predictions = [{"index": i, "label": label, "prediction": guess} for i, (label, guess) in enumerate(outcomes)]
    counts = confusion_counts(labels, read)
    confusion = [{"digit": digit, **dict(zip("0123456789", row, strict=True))} for digit, row in enumerate(counts)]
    tables = {
        "predictions": predictions,
        "confusion": confusion,
        "per_class": per_class(labels, read),
        "reliability": reliability(probabilities, labels),
    }
    for name, rows in tables.items():
        write_rows(folder / f"{name}.csv", rows)
    save(mistakes_gallery(images, labels, probabilities), folder / "mistakes.png")


def canvas(image: np.ndarray, i: int) -> np.ndarray:
    """A digit blown up and off-center on 280 x 280; every third one is white on black."""
    page = np.zeros((280, 280), np.uint8)
    digit = np.asarray(Image.fromarray(image).resize((168, 168), Image.Resampling.BICUBIC))
    top, left = (i * 37) % 100, (i * 53) % 100
    page[top : top + 168, left : left + 168] = np.where(digit > 100, 255, 0)
    return page if i % 3 == 0 else 255 - page


def draw(folder: Path, name: str, n: int, hands: int, reached: tuple[float, ...], seed: int) -> Any:
    """n drawings by this many writers: their image, and their entry of drawn.json and rows of per_writer.csv."""
    images, labels = frames(n, seed)
    writers = np.array([f"writer-{i % hands + 1:02d}" for i in range(n)])
    read = {
        method: guesses(labels, accuracy, seed + step, writers).argmax(axis=1)
        for step, (method, accuracy) in enumerate(zip(METHODS, reached, strict=True))
    }
    if name in SHOWN:
        shown = telling(labels, read, 6)
        canvases = np.stack([canvas(images[i], i) for i in shown])
        small = np.stack([np.asarray(Image.fromarray(page).resize((28, 28))) for page in canvases])
        upright = np.where((small[:, :1, :1] > 127), 255 - small, small)
        seen = dict(zip(METHODS, (255 - small, upright, *[images[shown]] * 3), strict=True))
        answers = {method: own[shown] for method, own in read.items()}
        save(before_after(canvases, seen, labels[shown], answers), folder / f"before_after_{name}.png")
    return summarize_set(labels, read, writers), per_writer(labels, read, writers)


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


def corruptions(labels: np.ndarray, accuracy: float, seed: int) -> dict[str, Any]:
    """corruptions.json of a model that each corruption troubles in its own measure, and each severity more."""
    losses = {("clean", 0): 0.0} | {
        (name, grade): loss * grade / 3 for name, loss in FAULTS.items() for grade in (1, 2, 3)
    }
    read = {cell: guesses(labels, accuracy - loss, seed).argmax(axis=1) for cell, loss in losses.items()}
    return summarize_corruptions(corruption_rows(labels, read))


def rejection(labels: np.ndarray, accuracy: float, seed: int) -> dict[str, Any]:
    """rejection.json of a model that is less sure of drawings that are no digit."""
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
    images, labels = frames(n, 1)
    invented = INK if data == "mnist_plus_strokes" else MODELS
    for place, (name, (accuracy, reached, weights, epochs)) in enumerate(invented.items()):
        if name not in models:
            continue
        own = folder / "models" / name
        probabilities = guesses(labels, accuracy, place)
        rows = history(epochs, accuracy)
        summary = summarize_test(probabilities, labels)
        about: dict[str, Any] = {
            "data": data,
            "model": name,
            "aug": "on" if "cnn" in name else "off",
            "seed": 0,
        }
        about |= {
            "parameters": weights,
            "epochs": epochs,
            "best_epoch": max(rows, key=lambda row: row["val_accuracy"])["epoch"],
            "val_accuracy": accuracy,
        }
        write_json(own / "test.json", about | summary)
        write_test_folder(own / "test", images, labels, probabilities)
        write_rows(own / "test" / "history.csv", rows)
        sizes = {"starter": (6 * each, 1), "mine": (mine, 1)}
        if data != "optdigits":
            sizes |= dict.fromkeys(("pens", *VARIANTS), (14 * each, 14)) | {"pens_validation": (6 * each, 6)}
        drawn: dict[str, Any] = {}
        writers: list[dict[str, Any]] = []
        for step, (kind, (size, hands)) in enumerate(sizes.items()):
            drawn[kind] = {"n": 0}
            if size:
                able = tuple(accuracy - VARIANTS.get(kind, 0) for accuracy in reached)
                drawn[kind], own_rows = draw(own / "drawn", kind, size, hands, able, 10 * step + place)
                writers += [{"set": kind, **row} for row in own_rows]
        write_json(own / "drawn.json", drawn)
        write_rows(own / "drawn" / "per_writer.csv", writers)
        kb = weights * 4 / 1024
        same = {"accuracy": summary["accuracy"], "accuracy_difference": 0.0, "agreement": 1.0}
        export = {
            "saved_model": {"kb": kb * 1.1 + 80},
            "float32": {"kb": kb + 3.2, **same, "max_difference": 4.2e-7},
            "canvas_int8": {"kb": kb / 4 + 400, **same, "n": 3768, "agreement": 0.9963, "max_difference": 0.061},
            "coreml": {"kb": kb + 9, **same, "n": 500, "max_difference": 2.4e-7},
            "int8": {"kb": kb / 4 + 6.1, **same, "accuracy_difference": -1 / n, "max_difference": 0.031},
        }
        write_json(own / "export.json", export)
        write_json(own / "corruptions.json", corruptions(labels[:100], accuracy, place))
        write_json(own / "rejection.json", rejection(labels[:100], accuracy, place))
        micros = {
            "float32_us": weights / 9000,
            "int8_us": weights / 7000,
            "canvas_int8_us": 1400,
            "canvas_int8_p95_us": 1512,
        }
        write_json(own / "timing.json", {"machine": "AMD EPYC, 2 cores, Linux", **micros})
    return folder


@pytest.fixture(scope="session")
def mnist_report(once: Once) -> Path:
    """A report like MNIST's, with pen drawings and none of the user's own; do not change it."""
    return once("report-mnist", fake_report)


@pytest.fixture(scope="session")
def ink_models(once: Once) -> Path:
    """The folder models of a report on data=mnist_plus_strokes, to be shown beside MNIST's; do not change it."""
    return once("report-ink", partial(fake_report, data="mnist_plus_strokes")) / "models"


@pytest.fixture(scope="session")
def optdigits_report(once: Once) -> Path:
    """A report like the demo's: two models, 360 digits, only the starter set; do not change it."""
    return once("report-optdigits", partial(fake_report, data="optdigits", n=360, models=("dense", "cnn")))


@pytest.fixture
def broken(tmp_path: Path, optdigits_report: Path) -> Path:
    """A copy of the small report, to be broken by the test that asks for it."""
    return Path(shutil.copytree(optdigits_report, tmp_path / "optdigits"))
