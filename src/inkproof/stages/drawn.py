"""Read drawn digits with an exported model, prepared in several ways."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from inkproof.config.compose import path_of
from inkproof.datasets.drawn_frames import DrawnFrames, canvases_of, read_frames
from inkproof.evaluation.metrics import per_writer, summarise_set
from inkproof.exporting.readers import LiteRTDigits
from inkproof.preprocessing.rungs import RUNGS
from inkproof.reporting.drawn_figures import before_after, rung_bars, telling
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.record import trained_run
from inkproof.tracking.run import log_stage

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
        for name, drawn_set in read_frames(path_of(config["frames"])):
            read = {rung: reader.probabilities(seen) for rung, seen in drawn_set.rungs.items()}
            answers = {rung: probabilities.argmax(axis=1) for rung, probabilities in read.items()}
            results[name] = summarise_set(drawn_set.labels, answers, drawn_set.writers)
            rows += [{"set": name, **row} for row in rows_of(drawn_set, read)]
            writer_rows += [{"set": name, **row} for row in per_writer(drawn_set.labels, answers, drawn_set.writers)]
            if len(drawn_set.labels) and name in SHOWN:
                save(examples(config, name, drawn_set, answers), tables / f"before_after_{name}.png")
        write_rows(tables / "drawings.csv", rows, ["set", "id", "writer", "label", "rung", "prediction", "probability"])
        write_rows(tables / "per_writer.csv", writer_rows, ["set", "writer", "rung", "n", "accuracy"])
        save(rung_bars({name: result for name, result in results.items() if result["n"]}), tables / "drawn.png")
    write_json(report / "drawn.json", results)

    metrics = {
        f"drawn_{name}_{rung}_{key}": result[rung][key]
        for name, result in results.items()
        for rung in RUNGS
        for key in ("accuracy", "low", "high")
        if rung in result
    }
    log_stage("drawn", record, folder, metrics, [(report / "drawn", "drawn")])
    return results


def rows_of(drawn_set: DrawnFrames, read: dict[str, np.ndarray]) -> Iterator[dict[Any, Any]]:
    """Yield one row a drawing and rung: what was read, and with what probability."""
    about = pd.DataFrame({"id": drawn_set.ids, "writer": drawn_set.writers, "label": drawn_set.labels})
    for rung, p in read.items():
        rows = about.assign(rung=rung, prediction=p.argmax(axis=1), probability=p.max(axis=1))
        yield from rows.to_dict("records")


def examples(config: dict[str, Any], name: str, drawn_set: DrawnFrames, answers: dict[str, np.ndarray]) -> Figure:
    """Return a figure of telling drawings of a set: the canvas, and what was seen and read on each rung."""
    shown = telling(drawn_set.labels, answers, EXAMPLES)
    chosen = config["sets"][name]
    return before_after(
        canvases_of(drawn_set.ids[shown], path_of(chosen["folder"]), chosen),
        {rung: seen[shown] for rung, seen in drawn_set.rungs.items()},
        drawn_set.labels[shown],
        {rung: read[shown] for rung, read in answers.items()},
    )


def lines(config: dict[str, Any], results: dict[str, Any]) -> Iterator[str]:
    """Yield what is said of each set of drawings on the terminal."""
    for name, result in results.items():
        figures = ", ".join(f"{rung} {result[rung]['accuracy']:.1%}" for rung in RUNGS if rung in result)
        label = f"{config['data']['name']}-{config['model']['name']} {name}"
        yield f"{label}: {result['n']:,} drawings{': ' if figures else ''}{figures}"
