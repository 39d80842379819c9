"""Export a trained model and verify the files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from inkproof.config.compose import path_of
from inkproof.config.stages import ExportConfig
from inkproof.data.archives import PreprocessedSet, read_preprocessed
from inkproof.data.digits import load_digits, load_test_split
from inkproof.datasets.preprocessed import canvases_of
from inkproof.evaluation.calibration import fit_temperature
from inkproof.evaluation.rejection import Rule, choose_rule, coverage_rows, rejection_rows, summarize_rejection
from inkproof.evaluation.results import (
    CanvasFile,
    ExportedFile,
    ExportResult,
    ImageFile,
    RejectionResult,
    TimingResult,
    write_result,
)
from inkproof.exporting.canvas_model import up_to_logits
from inkproof.exporting.coreml import is_installed
from inkproof.exporting.files import CANVAS_FILES, MODEL_FILES, QUANTIZATIONS, REGISTERED_MODEL
from inkproof.exporting.verify import (
    Origin,
    Verified,
    verify_canvas_files,
    verify_coreml,
    verify_image_files,
)
from inkproof.models.loading import load_trained, predict
from inkproof.preprocessing.litert import normalizer_file
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.reporting.robustness_figures import rejection_figure
from inkproof.reporting.style import save
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, sha256_of
from inkproof.tracking.provenance import describe_machine
from inkproof.tracking.registry import register_canvas
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata

LOGGED = (MODEL_FILES["float32"], MODEL_FILES["int8"], CANVAS_FILES["float32"])  # to MLflow; the others in DVC's cache
DIGITS, OOD = "digits", "ood"  # sets of thresholds.npz; ood.npz has an "ood" of its own
WRITTEN = ("pens_validation", "unipen_validation", "paper_validation")  # of thresholds.npz, if the dataset has them
# The share of correctly classified digits that is to be accepted: a digit should hardly ever be rejected.
COVERAGE = 0.995
# The largest probability that a file with uint8 output can have.
_MOST = 255 / 256


def export(metadata: RunMetadata, config: ExportConfig) -> ExportResult:
    """Write the exported files of the model in `config.run`, verified on test digits and drawings; return export.json.

    The rejection threshold is chosen on validation digits and writers, and reported on other drawings. A file with
    smaller weights that misses its bound of `config.bounds` is not written. Its result says why. Raises UserError if a
    float32 file differs from Keras, and for a run with another `data.split`: it was trained on some
    of the validation digits.
    """
    split, chosen = metadata.config.data.split, config.data.split
    if split != chosen:
        raise UserError(
            f"{config.run}: its validation digits are split by {split}, those that choose the threshold by {chosen}; "
            f"run `python src/preprocess.py corruptions data={config.data.name} data.split={split}` and add "
            f"data.split={split} here"
        )
    folder = path_of(config.run)
    report, out, digits = path_of(config.report), path_of(config.out), path_of(config.digits)
    test = load_test_split(digits)
    model = load_trained(folder)
    reference = predict(model, test.images)
    network = up_to_logits(model)
    thresholds, ood = read_sets(path_of(config.thresholds), DIGITS, OOD), read_sets(path_of(config.ood), OOD)
    validation = [thresholds[name] for name in (DIGITS, *WRITTEN) if name in thresholds]
    rule, image_rule = choose_thresholds(network, validation, thresholds[OOD])
    calibration = load_digits(digits, "train").images
    drawn = drawn_images(config, ood)
    logits = predict(network, drawn.images)
    origin = Origin(model, f"{config.data.name}-{config.name}", metadata.git_commit)
    with replacing(out) as exports:
        exports.mkdir()
        verified = verify_image_files(origin, exports, image_rule, config.bounds, calibration, test, reference)
        # Ranges of normalized digits: not every training set looks like them.
        normalized = thresholds[DIGITS].methods[NORMALIZED_METHOD]
        verified |= verify_canvas_files(
            origin,
            exports,
            rule,
            config.bounds,
            normalizer_file(),
            normalized,
            drawn.canvases,
            logits,
            drawn.labels,
            config.canvas_sample,
        )
        if is_installed():
            verified["coreml"] = verify_coreml(origin, exports, image_rule, test, reference, config.coreml_sample)
    results: ExportResult = {kind: one.result for kind, one in verified.items()}
    rejected = predict(network, ood[OOD].methods[NORMALIZED_METHOD])
    rejection = write_rejection(report, rule, logits, drawn, rejected, ood[OOD].writers)
    write_result(report / "export.json", results)
    timing = timing_of(verified, sha256_of(report / "export.json"))
    write_result(report / "timing.json", timing)

    metrics = metrics_of(results, timing) | {"rejection_auroc": rejection.rules[rule.name].auroc}
    files = [(out / file, "exports") for file in LOGGED if (out / file).exists()]
    tracker, run = log_stage("export", metadata, folder, metrics, files)
    settings = {"rule": rule.name, "threshold": rule.threshold}
    canvas, example = out / CANVAS_FILES["float32"], [test.images[0].tolist()]
    register_canvas(tracker, run, REGISTERED_MODEL, canvas, settings, example)
    return results


def choose_thresholds(
    network: keras.Model, digits: Sequence[PreprocessedSet], ood_samples: PreprocessedSet
) -> tuple[Rule, Rule]:
    """Return the rules of canvas files and of files of 28 x 28 for `network`, which ends in logits.

    Temperature and threshold come from `digits`, sets of which at least one digit is classified correctly. The
    calibrated rule is the one that detects `ood_samples` best, the out-of-distribution samples for validation. Files of
    28 x 28 have uncalibrated probabilities, so their rule is by the largest one at temperature 1.
    """
    labels = np.concatenate([drawn_set.labels for drawn_set in digits])
    logits = predict(network, np.concatenate([drawn_set.methods[NORMALIZED_METHOD] for drawn_set in digits]))
    temperature = fit_temperature(logits, labels)
    rejected = predict(network, ood_samples.methods[NORMALIZED_METHOD])
    image = choose_rule(logits, labels, rejected, 1.0, COVERAGE, ("maximum_probability",))
    canvas = choose_rule(logits, labels, rejected, temperature, COVERAGE)
    return canvas, replace(image, threshold=min(image.threshold, _MOST))


def read_sets(path: Path, *needed: str) -> dict[str, PreprocessedSet]:
    """Return the sets of an archive by name; raises UserError if it cannot be read or lacks one of the `needed`."""
    sets = dict(read_preprocessed(path))
    if missing := [name for name in needed if name not in sets]:
        again = f"python src/preprocess.py corruptions data={path.parent.name}"
        raise UserError(f"{path}: has no set {missing[0]}; run `{again}` again")
    return sets


class DrawnImages(NamedTuple):
    """N drawings: canvases (N, 280, 280), their normalized images (N, 28, 28), labels and writers (N,)."""

    canvases: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    writers: np.ndarray


def drawn_images(config: ExportConfig, sets: Mapping[str, PreprocessedSet]) -> DrawnImages:
    """Return the drawings of those `config.agreement_sets` that the dataset has; raises UserError without any."""
    parts = []
    for name in config.agreement_sets:
        if name in sets and len(sets[name].labels):
            one, rendering = sets[name], config.sets[name]
            canvases = canvases_of(one.ids, path_of(rendering.folder), rendering)
            parts.append(DrawnImages(canvases, one.methods[NORMALIZED_METHOD], one.labels, one.writers))
    if not parts:
        raise UserError(
            f"{config.ood}: has no drawings of agreement_sets={','.join(config.agreement_sets)}; "
            "run `python src/preprocess.py corruptions data=...`"
        )
    return DrawnImages(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def write_rejection(
    report: Path, rule: Rule, logits: np.ndarray, drawn: DrawnImages, rejected: np.ndarray, sources: np.ndarray
) -> RejectionResult:
    """Write rejection.json and rejection.png: drawings with logits (N, 10), and OOD samples with theirs (M, 10).

    `sources` (M,) are those of the samples. They name the kind and the template of each.
    """
    kinds = [source.split("/")[1] for source in sources]
    result = summarize_rejection(rule, logits, drawn.labels, rejected, kinds, drawn.writers, sources)
    coverage = coverage_rows(logits, drawn.labels, rule.temperature)
    save(rejection_figure(coverage, rejection_rows(rule, logits, rejected, kinds), result), report / "rejection.png")
    write_result(report / "rejection.json", result)
    return result


def timing_of(verified: Mapping[str, Verified], export_sha256: str) -> TimingResult:
    """Return the latencies of the files that run here, in microseconds with one decimal."""
    latencies: dict[str, float] = {}
    for kind, one in verified.items():
        if one.latency is not None:
            latencies[f"{kind}_us"], latencies[f"{kind}_p95_us"] = (round(value, 1) for value in one.latency)
    return TimingResult.model_validate({"machine": describe_machine(), "export_sha256": export_sha256, **latencies})


def metrics_of(results: Mapping[str, ExportedFile], timing: TimingResult) -> dict[str, float]:
    """Return the metrics of all files by their names in MLflow."""
    metrics: dict[str, float] = {}
    for kind, result in results.items():
        name = "tflite" if kind == "float32" else f"tflite_{kind}" if kind in QUANTIZATIONS else kind
        metrics[f"{name}_kb"] = result.kb
        if isinstance(result, ImageFile):
            metrics |= {f"{name}_accuracy": result.accuracy, f"{name}_agreement": result.agreement}
        elif isinstance(result, CanvasFile):
            metrics[f"{name}_agreement"] = result.agreement
        if (median := timing.median(kind)) is not None:
            metrics[f"{name}_us"] = median
    return metrics


def lines(name: str, results: Mapping[str, ExportedFile]) -> Iterator[str]:
    """Yield a line for the terminal for each file of the run `name`."""
    for kind, result in results.items():
        if not isinstance(result, ImageFile | CanvasFile):
            continue
        on = " of drawings" if isinstance(result, CanvasFile) else f" of {result.n} digits" if result.n else ""
        yield (
            f"{name} {kind}: {result.kb:,.0f} KB, accuracy{on} {result.accuracy:.2%} "
            f"({result.accuracy_difference * 100:+.2f} points against Keras), agreement {result.agreement:.2%}"
        )
        if result.missed:
            yield f"{name} {kind}: not written: {result.missed}"
    if "coreml" not in results:
        yield f"{name} coreml: skipped, coremltools is not installed (`make coreml` adds it)"
