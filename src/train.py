"""Train one model: python src/train.py model=cnn aug=on [data=optdigits] [seed=3] [epochs=1] ...

Started again, a finished run is reused (force=true trains anew) and a killed one goes on where it stopped.
"""

import math
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inkproof.atomic import replacing
from inkproof.config import check_training, flatten, identity, path_of, resolve
from inkproof.entry import entry
from inkproof.errors import Diverged
from inkproof.initial_weights import parent_of, start_from
from inkproof.provenance import describe_machine, git_commit
from inkproof.quiet import start_tensorflow
from inkproof.registry import registered_name
from inkproof.resume import ensure_run, hand_over
from inkproof.run_record import PRODUCTS, RunRecord, code_sha, copy_products, run_key, write_history
from inkproof.sources import prepare
from inkproof.sources.absent import prepare_absent
from inkproof.sources.digits import data_sha, digits_file
from inkproof.tracking import Store
from inkproof.training.precision import has_bfloat16, resolve_policy

if TYPE_CHECKING:
    from inkproof.training.assemble import Parts


def train(config: dict[str, Any], say: Callable[[str], None] = print) -> dict[str, float]:
    """Train, or reuse, the run that the resolved `config` describes; return the kept epoch's metrics."""
    check_training(config)
    policy = resolve_policy(config["precision"]["policy"], config["model"]["convolutional"], has_bfloat16())
    digits = path_of(config["digits"])
    grown = config["data"].get("grows") and digits == digits_file(path_of(config["data"]["folder"]))
    if grown:
        prepare(config["data"], digits.parent)
    else:
        prepare_absent(config["data"], digits)
    sha, code = data_sha(digits), code_sha()
    chosen = identity(config, policy)
    if "teacher" in chosen:  # who taught it, wherever that lies
        taught = [RunRecord.read(path_of(folder)).key for folder in config["teacher"]["runs"]]
        chosen["teacher"] = {**chosen["teacher"], "runs": taught}
    record = RunRecord(
        run_id="",
        experiment=config["experiment_name"],
        name=f"{config['model']['name']}-{config['aug']['name']}-s{config['seed']}",
        key=run_key(chosen, sha, code),
        data_sha=sha,
        code_sha=code,
        git_commit=git_commit(),
        machine=describe_machine(),
        config=chosen,
        parent=parent_of(config["init"]) if config["init"] is not None else None,
        policy=config["precision"]["policy"],
    )
    with record.locked():
        if config["force"]:
            shutil.rmtree(record.folder, ignore_errors=True)
        store = Store()
        found = None if config["force"] else store.find(record.experiment, record.key)
        if not record.complete() and found and found[1] == "FINISHED":
            store.restore(found[0], PRODUCTS, record.folder)
        if record.complete():
            record = RunRecord.read(record.folder)
            run_id = ensure_run(store, record, record.folder)
            if found and found[1] != "FINISHED":  # killed after its last product, before MLflow was told
                hand_over(store, run_id, record.folder)
            say(f"{record.name}: trained before, reused ({record.folder}); force=true trains anew")
        else:
            # Built before MLflow hears of it: a configuration that cannot be built leaves no failed run behind.
            start_tensorflow()
            from inkproof.training.assemble import assemble

            parts = assemble(config, digits, policy)
            if config["init"] is not None:
                start_from(parts.model, config["init"])
            record.run_id = store.start(record.experiment, record.name, record.tags, found and found[0])
            try:
                _train(record, config, parts, store)
            except BaseException as error:
                store.finish(record.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
                raise
    if config["out"]:
        copy_products(record.folder, path_of(config["out"]))
    say(_summary(record))
    return record.metrics


def _train(record: RunRecord, config: dict[str, Any], parts: "Parts", store: Store) -> None:
    import keras

    from inkproof.training.assemble import build_model
    from inkproof.training.loop import fit

    run_id = record.run_id
    store.params(run_id, flatten(record.config))
    store.tag(run_id, {"stage": "train"})
    for split, context in ((parts.training, "training"), (parts.val, "validation")):
        if split is not None:
            store.dataset(run_id, config["data"]["name"], record.data_sha, context, {"digits": len(split.labels)})

    def on_epoch(row: dict[str, float]) -> None:
        store.epoch(run_id, row)
        _check_loss(row)

    def on_resume(rows: list[dict[str, float]]) -> None:
        store.epochs(run_id, rows)
        _check_loss(rows[-1])

    outcome = fit(
        parts.model,
        parts.training,
        parts.val,
        parts.plan,
        parts.make_optimizer,
        parts.callbacks,
        record.folder,
        on_epoch=on_epoch,
        on_resume=on_resume,
        verbose=1 if sys.stdout.isatty() else 2,
        teacher=parts.teacher,
    )
    # The kept weights in a float32 model without optimizer: what every later stage reads.
    keras.mixed_precision.set_global_policy("float32")
    final = build_model(config)
    final.set_weights(parts.model.get_weights())
    record.metrics = {
        **{name: value for name, value in outcome.best.items() if name not in ("epoch", "learning_rate")},
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.history),
        "parameters": final.count_params(),
    }
    record.seconds, record.finished = round(outcome.seconds, 2), True
    with replacing(record.folder / "model.keras") as temporary:
        final.save(temporary)
    write_history(record.folder / "history.csv", outcome.history)
    store.metrics(run_id, record.metrics)
    store.model(run_id, final, registered_name(config["data"]["name"]) if config["register"] else None)
    record.write()
    hand_over(store, run_id, record.folder)


def _check_loss(row: dict[str, float]) -> None:
    if not math.isfinite(row["loss"]):
        raise Diverged(
            f"epoch {row['epoch']:.0f}: the loss is {row['loss']}, nothing more is learnt; "
            "lower optimizer.learning_rate, or limit the gradients with optimizer.clip_norm=1"
        )


def _summary(record: RunRecord) -> str:
    metrics = record.metrics
    validated = "val_accuracy" in metrics
    share = metrics["val_accuracy" if validated else "accuracy"]
    return (
        f"{record.name}: {'validation' if validated else 'training'} accuracy {share:.2%} "
        f"at epoch {metrics['best_epoch']:.0f} of {metrics['epochs']:.0f}, "
        f"{metrics['parameters']:,.0f} parameters, {record.seconds:.0f} s; MLflow run {record.run_id}; {record.folder}"
    )


@entry("config")
def main(cfg: Any) -> float:
    """Compose, train, and return what a sweeper maximises."""
    metrics = train(resolve(cfg))
    return metrics.get("val_accuracy", metrics["accuracy"])


if __name__ == "__main__":
    main()
