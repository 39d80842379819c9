"""Read the digits that a cross-validated run left out."""

from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.splits import all_training_digits, left_out
from inkproof.evaluation.held_out import FILE_NAME, SECONDS, WAYS, HeldOut, write_held_out
from inkproof.evaluation.metrics import summarise_test
from inkproof.evaluation.views import predict_views
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.record import trained_run
from inkproof.tracking.run import log_stage


def held_out(config: dict[str, Any]) -> dict[str, float]:
    """Write held_out.npz beside the run in `config["run"]`; return errors and accuracy, as they are and with views."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    if record.config.get("folds") is None:
        raise UserError(f"{folder}: trained on all digits; train with data.val=0 folds=5 fold=0 to leave some out")
    model = load_trained(folder)
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
