"""Evaluate an exported model on drawn digits, by each preprocessing method."""

import shlex
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from inkproof.config.compose import path_of
from inkproof.config.stages import DrawnConfig
from inkproof.data import unipen
from inkproof.data.archives import PreprocessedSet, read_preprocessed
from inkproof.datasets.preprocessed import canvases_of
from inkproof.evaluation.metrics import per_writer, summarize_forms, summarize_set
from inkproof.evaluation.results import DrawnResult, DrawnSet, write_result
from inkproof.exporting.predictors import LiteRTDigits
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.reporting.drawn_figures import before_after, method_bars, telling
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata

EXAMPLES = 6  # drawings shown before and after preprocessing
SHOWN = ("starter", "mine", "pens", "pens_pixels")  # the other sets are renderings of the same pen digits
MEASURED = ("starter", "pens")  # for DVC's metrics
REPORTED = ("pens", "starter")  # the first of these sets that the dataset has gives the metric drawn_acc
COLUMNS = ["set", "id", "writer", "label", "method", "prediction", "probability"]


def drawn(metadata: RunMetadata, config: DrawnConfig) -> DrawnResult:
    """Write drawn.json and drawn/ of an exported model; return the content of drawn.json.

    Raises UserError if the model is not exported.
    """
    folder = path_of(config.run)
    report = path_of(config.report)
    exported = path_of(config.exported)
    if not exported.is_file():
        data, model, name = config.data.name, config.model.name, config.name
        run = f"name={name}" if config.run == f"models/{data}/{name}" else f"run={shlex.quote(config.run)}"
        raise UserError(f"{exported}: no such file; run `python src/export.py data={data} model={model} {run}` first")
    network = LiteRTDigits(exported, threads=2)
    results: DrawnResult = {}
    rows, writers = [pd.DataFrame()], [pd.DataFrame()]  # there may be no drawings
    with replacing(report / "drawn") as tables:
        for name, drawn_set in read_preprocessed(path_of(config.drawings)):
            probabilities = {method: network.probabilities(seen) for method, seen in drawn_set.methods.items()}
            predicted = {method: own.argmax(axis=1) for method, own in probabilities.items()}
            results[name] = summarize_set(drawn_set.labels, predicted, drawn_set.writers)
            if not results[name].n:
                continue
            if NORMALIZED_METHOD in predicted:
                correct = predicted[NORMALIZED_METHOD] == drawn_set.labels
                if found := summarize_forms(drawn_set.ids, correct, drawn_set.writers, unipen.forms()):
                    results[name] = results[name].model_copy(update={"forms": found})
            rows += [table.assign(set=name) for table in tables_of(drawn_set, probabilities)]
            writers.append(per_writer(drawn_set.labels, predicted, drawn_set.writers).assign(set=name))
            if name in SHOWN:
                save(examples(config, name, drawn_set, predicted), tables / f"before_after_{name}.png")
        write_rows(tables / "drawings.csv", pd.concat(rows), COLUMNS)
        write_rows(tables / "per_writer.csv", pd.concat(writers), ["set", "writer", "method", "n", "accuracy"])
        save(method_bars({name: result for name, result in results.items() if result.n}), tables / "drawn.png")
    write_result(report / "drawn.json", results)
    write_json(report / "metrics" / "drawn.json", accuracies(results))
    log_stage("drawn", metadata, folder, metrics_of(results), [(report / "drawn", "drawn")])
    return results


def tables_of(drawn_set: PreprocessedSet, probabilities: Mapping[str, np.ndarray]) -> Iterator[pd.DataFrame]:
    """Yield a table per method, with one row per drawing: the predicted digit and its probability."""
    about = pd.DataFrame({"id": drawn_set.ids, "writer": drawn_set.writers, "label": drawn_set.labels})
    for method, p in probabilities.items():
        yield about.assign(method=method, prediction=p.argmax(axis=1), probability=p.max(axis=1))


def accuracies(results: Mapping[str, DrawnSet]) -> dict[str, float]:
    """Return the accuracy of the normalizer on each of the sets `MEASURED` that has drawings."""
    found = {name: results[name].methods for name in MEASURED if name in results}
    return {
        name: methods[NORMALIZED_METHOD].accuracy for name, methods in found.items() if NORMALIZED_METHOD in methods
    }


def metrics_of(results: Mapping[str, DrawnSet]) -> dict[str, float]:
    """Return the metrics of all sets and methods by their names in MLflow.

    `drawn_acc` is the one figure to compare models by: the accuracy of the normalizer, which every canvas.tflite has.
    """
    found = accuracies(results)
    reported = next((found[name] for name in REPORTED if name in found), None)
    metrics = {} if reported is None else {"drawn_acc": reported}
    for name, result in results.items():
        for method, own in result.methods.items():
            figures = {"accuracy": own.accuracy, "low": own.low, "high": own.high}
            metrics |= {f"drawn_{name}_{method}_{key}": value for key, value in figures.items()}
        metrics |= {f"form_{form}_accuracy": own.accuracy for form, own in result.forms.items()}
    return metrics


def examples(config: DrawnConfig, name: str, drawn_set: PreprocessedSet, predicted: Mapping[str, np.ndarray]) -> Figure:
    """Return a figure of examples of a set: the canvas, and the image and the prediction of each method."""
    shown = telling(drawn_set.labels, predicted, EXAMPLES)
    rendering = config.sets[name]
    return before_after(
        canvases_of(drawn_set.ids[shown], path_of(rendering.folder), rendering),
        {method: seen[shown] for method, seen in drawn_set.methods.items()},
        drawn_set.labels[shown],
        {method: own[shown] for method, own in predicted.items()},
    )


def lines(config: DrawnConfig, results: Mapping[str, DrawnSet]) -> Iterator[str]:
    """Yield a line for the terminal for each set of drawings."""
    for name, result in results.items():
        figures = ", ".join(f"{method} {own.accuracy:.1%}" for method, own in result.methods.items())
        label = f"{config.data.name}-{config.name} {name}"
        yield f"{label}: {result.n:,} drawings{': ' if figures else ''}{figures}"
