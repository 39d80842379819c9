"""Read drawn digits with an exported model: python src/drawn.py data=mnist model=cnn [run=FOLDER]."""

from functools import cache
from typing import Any

import numpy as np

from inkproof.atomic import replacing, write_json
from inkproof.config import for_run, path_of, resolve
from inkproof.entry import entry
from inkproof.exporting.litert import LiteRTDigits
from inkproof.ink.canvas import load_canvases
from inkproof.ink.rungs import apply_rung
from inkproof.reporting.before_after import before_after, telling
from inkproof.reporting.rungs import rung_bars
from inkproof.reporting.saving import save
from inkproof.reporting.tables import write_rows
from inkproof.resume import log_stage
from inkproof.run_record import RunRecord
from inkproof.scoring.drawn import per_writer, summarise_set
from inkproof.sources.drawings import Drawing, read_drawings
from inkproof.sources.pens import of_role

EXAMPLES = 6  # drawings shown before and after preparation


def drawn(config: dict[str, Any]) -> dict[str, Any]:
    """Write drawn.json and drawn/ of an exported model; return what drawn.json holds."""
    folder = path_of(config["run"])
    record = RunRecord.read(folder)
    config = for_run(config, record.config)
    report = path_of(config["report"])
    reader = LiteRTDigits(path_of(config["exported"]))
    results: dict[str, Any] = {}
    read_folder = cache(read_drawings)  # two sets are parts of the pen digits, nine megabytes to parse
    rows: list[dict[str, Any]] = []
    writer_rows: list[dict[str, Any]] = []
    with replacing(report / "drawn") as tables:
        for name in config["data"]["drawn_sets"]:
            chosen = config["sets"][name]
            drawings = read_folder(path_of(chosen["folder"]))
            if chosen["role"] is not None:
                drawings = of_role(drawings, config["pens"], chosen["role"])
            drawings = [drawing for drawing in drawings if drawing.label is not None]
            canvases = load_canvases(path_of(chosen["folder"]), drawings, config["brush"])
            read = read_set(drawings, canvases, config["rungs"], reader)
            results[name] = summarise_set(read["labels"], read["predictions"], read["writers"])
            rows += [{"set": name, **row} for row in read["rows"]]
            writer_rows += [
                {"set": name, **row} for row in per_writer(read["labels"], read["predictions"], read["writers"])
            ]
            if len(read["labels"]) and name != "pens_kept":
                shown = telling(read["labels"], read["predictions"], EXAMPLES)
                figure = before_after(
                    canvases[shown],
                    {rung: pictures[shown] for rung, pictures in read["pictures"].items()},
                    read["labels"][shown],
                    {rung: answers[shown] for rung, answers in read["predictions"].items()},
                )
                save(figure, tables / f"before_after_{name}.png")
        write_rows(tables / "drawings.csv", ["set", "id", "writer", "label", "rung", "prediction", "probability"], rows)
        write_rows(tables / "per_writer.csv", ["set", "writer", "rung", "n", "accuracy"], writer_rows)
        save(rung_bars({name: result for name, result in results.items() if result["n"]}), tables / "drawn.png")
    write_json(report / "drawn.json", results)

    metrics = {
        f"drawn_{name}_{rung}_{key}": result[rung][key]
        for name, result in results.items()
        for rung in config["rungs"]
        for key in ("accuracy", "low", "high")
        if rung in result
    }
    log_stage("drawn", record, folder, metrics, [(report / "drawn", "drawn")])
    return results


def read_set(drawings: list[Drawing], canvases: np.ndarray, rungs: list[str], reader: LiteRTDigits) -> dict[str, Any]:
    """Return what is seen and read on each rung of drawings, whose canvases are uint8 (N, 280, 280)."""
    pictures = {rung: apply_rung(rung, canvases) for rung in rungs}
    probabilities = {rung: reader.probabilities(seen) for rung, seen in pictures.items()}
    rows = [
        {
            "id": drawing.id,
            "writer": drawing.writer,
            "label": drawing.label,
            "rung": rung,
            "prediction": int(row.argmax()),
            "probability": float(row.max()),
        }
        for rung, answers in probabilities.items()
        for drawing, row in zip(drawings, answers, strict=True)
    ]
    return {
        "labels": np.array([drawing.label for drawing in drawings], np.int64),
        "writers": np.array([drawing.writer for drawing in drawings]),
        "pictures": pictures,
        "predictions": {rung: answers.argmax(axis=1) for rung, answers in probabilities.items()},
        "rows": rows,
    }


@entry("drawn")
def main(cfg: Any) -> None:
    """Compose and read the drawings."""
    config = resolve(cfg)
    for name, result in drawn(config).items():
        figures = ", ".join(f"{rung} {result[rung]['accuracy']:.1%}" for rung in config["rungs"] if rung in result)
        label = f"{config['data']['name']}-{config['model']['name']} {name}"
        print(f"{label}: {result['n']:,} drawings{': ' if figures else ''}{figures}")


if __name__ == "__main__":
    main()
