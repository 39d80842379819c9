"""Read the test digits with a trained model."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inkproof.config.compose import path_of
from inkproof.data.digits import Digits, load_test_split
from inkproof.datasets.drawn_frames import read_stress
from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.metrics import (
    confusion_counts,
    per_class,
    stress_rows,
    summarise_stress,
    summarise_test,
)
from inkproof.models.loading import load_trained, predict
from inkproof.reporting.evaluation_figures import (
    confusion_matrix,
    learning_curves,
    mistakes_gallery,
    reliability_diagram,
)
from inkproof.reporting.robustness_figures import stress_heatmap
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.record import read_history, trained_run
from inkproof.tracking.run import log_stage


def evaluate(config: dict[str, Any]) -> dict[str, Any]:
    """Write test.json and test/ of the model in `config["run"]`; return what test.json holds."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    report = path_of(config["report"])
    digits = load_test_split(path_of(config["digits"]))
    model = load_trained(folder)
    probabilities = predict(model, digits.images)
    stress_labels, stress_frames = read_stress(path_of(config["stress"]))
    answers = predict(model, np.concatenate(list(stress_frames.values()))).argmax(axis=1)
    by_cell = np.split(answers, len(stress_frames))
    stressed = stress_rows(stress_labels, dict(zip(stress_frames, by_cell, strict=True)))
    stress = summarise_stress(stressed)

    choices = {name: record.config[name]["name"] for name in ("data", "model", "aug")}
    trained = {name: record.metrics[name] for name in ("parameters", "epochs", "best_epoch")}
    summary = {
        **choices,
        "seed": record.config["seed"],
        **trained,
        "val_accuracy": record.metrics.get("val_accuracy"),
        **summarise_test(probabilities, digits.labels),
    }
    with replacing(report / "test") as tables:
        write_tables(tables, digits, probabilities)
        write_rows(tables / "stress.csv", stressed)
        save(stress_heatmap(stress), tables / "stress.png")
        curves = learning_curves(read_history(folder / "history.csv"), kept=int(record.metrics["best_epoch"]))
        save(curves, tables / "curves.png")
        for name in ("history.csv", "run.json"):  # the report reads this folder alone
            shutil.copyfile(folder / name, tables / name)
    write_json(report / "test.json", summary)
    write_json(report / "stress.json", stress)

    names = ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece", "errors")
    metrics = {f"test_{name}": summary[name] for name in names}
    metrics |= {"stress_clean": stress["clean"]["accuracy"], "stress_mca": stress["mca"]["accuracy"]}
    store, run = log_stage("evaluate", record, folder, metrics, [(report / "test", "test")])
    store.dataset(run, summary["data"], record.data_sha, "testing", {"digits": summary["n"]})
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
