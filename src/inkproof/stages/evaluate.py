"""Read the test digits with a trained model."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inkproof.config.compose import path_of
from inkproof.data.digits import Digits, load_test_split
from inkproof.datasets.preprocessed import read_corruptions
from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.metrics import (
    confusion_counts,
    corruption_rows,
    per_class,
    summarize_corruptions,
    summarize_test,
)
from inkproof.models.loading import load_trained, predict
from inkproof.reporting.evaluation_figures import (
    confusion_matrix,
    learning_curves,
    mistakes_gallery,
    reliability_diagram,
)
from inkproof.reporting.robustness_figures import corruptions_heatmap
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import read_history, trained_run


def evaluate(config: dict[str, Any]) -> dict[str, Any]:
    """Write test.json and test/ of the model in `config["run"]`; return what test.json holds."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    report = path_of(config["report"])
    digits = load_test_split(path_of(config["digits"]))
    model = load_trained(folder)
    probabilities = predict(model, digits.images)
    corruption_labels, preprocessed_corruptions = read_corruptions(path_of(config["corruptions"]))
    answers = predict(model, np.concatenate(list(preprocessed_corruptions.values()))).argmax(axis=1)
    by_cell = np.split(answers, len(preprocessed_corruptions))
    corrupted = corruption_rows(corruption_labels, dict(zip(preprocessed_corruptions, by_cell, strict=True)))
    corruptions = summarize_corruptions(corrupted)

    choices = {name: record.config[name]["name"] for name in ("data", "model", "aug")}
    trained = {name: record.metrics[name] for name in ("parameters", "epochs", "best_epoch")}
    summary = {
        **choices,
        "seed": record.config["seed"],
        **trained,
        "val_accuracy": record.metrics.get("val_accuracy"),
        **summarize_test(probabilities, digits.labels),
    }
    with replacing(report / "test") as tables:
        write_tables(tables, digits, probabilities)
        write_rows(tables / "corruptions.csv", corrupted)
        save(corruptions_heatmap(corruptions), tables / "corruptions.png")
        curves = learning_curves(read_history(folder / "history.csv"), kept=int(record.metrics["best_epoch"]))
        save(curves, tables / "curves.png")
        for name in ("history.csv", "run.json"):  # the report reads this folder alone
            shutil.copyfile(folder / name, tables / name)
    write_json(report / "test.json", summary)
    write_json(report / "corruptions.json", corruptions)

    names = ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece", "errors")
    metrics = {f"test_{name}": summary[name] for name in names}
    metrics |= {
        "corruptions_clean": corruptions["clean"]["accuracy"],
        "corruptions_mca": corruptions["mca"]["accuracy"],
    }
    tracker, run = log_stage("evaluate", record, folder, metrics, [(report / "test", "test")])
    tracker.dataset(run, summary["data"], record.data_sha, "testing", {"digits": summary["n"]})
    return summary


def write_tables(folder: Path, digits: Digits, probabilities: np.ndarray) -> None:
    """Write predictions, tables and figures of the test digits to `folder`."""
    labels, read = digits.labels, probabilities.argmax(axis=1)
    counts = confusion_counts(labels, read)
    bins = reliability(probabilities, labels)
    predictions = pd.DataFrame({"index": range(len(labels)), "label": labels, "prediction": read})
    five = pd.DataFrame(probabilities, columns=[f"p{digit}" for digit in range(10)]).map("{:.5f}".format)
    write_rows(folder / "predictions.csv", predictions.join(five))
    write_rows(folder / "confusion.csv", pd.DataFrame(counts).rename_axis("digit").reset_index())
    write_rows(folder / "per_class.csv", per_class(labels, read))
    write_rows(folder / "reliability.csv", bins)
    save(confusion_matrix(counts), folder / "confusion.png")
    save(reliability_diagram(bins), folder / "reliability.png")
    save(mistakes_gallery(digits.images, labels, probabilities), folder / "mistakes.png")


def line(summary: dict[str, Any]) -> str:
    """Return what is said of an evaluation on the terminal."""
    low, high = summary["accuracy_low"], summary["accuracy_high"]
    return (
        f"{summary['data']}-{summary['model']}: test accuracy {summary['accuracy']:.2%} "
        f"({low:.2%} to {high:.2%}, {summary['errors']} of {summary['n']:,} wrong)"
    )
