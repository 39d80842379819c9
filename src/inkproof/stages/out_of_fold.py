"""Read the digits that a cross-validated run left out."""

from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.splits import all_training_digits, left_out
from inkproof.evaluation.metrics import summarize_test
from inkproof.evaluation.out_of_fold import FILE_NAME, SECONDS, WAYS, OutOfFold, write_out_of_fold
from inkproof.evaluation.test_time_augmentation import predict_tta
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import trained_run


def out_of_fold(config: dict[str, Any]) -> dict[str, float]:
    """Write out_of_fold.npz beside the run in `config["run"]`; return errors and accuracy, as they are and with views."""
    folder = path_of(config["run"])
    record, config = trained_run(config)
    if record.config.get("folds") is None:
        raise UserError(f"{folder}: trained on all digits; train with data.val=0 folds=5 fold=0 to leave some out")
    model = load_trained(folder)
    digits = all_training_digits(path_of(config["digits"]))
    indices = left_out(digits.labels, record.config["folds"], record.config["fold"])
    images, labels = digits.images[indices], digits.labels[indices]
    answers = {way: predict_tta(model, images, way == "tta") for way in WAYS}
    write_out_of_fold(folder / FILE_NAME, OutOfFold(indices, labels, answers))
    metrics = {SECONDS: record.seconds}
    for way, probabilities in answers.items():
        summary = summarize_test(probabilities, labels)
        metrics |= {f"out_of_fold_{way}_{name}": summary[name] for name in ("accuracy", "errors", "nll")}
    log_stage("out_of_fold", record, folder, metrics, [(folder / FILE_NAME, "out_of_fold")])
    return metrics
