"""Later stages go on with the MLflow run that training began."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from inkproof.atomic import write_json
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
        return _recreated(store, record, folder, store.find_original(record.experiment, record.run_id))


def adopt(store: Store, record: RunRecord, folder: Path, experiment: str, parent: str) -> RunRecord:
    """Give a training that was done elsewhere a run in `experiment` below the run `parent`; return its record.

    To be called within `tracking.nested`. A training of the same key may have been done by hand, for another study or
    in another search: its run is left as it is, and run.json in `folder` names the new one.
    """
    if record.experiment == experiment and store.parent_of(record.run_id) in (parent, None):
        return record
    own = replace(record, experiment=experiment)
    own.run_id = _recreated(store, own, folder, store.find(experiment, record.key, parent))
    write_json(folder / "run.json", asdict(own))
    return own


def _recreated(store: Store, record: RunRecord, folder: Path, found: tuple[str, str] | None) -> str:
    """Return the id of a finished run made from the products in `folder`, tagged with that of `record`.

    `found` is (id, status) of such a run: it is taken when it is finished, and finished when its making was killed.
    """
    if found is not None and found[1] == "FINISHED":
        return found[0]
    tags = {**record.tags, "stage": "train", "original_run_id": record.run_id}
    run_id = store.start(record.experiment, record.name, tags, found and found[0])
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
