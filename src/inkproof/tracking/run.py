"""A training as a run: held, reused, resumed and saved; and how later stages go on with it."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from inkproof.config.compose import flatten
from inkproof.runtime.files import replacing, write_json
from inkproof.tracking.mlflow_store import PARENT, Store
from inkproof.tracking.record import PRODUCTS, RunRecord, read_history, write_history


class Run:
    """One training's run on disk and in MLflow, held by this process; made by `Run.open`.

    `finished` says whether it was trained before: then `record` is what that training left. Otherwise `begin` it, log
    its epochs, and `save` what came of it.
    """

    def __init__(self, record: RunRecord, store: Store, found: tuple[str, str] | None) -> None:
        self.record, self._store, self._found = record, store, found
        self.finished = record.complete()

    @classmethod
    @contextmanager
    def open(cls, record: RunRecord, force: bool) -> Iterator["Run"]:
        """Hold the run that `record` describes while the block lasts; with `force` nothing of it is reused.

        An error within the block leaves the MLflow run as FAILED, an interrupt as KILLED. Raises UserError where
        another process holds the run.
        """
        with record.locked():
            if force:
                shutil.rmtree(record.folder, ignore_errors=True)
            store = Store()
            found = None if force else store.find(record.experiment, {"key": record.key})
            if not record.complete() and found and found[1] == "FINISHED":
                store.restore(found[0], PRODUCTS, record.folder)
            run = cls(record, store, found)
            if run.finished:
                run._reuse()
            try:
                yield run
            except BaseException as error:
                if run.record.run_id and not run.finished:
                    store.finish(run.record.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
                raise

    def _reuse(self) -> None:
        self.record = RunRecord.read(self.record.folder)
        run_id = ensure_run(self._store, self.record, self.record.folder)
        if self._found and self._found[1] != "FINISHED":  # killed after its last product, before MLflow was told
            hand_over(self._store, run_id, self.record.folder)

    def begin(self, digits: Mapping[str, int]) -> None:
        """Tell MLflow of the run, or that it goes on; `digits` are how many there are by context ("training")."""
        record, store = self.record, self._store
        record.run_id = store.start(record.experiment, record.name, record.tags, self._found and self._found[0])
        store.params(record.run_id, flatten(record.config))
        store.tag(record.run_id, {"stage": "train"})
        for context, count in digits.items():
            store.dataset(record.run_id, record.config["data"]["name"], record.data_sha, context, {"digits": count})

    def epoch(self, row: Mapping[str, float]) -> None:
        """Log one epoch's row of the learning curve."""
        self._store.epoch(self.record.run_id, row)

    def epochs(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Log those rows of the learning curve that the run does not have yet."""
        self._store.epochs(self.record.run_id, rows)

    def save(
        self,
        model: Any,
        history: list[dict[str, float]],
        metrics: dict[str, float],
        seconds: float,
        registered_name: str | None,
    ) -> None:
        """Write the products of the finished training, store them in MLflow, and end the run.

        `model` is the float32 `keras.Model` that every later stage reads; it is registered under a name, if given.
        """
        record, store = self.record, self._store
        record.metrics, record.seconds, record.finished = metrics, round(seconds, 2), True
        with replacing(record.folder / "model.keras") as temporary:
            model.save(temporary)
        write_history(record.folder / "history.csv", history)
        store.metrics(record.run_id, record.metrics)
        store.model(record.run_id, model, registered_name)
        record.write()
        hand_over(store, record.run_id, record.folder)


def ensure_run(store: Store, record: RunRecord, folder: Path) -> str:
    """Return the id of the MLflow run of `record`, whose products lie in `folder`.

    Where the store lacks it (a deleted mlflow.db beside a full DVC cache, a clone with pulled models),
    the run is made again from its products, tagged with `original_run_id`; the next stage finds that one.
    """
    if store.exists(record.run_id):
        return record.run_id
    with store.lock:
        return _recreated(store, record, folder, store.find(record.experiment, {"original_run_id": record.run_id}))


def adopt(store: Store, record: RunRecord, folder: Path, experiment: str, parent: str) -> RunRecord:
    """Give a training that was done elsewhere a run in `experiment` below the run `parent`; return its record.

    To be called within `tracking.nested`. A training of the same key may have been done by hand, for another study or
    in another search: its run is left as it is, and run.json in `folder` names the new one.
    """
    if record.experiment == experiment and store.parent_of(record.run_id) in (parent, None):
        return record
    own = replace(record, experiment=experiment)
    own.run_id = _recreated(store, own, folder, store.find(experiment, {"key": record.key, PARENT: parent}))
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
