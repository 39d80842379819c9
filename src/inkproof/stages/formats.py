"""Compare the quantizations of an exported file by size and accuracy.

For studies, which ask what each quantization costs on drawings, too; `export` proves the files that people get.
"""

from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.digits import load_digits, load_test_split
from inkproof.datasets.preprocessed import WHOLE, read_preprocessed
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.files import QUANTIZATIONS, kilobytes
from inkproof.exporting.readers import LiteRTDigits
from inkproof.models.loading import load_trained
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import trained_run


def formats(config: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Write formats.json of the model in `config["run"]`: of each quantization its KB and what it reads right."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    digits = path_of(config["digits"])
    test = load_test_split(digits)
    model = load_trained(folder)
    sets = {name: one for name, one in read_preprocessed(path_of(config["frames"])) if len(one.labels)}
    calibration = load_digits(digits, "train").images
    results: dict[str, dict[str, float]] = {}
    with replacing(path_of(config["out"]).with_name("formats")) as files:
        write_saved_model(model, files / "saved_model")
        for quantization in QUANTIZATIONS:
            path = files / f"model_{quantization}.tflite"
            path.write_bytes(to_litert(files / "saved_model", quantization, calibration))
            reader = LiteRTDigits(path, side_by_side=2)
            right = reader.probabilities(test.images).argmax(axis=1) == test.labels
            results[quantization] = {"kb": kilobytes(path, decimals=2), "accuracy": float(right.mean())}
            for name, one in sets.items():
                right = reader.probabilities(one.methods[WHOLE]).argmax(axis=1) == one.labels
                results[quantization][f"{name}_accuracy"] = float(right.mean())
    write_json(path_of(config["report"]) / "formats.json", results)
    log_stage(
        "formats",
        record,
        folder,
        {f"{quantization}_{k}": v for quantization, of in results.items() for k, v in of.items()},
    )
    return results
