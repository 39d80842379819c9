"""A finished run of data=mnist_plus_strokes and model=vgg_bn with invented results, in a folder of a test.

The functions of the stages write the reports. `write_run` takes real files in place of invented ones.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inkproof.data.digits import Digits, data_sha, write_digits
from inkproof.evaluation.metrics import summarize_corruptions, summarize_set, summarize_test
from inkproof.evaluation.rejection import Rule, summarize_rejection
from inkproof.evaluation.results import (
    CanvasFile,
    DrawnSet,
    ImageFile,
    Result,
    TestResult,
    TimingResult,
    write_result,
)
from inkproof.exporting.metadata import write_metadata
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.reporting.pretrained import PretrainedRun, load_run
from inkproof.runtime.files import sha256_of, write_json
from inkproof.tracking.run_metadata import RunMetadata

NAME = "mnist_plus_strokes-vgg_bn"
RULE = Rule("energy", 1.25, 4.5)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
STARTER = 270
# How many drawings of each set are classified wrong. The pens have 14 test writers and 6 validation writers.
WRONG = {"starter": 3, "pens": 12, "pens_thin": 20, "pens_pixels": 35, "pens_inverted": 12, "pens_validation": 1}
PENS = 2800


def write_run(
    root: Path, canvas: bytes | None = None, weights: bytes | None = None, starter: np.ndarray | None = None
) -> dict[str, str]:
    """Write the run below `root`; return the arguments for `src/report.py pretrained` to find it.

    `starter` are the digits (270,) that canvas.tflite predicts on the starter set.
    """
    folders = {
        "run": "models/mnist_plus_strokes/vgg_bn",
        "exports": "exports/mnist_plus_strokes/vgg_bn",
        "report": "reports/mnist_plus_strokes/models/vgg_bn",
    }
    for folder in folders.values():
        (root / folder).mkdir(parents=True)
    write_digits_of(root / "data/mnist_plus_strokes")
    (root / folders["exports"] / "canvas.tflite").write_bytes(canvas or lite_file())
    weights_file = root / folders["run"] / "model.keras"
    if weights is None:
        write_keras(weights_file)
    else:
        weights_file.write_bytes(weights)
    write_json(root / folders["run"] / "run.json", metadata(data_sha(root / "data/mnist_plus_strokes")))
    kb = round((root / folders["exports"] / "canvas.tflite").stat().st_size / 1024, 1)
    report = root / folders["report"]
    for part, content in reports(kb, starter).items():
        write_result(report / f"{part}.json", content)
    measured = {"machine": "A Processor, 2 cores", "export_sha256": sha256_of(report / "export.json")}
    write_result(report / "timing.json", TimingResult(**measured, canvas_us=2345.0))
    typed = {key: str(root / folder) for key, folder in folders.items()}
    written = {"out": str(root / "models/pretrained"), "vectors": str(root / "examples/vectors.json")}
    return {**typed, "digits": str(root / "data/mnist_plus_strokes/digits.npz"), **written}


def load(typed: dict[str, str]) -> PretrainedRun:
    """Read the run that `write_run` wrote."""
    return load_run(NAME, *(Path(typed[key]) for key in ("run", "exports", "report")))


def change(path: Path, **values: Any) -> None:
    """Change a JSON file; `__` in a key goes deeper, as in `canvas__kb`."""
    content = json.loads(path.read_text())
    for key, value in values.items():
        *parents, last = key.split("__")
        part = content
        for step in parents:
            part = part[step]
        part[last] = value
    write_json(path, content)


def write_digits_of(folder: Path) -> None:
    """Six digits of MNIST, four pen digits by two writers rendered three times each, and ten glyph templates."""
    pens = ["pens-tra-w01-0001", "pens-tra-w01-0002", "pens-tra-w02-0001", "pens-tra-w02-0002"] * 3
    names = {
        "train": [*(f"mnist-train-{number:05d}" for number in range(6)), *pens]
        + [f"style-1998-00000-{digit}" for digit in range(10)],
        "val": [*(f"mnist-val-{number:05d}" for number in range(5)), "pens-tra-w05-0001", "pens-tra-w06-0001"],
        "test": ["mnist-test-00000"],
    }
    splits = {
        split: Digits(np.zeros((len(own), 28, 28), np.uint8), np.zeros(len(own), np.uint8))
        for split, own in names.items()
    }
    extra = {f"{split}_source": np.array(names[split], np.bytes_) for split in ("train", "val")}
    write_digits(folder, splits, extra=extra)


def lite_file(**changed: Any) -> bytes:
    """A LiteRT file with metadata only: those of the run, with `changed`."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    builder = flatbuffers.Builder(64)
    builder.Finish(model.Pack(builder), b"TFL3")
    rule = {"rule": RULE.name, "threshold": RULE.threshold, "temperature": RULE.temperature}
    return write_metadata(bytes(builder.Output()), {**rule, "labels": list("0123456789"), "model": NAME, **changed})


def write_keras(path: Path, compiled: dict[str, Any] | None = None, weights: bytes = b"weights") -> None:
    """A file with the layout of Keras that cannot be loaded."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"compile_config": compiled or {}}))
        archive.writestr("model.weights.h5", weights)


def metadata(sha: str) -> dict[str, Any]:
    config = {
        "data": {"name": "mnist_plus_strokes", "val": 7, "split": "digit", "repeat": 1},
        "model": {
            "name": "vgg_bn",
            "convolutional": True,
            "build": {"_target_": "x", "widths": [32, 64], "dropout": 0.5},
        },
        "aug": {
            "name": "elastic",
            "rotation": 12.0,
            "zoom": 0.12,
            "shift": 0.0,
            "slant": 0.0,
            "elastic": 0.0,
            "width": 0.8,
        },
        "optimizer": {"_target_": "x", "name": "adam", "learning_rate": 0.002, "clip_norm": None},
        "callbacks": {"keep_best": {"_target_": "x", "monitor": "val_accuracy"}},
        "precision": {"policy": "float32"},
        "seed": 3,
        "training": {
            **{"epochs": 25, "batch_size": 128, "train_size": None, "subset_seed": 0, "folds": None, "fold": 0},
            **{"label_smoothing": 0.0, "teacher": {"runs": [], "temperature": 1.0, "weight": 1.0}, "init": None},
            "deterministic": True,
        },
    }
    return {
        **{
            "format": RunMetadata.FORMAT,
            "run_id": "r",
            "experiment": "mnist_plus_strokes",
            "name": "vgg_bn-elastic-s3",
            "key": "k",
        },
        **{"data_sha": sha, "code_sha": "c0de"},
        **{"git_commit": COMMIT, "machine": "A Processor, 2 cores", "config": config, "finished": True},
        "metrics": {"val_acc": 0.875, "best_epoch": 17, "epochs": 20, "parameters": 242058},
        "seconds": 1234.0,
    }


def reports(kb: float, starter: np.ndarray | None = None) -> dict[str, Result | dict[str, Any]]:
    """The results that the stages would write: test, corruptions, export, rejection and drawn."""
    about = {"data": "mnist_plus_strokes", "model": "vgg_bn", "aug": "elastic", "seed": 3, "val_acc": 0.875}
    about |= {"parameters": 242058, "epochs": 20, "best_epoch": 17}
    labels = np.arange(10_000) % 10
    shifted = np.where(np.arange(10_000) < 47, (labels + 1) % 10, labels)
    predictions = {("clean", 0): labels[:500]}
    for place, name in enumerate(("blur", "grid_paper", "shear", "rotate", "scale", "shot_noise", "translate")):
        for severity in range(1, 6):
            wrong = np.arange(500) < 5 * place * severity
            predictions[name, severity] = np.where(wrong, (labels[:500] + 1) % 10, labels[:500])
    logits = 12.0 * np.eye(10)[labels[:400]]
    others = np.concatenate([np.full((60, 10), 0.1), 12.0 * np.eye(10)[labels[:20]]])
    kinds = ["blank"] * 40 + ["letter"] * 40
    rejection = summarize_rejection(RULE, logits, labels[:400], others, kinds)
    rule = {"rule": RULE.name, "temperature": RULE.temperature, "n": 3070}
    same = {"accuracy": 0.99, "accuracy_difference": 0.0, "max_difference": 1.34e-6}
    return {
        "test": TestResult(**about, **summarize_test(np.eye(10)[shifted], labels).content()),
        "corruptions": summarize_corruptions(
            labels[:500], predictions, {**dict.fromkeys(predictions, 0), ("shot_noise", 5): 480}
        ),
        "export": {
            "canvas": CanvasFile(kb=kb, agreement=1 - 1 / 3070, **rule, **same),
            "canvas_int8": CanvasFile(kb=640.3, agreement=0.9963, **rule, **same),
            "int8": ImageFile(kb=251.9, agreement=0.9995, **same),
            "coreml": ImageFile(kb=957.7, n=500, agreement=1.0, **same),
        },
        "rejection": rejection,
        "drawn": {"mine": DrawnSet(n=0), **{name: drawn(name, starter) for name in WRONG}},
    }


def drawn(name: str, starter: np.ndarray | None) -> DrawnSet:
    n, count = {"starter": (STARTER, 1), "pens_validation": (60, 6)}.get(name, (PENS, 14))
    if name == "starter":
        labels = np.arange(n) // 27
        if starter is not None:
            return summarize_set(labels, {NORMALIZED_METHOD: starter}, np.zeros(n))
    labels = np.arange(n) * 10 // n
    writers = np.array([f"w{number % count}" for number in range(n)])
    predicted = np.where(np.arange(n) < WRONG[name], (labels + 1) % 10, labels)
    return summarize_set(labels, {"tutorial": (labels + 1) % 10, NORMALIZED_METHOD: predicted}, writers)
