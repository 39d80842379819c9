"""Evaluate a trained model on the test digits and on their corruptions."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from inkproof.config.compose import path_of
from inkproof.config.stages import EvaluateConfig
from inkproof.data.archives import read_corruptions
from inkproof.data.digits import Digits, load_test_split, load_test_writers
from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.metrics import (
    confusion_counts,
    corruption_rows,
    per_class,
    summarize_corruptions,
    summarize_test,
)
from inkproof.evaluation.results import TestResult, write_result
from inkproof.models.loading import load_trained, predict
from inkproof.reporting.evaluation_figures import (
    confusion_matrix,
    learning_curves,
    mistakes_gallery,
    reliability_diagram,
)
from inkproof.reporting.robustness_figures import corruptions_heatmap
from inkproof.reporting.style import save
from inkproof.reporting.tables import TEST_METRICS, write_rows
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata, read_history


def evaluate(metadata: RunMetadata, config: EvaluateConfig) -> TestResult:
    """Write test.json, corruptions.json and test/ of the model in `config.run`; return the content of test.json."""
    folder = path_of(config.run)
    report = path_of(config.report)
    digits, writers = load_test_split(path_of(config.digits)), load_test_writers(path_of(config.digits))
    model = load_trained(folder)
    probabilities = predict(model, digits.images)
    corrupted = read_corruptions(path_of(config.corruptions))
    predicted = predict(model, np.concatenate(list(corrupted.images.values()))).argmax(axis=1)
    by_corruption = dict(zip(corrupted.images, np.split(predicted, len(corrupted.images)), strict=True))
    blank = {key: int((~images.any(axis=(1, 2))).sum()) for key, images in corrupted.images.items()}
    cells = (corrupted.labels, by_corruption, blank, corrupted.writers)
    corruptions = summarize_corruptions(*cells)
    result = test_result(metadata, probabilities, digits.labels, writers)
    history = pd.DataFrame(read_history(folder / "history.csv"))

    with replacing(report / "test") as tables:
        write_tables(tables, digits, probabilities)
        write_rows(tables / "corruptions.csv", corruption_rows(*cells))
        save(corruptions_heatmap(corruptions), tables / "corruptions.png")
        save(learning_curves(history, result.best_epoch), tables / "curves.png")
        for name in ("history.csv", "run.json"):  # the report needs no other folder
            shutil.copyfile(folder / name, tables / name)
    write_result(report / "test.json", result)
    write_result(report / "corruptions.json", corruptions)
    mca = corruptions.mca.accuracy
    write_json(report / "metrics" / "test.json", {"accuracy": result.accuracy, "nll": result.nll, "mca": mca})

    metrics: dict[str, float] = {logged: getattr(result, name) for logged, name in TEST_METRICS.items()}
    metrics |= {"test_errors": result.errors, "corr_clean": corruptions.clean.accuracy, "corr_acc": mca}
    tracker, run = log_stage("evaluate", metadata, folder, metrics, [(report / "test", "test")])
    tracker.dataset(run, result.data, metadata.data_sha, "testing", {"digits": result.n})
    return result


def test_result(
    metadata: RunMetadata, probabilities: np.ndarray, labels: np.ndarray, writers: np.ndarray | None
) -> TestResult:
    """Return the content of test.json: the run, and the figures of its probabilities (N, 10) for digits (N,)."""
    chosen, metrics = metadata.config, metadata.metrics
    return TestResult(
        data=chosen.data.name,
        model=chosen.model.name,
        aug=chosen.aug.name,
        seed=chosen.seed,
        parameters=int(metrics["parameters"]),
        epochs=int(metrics["epochs"]),
        best_epoch=int(metrics["best_epoch"]),
        val_acc=metrics.get("val_acc"),
        **dict(summarize_test(probabilities, labels, writers)),
    )


def write_tables(folder: Path, digits: Digits, probabilities: np.ndarray) -> None:
    """Write predictions, tables and figures of the test digits to `folder`."""
    labels, predicted = digits.labels, probabilities.argmax(axis=1)
    counts = confusion_counts(labels, predicted)
    bins = reliability(probabilities, labels)
    predictions = pd.DataFrame({"index": range(len(labels)), "label": labels, "prediction": predicted})
    five_decimals = pd.DataFrame(probabilities, columns=[f"p{digit}" for digit in range(10)]).map("{:.5f}".format)
    write_rows(folder / "predictions.csv", predictions.join(five_decimals))
    write_rows(folder / "confusion.csv", pd.DataFrame(counts).rename_axis("digit").reset_index())
    write_rows(folder / "per_class.csv", per_class(labels, predicted))
    write_rows(folder / "reliability.csv", bins)
    save(confusion_matrix(counts), folder / "confusion.png")
    save(reliability_diagram(bins), folder / "reliability.png")
    save(mistakes_gallery(digits.images, labels, probabilities), folder / "mistakes.png")


def line(result: TestResult) -> str:
    """Return the line of an evaluation for the terminal."""
    return (
        f"{result.data}-{result.model}: test accuracy {result.accuracy:.2%} "
        f"({result.accuracy_low:.2%} to {result.accuracy_high:.2%}, {result.errors} of {result.n:,} wrong)"
    )
