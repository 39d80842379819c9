"""Export a trained model and prove the files: python src/export.py data=mnist model=cnn [run=FOLDER]."""

from pathlib import Path
from typing import Any

from inkproof.atomic import replacing, write_json
from inkproof.config import for_run, path_of, resolve
from inkproof.entry import entry
from inkproof.exporting.agreement import check_agreement, compare
from inkproof.exporting.litert import LiteRTDigits
from inkproof.resume import log_stage
from inkproof.run_record import RunRecord
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
    from inkproof.exporting.convert import to_litert, write_saved_model  # it imports TensorFlow, by now started

    reference = predict(model, test.images)
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
    write_json(report / "export.json", results)
    write_json(report / "timing.json", timing)

    metrics = {"saved_model_kb": results["saved_model"]["kb"]}
    for kind in FILES:
        name = "tflite" if kind == "float32" else f"tflite_{kind}"
        metrics |= {f"{name}_kb": results[kind]["kb"], f"{name}_us": timing[f"{kind}_us"]}
        metrics |= {f"{name}_{key}": results[kind][key] for key in ("accuracy", "agreement")}
    log_stage("export", record, folder, metrics, [(out / file, "exports") for file in FILES.values()])
    return results


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
