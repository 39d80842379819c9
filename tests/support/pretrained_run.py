"""A finished run of data=mnist_plus_strokes and model=vgg_bn as the stages leave it, with invented figures, in a folder of a test.

The reports are written by the functions that the stages call; `write_run` takes files in place of the invented ones.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inkproof.data.digits import Digits, data_sha, write_digits
from inkproof.evaluation.metrics import corruption_rows, summarize_corruptions, summarize_set, summarize_test
from inkproof.evaluation.rejection import Rule, summarize_rejection
from inkproof.exporting.metadata import write_metadata
from inkproof.reporting.pretrained import PretrainedRun, load_run
from inkproof.runtime.files import write_json

NAME = "mnist_plus_strokes-vgg_bn"
RULE = Rule("energy", 1.25, 4.5)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
STARTER = 270
# How many drawings of each set are read wrong; pens have 14 writers, the kept ones 6.
WRONG = {"starter": 3, "pens": 12, "pens_thin": 20, "pens_pixels": 35, "pens_inverted": 12, "pens_validation": 1}
PENS = 2800


def write_run(
    root: Path, canvas: bytes | None = None, weights: bytes | None = None, starter: np.ndarray | None = None
) -> dict[str, str]:
    """Write the run below `root`; return what is typed to have src/report.py pretrained take it from there.

    `starter` are the digits (270,) that canvas.tflite reads on the starter set.
    """
    folders = {
        "run": "models/mnist_plus_strokes/vgg_bn",
        "exports": "exports/mnist_plus_strokes/vgg_bn",
        "report": "reports/mnist_plus_strokes/models/vgg_bn",
    }
    for folder in folders.values():
        (root / folder).mkdir(parents=True)
    write_ink(root / "data/mnist_plus_strokes")
    (root / folders["exports"] / "canvas.tflite").write_bytes(canvas or lite_file())
    weights_file = root / folders["run"] / "model.keras"
    if weights is None:
        write_keras(weights_file)
    else:
        weights_file.write_bytes(weights)
    write_json(root / folders["run"] / "run.json", record(data_sha(root / "data/mnist_plus_strokes")))
    kb = round((root / folders["exports"] / "canvas.tflite").stat().st_size / 1024, 1)
    for part, content in reports(kb, starter).items():
        write_json(root / folders["report"] / f"{part}.json", content)
    typed = {key: str(root / folder) for key, folder in folders.items()}
    return {**typed, "digits": str(root / "data/mnist_plus_strokes/digits.npz"), "out": str(root / "models/pretrained")}


def load(typed: dict[str, str]) -> PretrainedRun:
    """Read the run that `write_run` wrote."""
    return load_run(NAME, *(Path(typed[key]) for key in ("run", "exports", "report")))


def change(path: Path, **values: Any) -> None:
    """Change a JSON file; a key with dots goes deeper: `canvas.kb`."""
    content = json.loads(path.read_text())
    for key, value in values.items():
        *way, last = key.split("__")
        part = content
        for step in way:
            part = part[step]
        part[last] = value
    write_json(path, content)


def write_ink(folder: Path) -> None:
    """Six digits of MNIST, four pen digits by two writers drawn three times each, and ten authored drawings."""
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
    """A LiteRT file of nothing but metadata: those of the run, and `changed` among them."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    builder = flatbuffers.Builder(64)
    builder.Finish(model.Pack(builder), b"TFL3")
    rule = {"rule": RULE.name, "threshold": RULE.threshold, "temperature": RULE.temperature}
    return write_metadata(bytes(builder.Output()), {**rule, "labels": list("0123456789"), "model": NAME, **changed})


def write_keras(path: Path, compiled: dict[str, Any] | None = None, weights: bytes = b"weights") -> None:
    """A file laid out as Keras does, with nothing in it that could be loaded."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"compile_config": compiled or {}}))
        archive.writestr("model.weights.h5", weights)


def record(sha: str) -> dict[str, Any]:
    config = {
        "data": {"name": "mnist_plus_strokes", "val": 7, "repeat": 1},
        "model": {"name": "vgg_bn", "build": {"_target_": "x", "widths": [32, 64], "dropout": 0.5}},
        "aug": {"name": "elastic", "rotation": 12.0, "zoom": 0.12, "shift": 0.0, "width": 0.8},
        "optimizer": {"_target_": "x", "name": "adam", "learning_rate": 0.002, "clip_norm": None},
        "callbacks": {"keep_best": {"monitor": "val_accuracy"}},
        "precision": {"policy": "float32"},
        **{"seed": 3, "epochs": 25, "batch_size": 128},
    }
    return {
        **{"run_id": "r", "experiment": "mnist_plus_strokes", "name": "vgg_bn-elastic-s3", "key": "k"},
        **{"data_sha": sha, "code_sha": "c0de"},
        **{"git_commit": COMMIT, "machine": "A Processor, 2 cores", "config": config, "finished": True},
        "metrics": {"val_accuracy": 0.875, "best_epoch": 17, "epochs": 20, "parameters": 242058},
        "seconds": 1234.0,
    }


def reports(kb: float, starter: np.ndarray | None = None) -> dict[str, Any]:
    """What the stages would have written: test, corruptions, export, rejection, drawn and timing."""
    about = {"data": "mnist_plus_strokes", "model": "vgg_bn", "aug": "elastic", "seed": 3, "val_accuracy": 0.875}
    about |= {"parameters": 242058, "epochs": 20, "best_epoch": 17}
    labels = np.arange(10_000) % 10
    shifted = np.where(np.arange(10_000) < 47, (labels + 1) % 10, labels)
    cells = {("clean", 0): labels[:500]}
    for place, name in enumerate(("blur", "grid_paper", "shear", "rotate", "scale", "shot_noise", "translate")):
        for grade in range(1, 6):
            wrong = np.arange(500) < 5 * place * grade
            cells[name, grade] = np.where(wrong, (labels[:500] + 1) % 10, labels[:500])
    logits = 12.0 * np.eye(10)[labels[:400]]
    others = np.concatenate([np.full((60, 10), 0.1), 12.0 * np.eye(10)[labels[:20]]])
    kinds = ["blank"] * 40 + ["letter"] * 40
    rejection = summarize_rejection(RULE, logits, labels[:400], others, kinds)
    canvas = {"kb": kb, "rule": RULE.name, "temperature": RULE.temperature}
    canvas |= {"n": 3070, "agreement": 1 - 1 / 3070, "max_difference": 1.34e-6}
    return {
        "test": {**about, **summarize_test(np.eye(10)[shifted], labels)},
        "corruptions": summarize_corruptions(corruption_rows(labels[:500], cells)),
        "export": {
            "canvas": canvas,
            "canvas_int8": {"kb": 640.3, "n": 3070, "agreement": 0.9963},
            "int8": {"kb": 251.9, "agreement": 0.9995},
            "coreml": {"kb": 957.7, "n": 500, "agreement": 1.0},
        },
        "rejection": rejection,
        "drawn": {"mine": {"n": 0}, **{name: drawn(name, starter) for name in WRONG}},
        "timing": {"machine": "A Processor, 2 cores", "canvas_us": 2345.0},
    }


def drawn(name: str, starter: np.ndarray | None) -> dict[str, Any]:
    n, hands = {"starter": (STARTER, 1), "pens_validation": (60, 6)}.get(name, (PENS, 14))
    if name == "starter":
        labels = np.arange(n) // 27
        if starter is not None:
            return summarize_set(labels, {"classic": starter}, np.zeros(n))
    labels = np.arange(n) * 10 // n
    writers = np.array([f"w{number % hands}" for number in range(n)])
    read = np.where(np.arange(n) < WRONG[name], (labels + 1) % 10, labels)
    return summarize_set(labels, {"tutorial": (labels + 1) % 10, "classic": read}, writers)
