"""Later stages go on with the MLflow run that training began."""

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
        tags = {**record.tags, "stage": "train", "original_run_id": record.run_id}
        run_id = store.start(record.experiment, record.name, tags)
        store.params(run_id, flatten(record.config))
        store.epochs(run_id, read_history(folder / "history.csv"))
        store.metrics(run_id, record.metrics)
        for name in PRODUCTS:
            store.file(run_id, folder / name, "products")
        store.finish(run_id)
    return run_id
