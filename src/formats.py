"""Compare the kinds of exported file by size and accuracy: python src/formats.py data=mnist model=cnn run=FOLDER.

For studies; the pipeline exports float32 and int8 alone. float16 halves the weights, dynamic keeps them in int8 and
computes in float32, int8 does everything in integers.
"""

from typing import Any

from inkproof.atomic import replacing, write_json
from inkproof.config import for_run, path_of, resolve
from inkproof.entry import entry
from inkproof.exporting.litert import LiteRTDigits
from inkproof.ink.drawn_frames import WHOLE, read_frames
from inkproof.resume import log_stage
from inkproof.run_record import RunRecord
from inkproof.sources.digits import load_digits, load_test_split
from inkproof.studies.metrics import FORMATS
from inkproof.trained_model import load_trained


def formats(config: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Write formats.json of the model in `config["run"]`: of each kind of file its KB and what it reads right."""
    folder = path_of(config["run"])
    record = RunRecord.read(folder)
    config = for_run(config, record.config)
    digits = path_of(config["digits"])
    test = load_test_split(digits)
    model = load_trained(folder)
    # This imports TensorFlow, by now started.
    from inkproof.exporting.convert import write_saved_model
    from inkproof.studies.smaller_files import convert

    sets = {name: one for name, one in read_frames(path_of(config["frames"])) if len(one.labels)}
    calibration = load_digits(digits, "train").images
    results: dict[str, dict[str, float]] = {}
    with replacing(path_of(config["out"]).with_name("formats")) as files:
        write_saved_model(model, files / "saved_model")
        for kind in FORMATS:
            path = files / f"model_{kind}.tflite"
            path.write_bytes(convert(files / "saved_model", kind, calibration))
            reader = LiteRTDigits(path)
            right = reader.probabilities(test.images).argmax(axis=1) == test.labels
            results[kind] = {"kb": round(path.stat().st_size / 1024, 2), "accuracy": float(right.mean())}
            for name, one in sets.items():
                right = reader.probabilities(one.rungs[WHOLE]).argmax(axis=1) == one.labels
                results[kind][f"{name}_accuracy"] = float(right.mean())
    write_json(path_of(config["report"]) / "formats.json", results)
    log_stage("formats", record, folder, {f"{kind}_{k}": v for kind, of in results.items() for k, v in of.items()})
    return results


@entry("export")
def main(cfg: Any) -> None:
    """Compose and compare."""
    for kind, result in formats(resolve(cfg)).items():
        print(f"{kind}: {result['kb']:,.1f} KB, {result['accuracy']:.2%} of the test digits")


if __name__ == "__main__":
    main()
