"""Export a trained model and prove the files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inkproof.config.compose import path_of
from inkproof.data.digits import load_digits, load_test_split
from inkproof.datasets.preprocessed import WHOLE, PreprocessedSet, canvases_of, read_preprocessed
from inkproof.evaluation.rejection import coverage_rows, rejection_rows, summarize_rejection
from inkproof.exporting.canvas_model import normalizer_part, up_to_logits
from inkproof.exporting.coreml import is_installed
from inkproof.exporting.files import CANVAS_FILES, MODEL_FILES, NORMALIZER_FILE, QUANTIZATIONS
from inkproof.exporting.verify import (
    Origin,
    choose_thresholds,
    spread,
    verify_canvas_files,
    verify_coreml,
    verify_image_files,
)
from inkproof.models.loading import load_trained, predict
from inkproof.reporting.robustness_figures import rejection_figure
from inkproof.reporting.style import save
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.provenance import describe_machine
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import trained_run

LOGGED = (MODEL_FILES["float32"], MODEL_FILES["int8"], CANVAS_FILES["float32"])  # to MLflow; the others in DVC's cache


def export(config: dict[str, Any]) -> dict[str, Any]:
    """Write the exports of the model in `config["run"]`, run every test digit through them; return export.json."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    report, out = path_of(config["report"]), path_of(config["out"])
    digits = path_of(config["digits"])
    test = load_test_split(digits)
    model = load_trained(folder)
    reference = predict(model, test.images)
    network = up_to_logits(model)
    drawn = dict(read_preprocessed(path_of(config["frames"])))
    thresholds = dict(read_preprocessed(path_of(config["thresholds"])))
    kept = [drawn_set for name, drawn_set in drawn.items() if name in config["threshold_sets"]]
    rule, image_rule = choose_thresholds(network, [thresholds["validation"], *kept], thresholds["validation"])
    calibration = load_digits(digits, "train").images
    canvases, frames, labels, writers = drawn_canvases(config, drawn)
    logits = predict(network, frames)
    origin = Origin(model, f"{record.config['data']['name']}-{record.config['model']['name']}", record.git_commit)
    with replacing(out) as exports:
        exports.mkdir()
        verified = verify_image_files(origin, exports, image_rule, calibration, test, reference)
        layer = NORMALIZER_FILE.read_bytes() if NORMALIZER_FILE.exists() else normalizer_part()
        # Ranges of what the layer gives, which is not what every training set looks like.
        normalized = thresholds["validation"].methods[WHOLE]
        verified |= verify_canvas_files(origin, exports, rule, layer, normalized, canvases, logits, labels)
        if is_installed():
            sample = spread(test, reference, config["coreml_sample"])
            verified["coreml"] = verify_coreml(origin, exports, image_rule, *sample)
    results = {kind: one.result for kind, one in verified.items()}
    timing: dict[str, Any] = {"machine": describe_machine()}
    for kind, one in verified.items():
        if one.latency is not None:
            timing[f"{kind}_us"], timing[f"{kind}_p95_us"] = (round(value, 1) for value in one.latency)
    others = thresholds["test"]
    rejected = predict(network, others.methods[WHOLE])
    kinds = [source.split("/")[1] for source in others.writers]
    rejection = summarize_rejection(rule, logits, labels, rejected, kinds, writers, others.writers)
    curves = coverage_rows(logits, labels, rule.temperature), rejection_rows(rule, logits, rejected, kinds)
    save(rejection_figure(*curves, rejection), report / "rejection.png")
    write_json(report / "rejection.json", rejection)
    write_json(report / "export.json", results)
    write_json(report / "timing.json", timing)

    metrics = metrics_of(results, timing) | {"rejection_auroc": rejection["rules"][rule.name]["auroc"]}
    log_stage("export", record, folder, metrics, [(out / file, "exports") for file in LOGGED])
    return results


def metrics_of(results: dict[str, Any], timing: dict[str, Any]) -> dict[str, float]:
    """Return the metrics of all files by the names that MLflow's table has for them."""
    metrics: dict[str, float] = {}
    for kind, result in results.items():
        name = "tflite" if kind == "float32" else f"tflite_{kind}" if kind in QUANTIZATIONS else kind
        keys = ("kb", "agreement") if kind.startswith("canvas") else ("kb", "accuracy", "agreement")
        metrics |= {f"{name}_{key}": result[key] for key in keys if key in result}
        metrics |= {f"{name}_us": timing[f"{kind}_us"]} if f"{kind}_us" in timing else {}
    return metrics


def drawn_canvases(
    config: dict[str, Any], drawn: dict[str, PreprocessedSet]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the drawings on which canvas.tflite is tried: canvases (N, 280, 280), frames, labels and writers."""
    parts = []
    for name, frames in drawn.items():
        if name in config["agreement_sets"] and len(frames.labels):
            chosen = config["sets"][name]
            canvases = canvases_of(frames.ids, path_of(chosen["folder"]), chosen)
            parts.append((canvases, frames.methods[WHOLE], frames.labels, frames.writers))
    canvases, seen, labels, writers = (np.concatenate(part) for part in zip(*parts, strict=True))
    return canvases, seen, labels, writers


def lines(name: str, results: dict[str, Any]) -> Iterator[str]:
    """Yield what is said of each file of the run `name` on the terminal."""
    for kind, result in results.items():
        if "accuracy" in result:
            on = " of drawings" if kind.startswith("canvas") else f" of {result['n']} digits" if "n" in result else ""
            yield (
                f"{name} {kind}: {result['kb']:,.0f} KB, accuracy{on} {result['accuracy']:.2%} "
                f"({result['accuracy_difference'] * 100:+.2f} points against Keras), "
                f"agreement {result['agreement']:.2%}"
            )
    if "coreml" not in results:
        yield f"{name} coreml: skipped, coremltools is not installed (`make coreml` adds it)"


def layer() -> Path:
    """Write the normalization that every canvas.tflite begins with as a LiteRT file; return the file."""
    with replacing(NORMALIZER_FILE) as temporary:
        temporary.write_bytes(normalizer_part())
    return NORMALIZER_FILE
