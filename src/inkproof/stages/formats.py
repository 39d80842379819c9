"""Compare the quantizations of an exported file by size, accuracy and latency.

For studies, which ask what each quantization costs on drawings, too. `export` verifies the files that people get.
"""

import numpy as np

from inkproof.config.compose import path_of
from inkproof.config.stages import FormatsConfig
from inkproof.data.archives import read_preprocessed
from inkproof.data.digits import load_digits, load_test_split
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.files import QUANTIZATIONS, kilobytes
from inkproof.exporting.predictors import LiteRTDigits, stored_weights
from inkproof.models.loading import load_trained
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata


def formats(metadata: RunMetadata, config: FormatsConfig) -> dict[str, dict[str, float]]:
    """Write formats.json of the model in `config.run`; return its content.

    It has by quantization `kb`, `accuracy` on test digits, `us`, the median latency in microseconds on one thread, and
    `<set>_accuracy` on each set of drawings. float32 also has `weights`, as the file stores them.
    """
    folder = path_of(config.run)
    digits = path_of(config.digits)
    test = load_test_split(digits)
    model = load_trained(folder)
    sets = {name: one for name, one in read_preprocessed(path_of(config.drawings)) if len(one.labels)}
    calibration = load_digits(digits, "train").images
    results: dict[str, dict[str, float]] = {}
    with replacing(path_of(config.out).with_name("formats")) as files:
        write_saved_model(model, files / "saved_model")
        for quantization in QUANTIZATIONS:
            path = files / f"model_{quantization}.tflite"
            path.write_bytes(to_litert(files / "saved_model", quantization, calibration))
            exported = LiteRTDigits(path, threads=2)
            results[quantization] = {
                "kb": kilobytes(path, decimals=2),
                "accuracy": accuracy(exported, test.images, test.labels),
                "us": round(exported.latency(test.images[0]).median, 1),
            }
            if quantization == "float32":
                results[quantization]["weights"] = stored_weights(path.read_bytes())
            for name, one in sets.items():
                found = accuracy(exported, one.methods[NORMALIZED_METHOD], one.labels)
                results[quantization][f"{name}_accuracy"] = found
    write_json(path_of(config.report) / "formats.json", results)
    metrics = {f"{quantization}_{key}": value for quantization, own in results.items() for key, value in own.items()}
    log_stage("formats", metadata, folder, metrics)
    return results


def accuracy(exported: LiteRTDigits, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy of an exported file on images uint8 (N, 28, 28) with labels (N,)."""
    return float((exported.probabilities(images).argmax(axis=1) == labels).mean())
