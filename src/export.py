"""Export a trained model and prove the files: python src/export.py data=mnist model=cnn [run=FOLDER]."""

from pathlib import Path
from typing import Any

import numpy as np

from inkproof.atomic import replacing, write_json
from inkproof.config import for_run, path_of, resolve
from inkproof.entry import entry
from inkproof.exporting.agreement import check_agreement, check_canvases, compare, compare_canvases
from inkproof.exporting.canvas_reader import CANVAS_FILE, CanvasReader
from inkproof.exporting.litert import LiteRTDigits
from inkproof.ink.drawn_frames import WHOLE, DrawnFrames, canvases_of, read_frames
from inkproof.reporting.rejection import rejection_figure
from inkproof.reporting.saving import save
from inkproof.resume import log_stage
from inkproof.run_record import RunRecord
from inkproof.scoring.rejection import summarise_rejection
from inkproof.scoring.rejection_curves import coverage_rows, refusal_rows
from inkproof.sources.digits import load_digits, load_test_split
from inkproof.tracking import describe_machine
from inkproof.trained_model import load_trained, predict

FILES = {"float32": "model.tflite", "int8": "model_int8.tflite"}


def export(config: dict[str, Any]) -> dict[str, Any]:
    """Write the exports of the model in `config["run"]`, run every test digit through them; return export.json."""
    folder = path_of(config["run"])
    record = RunRecord.read(folder)
    config = for_run(config, record.config)
    report, out = path_of(config["report"]), path_of(config["out"])
    digits = path_of(config["digits"])
    test = load_test_split(digits)
    model = load_trained(folder)
    # These import TensorFlow, by now started.
    from inkproof.exporting.acceptance import choose_acceptance
    from inkproof.exporting.canvas_model import canvas_model, up_to_logits
    from inkproof.exporting.convert import to_litert, write_saved_model

    reference = predict(model, test.images)
    network = up_to_logits(model)
    drawn = dict(read_frames(path_of(config["frames"])))
    acceptance = dict(read_frames(path_of(config["acceptance"])))
    results: dict[str, Any] = {}
    timing: dict[str, Any] = {"machine": describe_machine()}
    with replacing(out) as exports:
        write_saved_model(model, exports / "saved_model")
        results["saved_model"] = {"kb": kilobytes(exports / "saved_model")}
        calibration = load_digits(digits, "train").images
        for kind, file in FILES.items():
            path = exports / file
            path.write_bytes(to_litert(exports / "saved_model", calibration if kind == "int8" else None))
            reader = LiteRTDigits(path)
            compared = compare(reference, reader.probabilities(test.images), test.labels)
            results[kind] = {"kb": kilobytes(path), **compared}
            timing[f"{kind}_us"] = round(reader.median_microseconds(test.images[0]), 1)
        check_agreement(results["float32"], results["int8"], len(test.labels))
        kept = [drawn_set for name, drawn_set in drawn.items() if name in config["acceptance_sets"]]
        rule = choose_acceptance(network, [acceptance["validation"], *kept], acceptance["choices"])
        name = f"{record.config['data']['name']}-{record.config['model']['name']}"
        path = exports / CANVAS_FILE
        path.write_bytes(canvas_model(network, rule, name))
        on_canvases = CanvasReader(path)
        canvases, frames, labels, writers = drawn_canvases(config, drawn)
        logits = predict(network, frames)
        compared = compare_canvases(on_canvases.read(canvases), logits, rule)
        check_canvases(compared)
        results["canvas"] = {"kb": kilobytes(path), "rule": rule.name, "temperature": rule.temperature, **compared}
        timing["canvas_us"] = round(on_canvases.median_microseconds(canvases[0]), 1)
    others = acceptance["reporting"]
    refused = predict(network, others.rungs[WHOLE])
    kinds = [source.split("/")[1] for source in others.writers]
    rejection = summarise_rejection(rule, logits, labels, refused, kinds, writers, others.writers)
    curves = coverage_rows(logits, labels, rule.temperature), refusal_rows(rule, logits, refused, kinds)
    save(rejection_figure(*curves, rejection), report / "rejection.png")
    write_json(report / "rejection.json", rejection)
    write_json(report / "export.json", results)
    write_json(report / "timing.json", timing)

    metrics = {"saved_model_kb": results["saved_model"]["kb"]}
    for kind in FILES:
        name = "tflite" if kind == "float32" else f"tflite_{kind}"
        metrics |= {f"{name}_kb": results[kind]["kb"], f"{name}_us": timing[f"{kind}_us"]}
        metrics |= {f"{name}_{key}": results[kind][key] for key in ("accuracy", "agreement")}
    metrics |= {"canvas_kb": results["canvas"]["kb"], "canvas_us": timing["canvas_us"]}
    metrics |= {"canvas_agreement": results["canvas"]["agreement"]}
    metrics |= {"rejection_auroc": rejection["rules"][rule.name]["auroc"]}
    log_stage("export", record, folder, metrics, [(out / file, "exports") for file in (*FILES.values(), CANVAS_FILE)])
    return results


def drawn_canvases(
    config: dict[str, Any], drawn: dict[str, DrawnFrames]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the drawings on which canvas.tflite is tried: canvases (N, 280, 280), frames, labels and writers."""
    parts = []
    for name, frames in drawn.items():
        if name in config["agreement_sets"] and len(frames.labels):
            chosen = config["sets"][name]
            canvases = canvases_of(frames.ids, path_of(chosen["folder"]), chosen)
            parts.append((canvases, frames.rungs[WHOLE], frames.labels, frames.writers))
    canvases, seen, labels, writers = (np.concatenate(part) for part in zip(*parts, strict=True))
    return canvases, seen, labels, writers


def kilobytes(path: Path) -> float:
    """Return the size of a file, or of all files in a folder, in kilobytes of 1,024 bytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files if file.is_file()) / 1024, 1)


@entry("export")
def main(cfg: Any) -> None:
    """Compose and export."""
    config = resolve(cfg)
    for kind, result in export(config).items():
        if "accuracy" in result:
            print(
                f"{config['data']['name']}-{config['model']['name']} {kind}: {result['kb']:,.0f} KB, "
                f"accuracy {result['accuracy']:.2%} ({result['accuracy_difference'] * 100:+.2f} points against Keras), "
                f"agreement {result['agreement']:.2%}"
            )


if __name__ == "__main__":
    main()
