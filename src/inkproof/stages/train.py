"""Train one model, or reuse what an earlier call of the same configuration has trained."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkproof.config.compose import path_of
from inkproof.config.schema import check_training
from inkproof.data.digits import data_sha, digits_file
from inkproof.data.download import prepare, prepare_absent
from inkproof.models.loading import start_from
from inkproof.runtime.errors import Diverged
from inkproof.tracking.identity import code_sha, identity, run_key
from inkproof.tracking.provenance import describe_machine, git_commit
from inkproof.tracking.registry import registered_name
from inkproof.tracking.run import Run
from inkproof.tracking.run_metadata import RunMetadata, copy_artifacts, initial_weights_of
from inkproof.training.build import Parts, assemble, in_float32
from inkproof.training.loop import fit
from inkproof.training.precision import has_bfloat16, resolve_policy


def train(config: dict[str, Any], say: Callable[[str], None] = print) -> dict[str, float]:
    """Train, or reuse, the run that the resolved `config` describes; return the kept epoch's metrics."""
    check_training(config)
    digits = prepared_digits(config)
    with Run.open(metadata_of(config, digits), force=config["force"]) as run:
        if run.finished:
            say(f"{run.record.name}: trained before, reused ({run.record.folder}); force=true trains anew")
        else:
            # Built before MLflow hears of it: a configuration that cannot be built leaves no failed run behind.
            parts = assemble(config, digits, run.record.config["precision"]["policy"])
            if config["init"] is not None:
                start_from(parts.model, config["init"])
            fit_and_save(run, parts, config)
    if config["out"]:
        copy_artifacts(run.record.folder, path_of(config["out"]))
    say(summary(run.record))
    return run.record.metrics


def fit_and_save(run: Run, parts: Parts, config: dict[str, Any]) -> None:
    """Train `parts` from where the run stands to its end, and save what came of it."""
    splits = {"training": parts.training, "validation": parts.val}
    run.begin({context: len(split.labels) for context, split in splits.items() if split is not None})

    def on_epoch(row: dict[str, float]) -> None:
        run.epoch(row)
        check_loss(row)

    def on_resume(rows: list[dict[str, float]]) -> None:
        run.epochs(rows)
        check_loss(rows[-1])

    outcome = fit(
        parts.model,
        parts.training,
        parts.val,
        parts.plan,
        parts.make_optimizer,
        parts.callbacks,
        run.record.folder,
        on_epoch=on_epoch,
        on_resume=on_resume,
        verbose=1 if sys.stdout.isatty() else 2,
        teacher=parts.teacher,
    )
    model = in_float32(parts.model, config)
    metrics = {**outcome.metrics, "parameters": model.count_params()}
    name = registered_name(config["data"]["name"]) if config["register"] else None
    run.save(model, outcome.history, metrics, outcome.seconds, name)


def prepared_digits(config: dict[str, Any]) -> Path:
    """Return the digits file of the configuration, made where it is absent or has to be looked at again."""
    digits = path_of(config["digits"])
    if config["data"].get("grows") and digits == digits_file(path_of(config["data"]["folder"])):
        prepare(config["data"], digits.parent)
    else:
        prepare_absent(config["data"], digits)
    return digits


def metadata_of(config: dict[str, Any], digits: Path) -> RunMetadata:
    """Return the record of a run that is to train as `config` says, with its identity."""
    asked = config["precision"]["policy"]
    policy = resolve_policy(asked, config["model"]["convolutional"], has_bfloat16())
    chosen = identity(config, policy)
    if "teacher" in chosen:  # who taught it, wherever that lies
        taught = [RunMetadata.read(path_of(folder)).key for folder in config["teacher"]["runs"]]
        chosen["teacher"] = {**chosen["teacher"], "runs": taught}
    sha, code = data_sha(digits), code_sha()
    return RunMetadata(
        run_id="",
        experiment=config["experiment_name"],
        name=f"{config['model']['name']}-{config['aug']['name']}-s{config['seed']}",
        key=run_key(chosen, sha, code),
        data_sha=sha,
        code_sha=code,
        git_commit=git_commit(),
        machine=describe_machine(),
        config=chosen,
        parent=initial_weights_of(config["init"]) if config["init"] is not None else None,
        policy=asked,
    )


def check_loss(row: dict[str, float]) -> None:
    """Raise Diverged where the loss of an epoch is no number."""
    if not math.isfinite(row["loss"]):
        raise Diverged(
            f"epoch {row['epoch']:.0f}: the loss is {row['loss']}, nothing more is learnt; "
            "lower optimizer.learning_rate, or limit the gradients with optimizer.clip_norm=1"
        )


def summary(record: RunMetadata) -> str:
    """Return the line that is printed of a finished run."""
    metrics = record.metrics
    validated = "val_accuracy" in metrics
    share = metrics["val_accuracy" if validated else "accuracy"]
    return (
        f"{record.name}: {'validation' if validated else 'training'} accuracy {share:.2%} "
        f"at epoch {metrics['best_epoch']:.0f} of {metrics['epochs']:.0f}, "
        f"{metrics['parameters']:,.0f} parameters, {record.seconds:.0f} s; MLflow run {record.run_id}; {record.folder}"
    )
