"""A training as a run: locked, reused, resumed and saved. Later stages log to it, too."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inkproof.runtime.files import replacing
from inkproof.tracking.mlflow_tracker import PARENT, REGISTER_AS, Tracker
from inkproof.tracking.run_metadata import ARTIFACTS, RunMetadata, read_history, write_history


class Run:
    """One training's run on disk and in MLflow, locked by this process; made by `Run.open`.

    `finished` says whether it was trained before. Then `metadata` is that of the finished training. Otherwise `begin`
    it, log its epochs, and `save` its result.
    """

    def __init__(self, metadata: RunMetadata, tracker: Tracker, found: tuple[str, str] | None, finished: bool) -> None:
        self.metadata, self._tracker, self._found, self.finished = metadata, tracker, found, finished

    @classmethod
    @contextmanager
    def open(cls, metadata: RunMetadata, force: bool) -> Iterator["Run"]:
        """Lock the run that `metadata` describes during the block; with `force` nothing of it is reused.

        Missing or damaged artifacts are restored from MLflow. If that fails, the run is trained again. After an error
        within the block the MLflow run is FAILED, after an interrupt KILLED. Raises UserError if another process has
        locked the run.
        """
        with metadata.locked():
            if force:
                shutil.rmtree(metadata.folder, ignore_errors=True)
            tracker = Tracker()
            found = None if force else tracker.find(metadata.experiment, {"key": metadata.key})
            finished = metadata.complete()
            if not finished and found and found[1] == "FINISHED":
                tracker.restore(found[0], ARTIFACTS, metadata.folder)
                finished = metadata.complete()
            run = cls(metadata, tracker, found, finished)
            if run.finished:
                run._reuse()
            try:
                yield run
            except BaseException as error:
                if run.metadata.run_id and not run.finished:
                    tracker.finish(run.metadata.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
                raise

    def _reuse(self) -> None:
        self.metadata = RunMetadata.read(self.metadata.folder)
        run_id = ensure_run(self._tracker, self.metadata, self.metadata.folder)
        if self._found and self._found[1] != "FINISHED":  # killed between its last artifact and its end in MLflow
            finalize(self._tracker, run_id, self.metadata.folder)

    def begin(self, digits: Mapping[str, int]) -> None:
        """Start the run in MLflow, or resume it there; `digits` are their numbers by context ("training")."""
        metadata, tracker = self.metadata, self._tracker
        metadata.run_id = tracker.start(
            metadata.experiment, metadata.name, metadata.tags, self._found and self._found[0]
        )
        tracker.params(metadata.run_id, metadata.config.flat())
        tracker.tag(metadata.run_id, {"stage": "train"})
        for context, count in digits.items():
            tracker.dataset(metadata.run_id, metadata.config.data.name, metadata.data_sha, context, {"digits": count})

    def epoch(self, row: Mapping[str, float]) -> None:
        """Log one epoch's row of the learning curve."""
        self._tracker.epoch(self.metadata.run_id, row)

    def epochs(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Log those rows of the learning curve that the run does not have yet."""
        self._tracker.epochs(self.metadata.run_id, rows)

    def save(
        self,
        model: Any,
        history: list[dict[str, float]],
        metrics: dict[str, float],
        seconds: float,
        registered_name: str | None,
    ) -> None:
        """Write the artifacts of the finished training, log them to MLflow, and end the run.

        `model` is the float32 `keras.Model` that every later stage reads. Its export is registered under a name, if
        given: a canvas.tflite runs anywhere, a Keras model with layers of this package only here.
        """
        metadata, tracker = self.metadata, self._tracker
        metadata.metrics, metadata.seconds, metadata.finished = metrics, round(seconds, 2), True
        with replacing(metadata.folder / "model.keras") as temporary:
            model.save(temporary)
        write_history(metadata.folder / "history.csv", history)
        metadata.artifacts = metadata.hashes()
        tracker.metrics(metadata.run_id, metadata.metrics)
        if registered_name is not None:
            tracker.tag(metadata.run_id, {REGISTER_AS: registered_name})
        metadata.write()
        finalize(tracker, metadata.run_id, metadata.folder)


def ensure_run(tracker: Tracker, metadata: RunMetadata, folder: Path) -> str:
    """Return the id of the MLflow run of `metadata`, whose artifacts are in `folder`.

    The tracker may lack it, for example if mlflow.db was deleted, or in a clone with pulled models. Then the run is
    created again from its artifacts and tagged with `original_run_id`. The next stage finds that one.
    """
    if tracker.run(metadata.run_id):
        return metadata.run_id
    with tracker.lock:
        return _recreated(
            tracker, metadata, folder, tracker.find(metadata.experiment, {"original_run_id": metadata.run_id})
        )


def attach(tracker: Tracker, metadata: RunMetadata, folder: Path, experiment: str, parent: str) -> RunMetadata:
    """Create a run in `experiment`, a child of `parent`, for a training that was done elsewhere; return its metadata.

    Call this within `nested`. The same key may have been trained by hand, for another study or in another search. That
    run stays unchanged, and run.json in `folder` names the new one.
    """
    if metadata.experiment == experiment and tracker.parent_of(metadata.run_id) in (parent, None):
        return metadata
    own = metadata.model_copy(update={"experiment": experiment})
    own.run_id = _recreated(tracker, own, folder, tracker.find(experiment, {"key": metadata.key, PARENT: parent}))
    own.write(folder)
    return own


def _recreated(tracker: Tracker, metadata: RunMetadata, folder: Path, found: tuple[str, str] | None) -> str:
    """Return the id of a finished run made from the artifacts in `folder`, tagged with that of `metadata`.

    `found` is (id, status) of such a run. A finished one is used; an unfinished one is completed.
    """
    if found is not None and found[1] == "FINISHED":
        return found[0]
    tags = {**metadata.tags, "stage": "train", "original_run_id": metadata.run_id}
    run_id = tracker.start(metadata.experiment, metadata.name, tags, found and found[0])
    tracker.params(run_id, metadata.config.flat())
    tracker.epochs(run_id, read_history(folder / "history.csv"))
    tracker.metrics(run_id, metadata.metrics)
    finalize(tracker, run_id, folder)
    return run_id


def finalize(tracker: Tracker, run_id: str, folder: Path) -> None:
    """Log those artifacts of a trained run that are in `folder`, and end the run.

    A report has the metadata and the learning curve of a run, but no model, so it creates the run again without one.
    """
    for name in ARTIFACTS:
        if (folder / name).is_file():
            tracker.file(run_id, folder / name, "artifacts")
    tracker.finish(run_id)


def log_stage(
    stage: str,
    metadata: RunMetadata,
    folder: Path,
    metrics: Mapping[str, float] | None = None,
    files: Iterable[tuple[Path, str]] = (),
) -> tuple[Tracker, str]:
    """Log the results of a later stage to the run of `metadata`; return the tracker and the run's id.

    `folder` holds the run's artifacts, `files` are (file or folder, folder of the run's artifacts).
    """
    tracker = Tracker()
    run_id = ensure_run(tracker, metadata, folder)
    if metrics:
        tracker.metrics(run_id, metrics)
    for path, target in files:
        tracker.file(run_id, path, target)
    tracker.tag(run_id, {"stage": stage})
    return tracker, run_id
