"""Read drawn digits with an exported model, prepared in several ways."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from inkproof.config.compose import path_of
from inkproof.config.schema import METHODS
from inkproof.datasets.preprocessed import PreprocessedSet, canvases_of, read_preprocessed
from inkproof.evaluation.metrics import per_writer, summarize_set
from inkproof.exporting.readers import LiteRTDigits
from inkproof.reporting.drawn_figures import before_after, method_bars, telling
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import trained_run

EXAMPLES = 6  # drawings shown before and after preparation


SHOWN = ("starter", "mine", "pens", "pens_pixels")  # the other sets are the pen digits in another dress


def drawn(config: dict[str, Any]) -> dict[str, Any]:
    """Write drawn.json and drawn/ of an exported model; return what drawn.json holds."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    report = path_of(config["report"])
    reader = LiteRTDigits(path_of(config["exported"]), side_by_side=2)
    results: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    writer_rows: list[dict[str, Any]] = []
    with replacing(report / "drawn") as tables:
        for name, drawn_set in read_preprocessed(path_of(config["frames"])):
            read = {method: reader.probabilities(seen) for method, seen in drawn_set.methods.items()}
            answers = {method: probabilities.argmax(axis=1) for method, probabilities in read.items()}
            results[name] = summarize_set(drawn_set.labels, answers, drawn_set.writers)
            rows += [{"set": name, **row} for row in rows_of(drawn_set, read)]
            writer_rows += [{"set": name, **row} for row in per_writer(drawn_set.labels, answers, drawn_set.writers)]
            if len(drawn_set.labels) and name in SHOWN:
                save(examples(config, name, drawn_set, answers), tables / f"before_after_{name}.png")
        write_rows(
            tables / "drawings.csv", rows, ["set", "id", "writer", "label", "method", "prediction", "probability"]
        )
        write_rows(tables / "per_writer.csv", writer_rows, ["set", "writer", "method", "n", "accuracy"])
        save(method_bars({name: result for name, result in results.items() if result["n"]}), tables / "drawn.png")
    write_json(report / "drawn.json", results)

    metrics = {
        f"drawn_{name}_{method}_{key}": result[method][key]
        for name, result in results.items()
        for method in METHODS
        for key in ("accuracy", "low", "high")
        if method in result
    }
    log_stage("drawn", record, folder, metrics, [(report / "drawn", "drawn")])
    return results


def rows_of(drawn_set: PreprocessedSet, read: dict[str, np.ndarray]) -> Iterator[dict[Any, Any]]:
    """Yield one row a drawing and method: what was read, and with what probability."""
    about = pd.DataFrame({"id": drawn_set.ids, "writer": drawn_set.writers, "label": drawn_set.labels})
    for method, p in read.items():
        rows = about.assign(method=method, prediction=p.argmax(axis=1), probability=p.max(axis=1))
        yield from rows.to_dict("records")


def examples(config: dict[str, Any], name: str, drawn_set: PreprocessedSet, answers: dict[str, np.ndarray]) -> Figure:
    """Return a figure of telling drawings of a set: the canvas, and what was seen and read on each method."""
    shown = telling(drawn_set.labels, answers, EXAMPLES)
    chosen = config["sets"][name]
    return before_after(
        canvases_of(drawn_set.ids[shown], path_of(chosen["folder"]), chosen),
        {method: seen[shown] for method, seen in drawn_set.methods.items()},
        drawn_set.labels[shown],
        {method: read[shown] for method, read in answers.items()},
    )


def lines(config: dict[str, Any], results: dict[str, Any]) -> Iterator[str]:
    """Yield what is said of each set of drawings on the terminal."""
    for name, result in results.items():
        figures = ", ".join(f"{method} {result[method]['accuracy']:.1%}" for method in METHODS if method in result)
        label = f"{config['data']['name']}-{config['model']['name']} {name}"
        yield f"{label}: {result['n']:,} drawings{': ' if figures else ''}{figures}"
