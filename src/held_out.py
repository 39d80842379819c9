"""Read the digits that a cross-validated run left out: python src/held_out.py data=mnist model=vgg run=FOLDER."""

from typing import Any

from inkproof.config import for_run, path_of, resolve
from inkproof.entry import entry
from inkproof.errors import UserError
from inkproof.record.held_out import FILE_NAME, HeldOut, write_held_out
from inkproof.record.views import predict_views
from inkproof.resume import log_stage
from inkproof.run_record import RunRecord
from inkproof.scoring.summary import summarise_test
from inkproof.studies.metrics import SECONDS, WAYS
from inkproof.trained_model import load_trained


def held_out(config: dict[str, Any]) -> dict[str, float]:
    """Write held_out.npz beside the run in `config["run"]`; return errors and accuracy, as they are and with views."""
    folder = path_of(config["run"])
    record = RunRecord.read(folder)
    for_run(config, record.config)
    if record.config.get("folds") is None:
        raise UserError(f"{folder}: trained on all digits; train with data.val=0 folds=5 fold=0 to leave some out")
    model = load_trained(folder)
    from inkproof.training.folds import all_training_digits, left_out

    digits = all_training_digits(path_of(config["digits"]))
    indices = left_out(digits.labels, record.config["folds"], record.config["fold"])
    images, labels = digits.images[indices], digits.labels[indices]
    answers = {way: predict_views(model, images, way == "views") for way in WAYS}
    write_held_out(folder / FILE_NAME, HeldOut(indices, labels, answers))
    metrics = {SECONDS: record.seconds}
    for way, probabilities in answers.items():
        summary = summarise_test(probabilities, labels)
        metrics |= {f"held_out_{way}_{name}": summary[name] for name in ("accuracy", "errors", "nll")}
    log_stage("held_out", record, folder, metrics, [(folder / FILE_NAME, "held_out")])
    return metrics


@entry("held_out")
def main(cfg: Any) -> None:
    """Compose and read."""
    for name, value in held_out(resolve(cfg)).items():
        print(f"{name} {value:.6g}")


if __name__ == "__main__":
    main()
