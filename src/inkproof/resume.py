"""Later stages go on with the MLflow run that training began."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from inkproof.config import flatten
from inkproof.run_record import PRODUCTS, RunRecord, read_history
from inkproof.tracking import Store


def ensure_run(store: Store, record: RunRecord, folder: Path) -> str:
    """Return the id of the MLflow run of `record`, whose products lie in `folder`.

    Where the store lacks it (a deleted mlflow.db beside a full DVC cache, a clone with pulled models),
    the run is made again from its products, tagged with `original_run_id`; the next stage finds that one.
    """
    if store.exists(record.run_id):
        return record.run_id
    with store.lock:
        again = store.find_original(record.experiment, record.run_id)
        if again is not None:
            return again
        return recreate(store, record, folder)


def recreate(store: Store, record: RunRecord, folder: Path) -> str:
    """Return the id of a new run, made from the products in `folder` and tagged with that of `record`."""
    tags = {**record.tags, "stage": "train", "original_run_id": record.run_id}
    run_id = store.start(record.experiment, record.name, tags)
    store.params(run_id, flatten(record.config))
    store.epochs(run_id, read_history(folder / "history.csv"))
    store.metrics(run_id, record.metrics)
    hand_over(store, run_id, folder)
    return run_id


def hand_over(store: Store, run_id: str, folder: Path) -> None:
    """Store those products of a trained run that lie in `folder`, and end the run.

    The report knows a run by its record and curve alone, which are all that it can make it again from.
    """
    for name in PRODUCTS:
        if (folder / name).is_file():
            store.file(run_id, folder / name, "products")
    store.finish(run_id)


def log_stage(
    stage: str,
    record: RunRecord,
    folder: Path,
    metrics: Mapping[str, float] | None = None,
    files: Iterable[tuple[Path, str]] = (),
) -> tuple[Store, str]:
    """Log what a later stage found to the run of `record`; return the store and the run's id.

    `folder` holds the run's products, `files` are (file or folder, folder of the run's artifacts).
    """
    store = Store()
    run_id = ensure_run(store, record, folder)
    if metrics:
        store.metrics(run_id, metrics)
    for path, target in files:
        store.file(run_id, path, target)
    store.tag(run_id, {"stage": stage})
    return store, run_id
