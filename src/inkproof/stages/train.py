"""Train one model, or reuse the finished run of the same configuration."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

from inkproof.config.compose import path_of
from inkproof.config.schema import TrainConfig
from inkproof.data.digits import data_sha, digits_file
from inkproof.data.download import prepare, prepare_absent
from inkproof.models.loading import start_from
from inkproof.runtime.errors import Diverged
from inkproof.tracking.identity import code_sha, identity, run_key
from inkproof.tracking.naming import overrides_of, run_name
from inkproof.tracking.provenance import describe_machine, git_commit
from inkproof.tracking.run import Run
from inkproof.tracking.run_metadata import RunMetadata, copy_artifacts, initial_weights_of
from inkproof.training.build import Parts, assemble, check_components, in_float32
from inkproof.training.loop import fit
from inkproof.training.precision import has_bfloat16, resolve_policy


def train(config: TrainConfig, say: Callable[[str], None] = print) -> RunMetadata:
    """Train, or reuse, the run that `config` describes; return its metadata, with the kept epoch's metrics."""
    check_components(config)
    digits = prepared_digits(config)
    with Run.open(metadata_of(config, digits), config.run.force, config.run.registered) as run:
        if run.finished:
            say(f"{run.metadata.name}: trained before, reused ({run.metadata.folder}); run.force=true trains it again")
        else:
            # Built before the run begins in MLflow: a configuration that cannot be built leaves no failed run behind.
            parts = assemble(config, digits, run.metadata.config.precision.policy)
            if config.training.init is not None:
                start_from(parts.model, config.training.init)
            fit_and_save(run, parts, config, say)
    if config.run.out:
        copy_artifacts(run.metadata.folder, path_of(config.run.out))
    for line in run.summary():
        say(line)
    return run.metadata


def fit_and_save(run: Run, parts: Parts, config: TrainConfig, say: Callable[[str], None]) -> None:
    """Train `parts` from the run's last saved epoch to its end, and save the result."""
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
        run.metadata.folder,
        on_epoch=on_epoch,
        on_resume=on_resume,
        verbose=1 if sys.stdout.isatty() else 2,
        teacher=parts.teacher,
        say=say,
    )
    model = in_float32(parts.model, config)
    metrics = {**outcome.metrics, "parameters": model.count_params()}
    run.save(model, outcome.history, metrics, outcome.seconds)


def prepared_digits(config: TrainConfig) -> Path:
    """Return the digits file of the configuration; it is made if it is missing or if its source may have grown."""
    digits = path_of(config.run.digits)
    if config.data.source.arguments.get("grows") and digits == digits_file(path_of(config.data.folder)):
        prepare(config.data, digits.parent)
    else:
        prepare_absent(config.data, digits)
    return digits


def metadata_of(config: TrainConfig, digits: Path) -> RunMetadata:
    """Return the metadata, identity included, of the run that `config` describes."""
    asked, training = config.precision.policy, config.training
    policy = resolve_policy(asked, config.model.convolutional, has_bfloat16())
    teachers = [RunMetadata.read_finished(path_of(folder)).key for folder in training.teacher.runs]
    chosen = identity(config, policy, teachers)
    sha, code, overrides = data_sha(digits), code_sha(), overrides_of(config)
    return RunMetadata(
        run_id="",
        experiment=config.run.experiment,
        name=run_name(config, overrides),
        key=run_key(chosen, sha, code),
        data_sha=sha,
        code_sha=code,
        git_commit=git_commit(),
        machine=describe_machine(),
        config=chosen,
        overrides=overrides,
        initial_weights=initial_weights_of(training.init) if training.init is not None else None,
        policy=asked,
    )


def check_loss(row: dict[str, float]) -> None:
    """Raise Diverged if the loss of an epoch is not finite."""
    if not math.isfinite(row["loss"]):
        raise Diverged(
            f"epoch {row['epoch']:.0f}: the loss is {row['loss']}, so training has failed; "
            "lower optimizer.learning_rate, or limit the gradients with optimizer.clip_norm=1"
        )
