"""Predict the digits that a cross-validated run left out."""

from inkproof.config.compose import path_of
from inkproof.config.stages import OutOfFoldConfig
from inkproof.data.splits import all_training_digits, left_out
from inkproof.evaluation.metrics import summarize_test
from inkproof.evaluation.out_of_fold import FILE_NAME, SECONDS, WAYS, OutOfFold, write_out_of_fold
from inkproof.evaluation.test_time_augmentation import predict_tta
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata


def out_of_fold(metadata: RunMetadata, config: OutOfFoldConfig) -> dict[str, float]:
    """Write out_of_fold.npz beside the run in `config.run`; return its metrics, plain and with TTA."""
    folder = path_of(config.run)
    training, split = metadata.config.training, metadata.config.data.split
    if training.folds is None:
        raise UserError(
            f"{folder}: trained on all digits; train with data.val=0 training.folds=5 training.fold=0 to leave some out"
        )
    model = load_trained(folder)
    digits = all_training_digits(path_of(config.digits))
    indices = left_out(path_of(config.digits), split, training.folds, training.fold)
    images, labels = digits.images[indices], digits.labels[indices]
    probabilities = {way: predict_tta(model, images, way == "tta") for way in WAYS}
    write_out_of_fold(folder / FILE_NAME, OutOfFold(indices, labels, probabilities))
    metrics = {SECONDS: metadata.seconds}
    for way, own in probabilities.items():
        summary = summarize_test(own, labels)
        figures = {"accuracy": summary.accuracy, "errors": summary.errors, "nll": summary.nll}
        metrics |= {f"out_of_fold_{way}_{name}": value for name, value in figures.items()}
    log_stage("out_of_fold", metadata, folder, metrics, [(folder / FILE_NAME, "out_of_fold")])
    return metrics
