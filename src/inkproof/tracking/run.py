"""A training as a run: locked, reused, resumed and saved. Later stages log to it, too."""

import logging
import math
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import mlflow
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from inkproof.config.sweep import in_sweep
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.paths import HOME
from inkproof.runtime.progress import say
from inkproof.tracking.mlflow_tracker import PARENT, REGISTER_AS, Tracker, is_nested
from inkproof.tracking.registry import registered_name
from inkproof.tracking.run_metadata import ARTIFACTS, CHECKPOINT, NOTE, RunMetadata, locked, read_history, write_history

LOG = "log.txt"  # what the training printed, with times
SENT = "checkpoint"  # the folder of the run's artifacts that has a copy of it on a server
SEND_EVERY = 20.0  # seconds: a checkpoint has megabytes, and an epoch of a small dataset takes less than one
SAMPLED = 10.0  # seconds between two samples of the machine's load
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")  # colors, and how a progress bar goes back


class _Copied:
    """A text stream whose lines also go to a log, with their times; of a progress bar its last state."""

    def __init__(self, shown: TextIO, log: TextIO) -> None:
        self._shown, self._log, self._line = shown, log, ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        self._line = self._line.rpartition("\r")[2]
        for line in lines:
            said = CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()
            if said:
                self._log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {said}\n")
        return self._shown.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)


@dataclass
class Run:
    """One training's run on disk and in MLflow, locked by this process; made by `Run.open`.

    `finished` says whether it was trained before. Then `metadata` is that of the finished training. Otherwise `begin`
    it, log its epochs, and `save` its result.
    """

    metadata: RunMetadata
    finished: bool
    _tracker: Tracker
    _found: mlflow.entities.Run | None  # to resume or reuse
    _register: bool
    _sent: float = -math.inf  # when the last checkpoint was sent, by the monotonic clock
    _while_training: ExitStack = field(default_factory=ExitStack)  # its log, and the samples of the machine's load

    @classmethod
    @contextmanager
    def open(cls, metadata: RunMetadata, force: bool, register: bool = False) -> Iterator["Run"]:
        """Lock the run that `metadata` describes during the block; with `force` nothing of a finished run is reused.

        With `register` its export is registered later. Missing or damaged artifacts are restored from MLflow, or else
        the run is trained again. After an error within the block the MLflow run is FAILED, after an interrupt KILLED.
        A killed training with `force` is resumed, with `force` or without. Raises UserError if another process has
        locked the run.
        """
        with locked(metadata.folder) as free:
            if not free:
                raise UserError(f"{metadata.folder.name}: another process is training this run; wait until it ends")
            tracker = Tracker()
            forced = metadata.forced()
            if force and forced is None:
                metadata.clear()
                metadata.write()  # until it is finished: this run is trained again, whatever MLflow has
                forced = ""
            if forced is None:
                found = tracker.find(metadata.experiment, {"key": metadata.key})
            else:
                found = tracker.run(forced) if forced else None
            finished = metadata.complete()
            if not finished and forced is None and found and found.info.status == "FINISHED":
                tracker.restore(found.info.run_id, ARTIFACTS, metadata.folder)
                finished = metadata.complete()
            if not finished and found:
                _fetch_checkpoint(tracker, found, metadata.folder)
            run = cls(metadata, finished, tracker, found, register)
            if run.finished:
                run._reuse()
            elif former := next((path for path in _folders(metadata.key) if path != metadata.folder), None):
                say(f"{former}: a killed training of this run, under a former name. It starts anew; delete that folder")
            current = found.info.run_id if found and not finished else run.metadata.run_id
            # Others with this key cannot be running, because this process has the lock.
            tracker.end_dead(lambda run_id, key: run_id != current and (key == metadata.key or died(key)))
            try:
                yield run
            except BaseException as error:
                run._while_training.close()
                if run.metadata.run_id and not run.finished:
                    status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
                    tracker.give_up(run.metadata.run_id, status, run.metadata.folder / LOG)
                raise

    def _reuse(self) -> None:
        asked, self.metadata = self.metadata.experiment, RunMetadata.read(self.metadata.folder)
        run_id = ensure_run(self._tracker, self.metadata, self.metadata.folder)
        self.metadata.run_id = run_id  # another store has a run of its own; run.json keeps the first one
        if asked != self.metadata.experiment and not is_nested():
            say(f"{self.metadata.name}: its MLflow run is in the experiment {self.metadata.experiment}, not in {asked}")
        run = self._tracker.run(run_id)
        if run is not None and run.info.status != "FINISHED":  # killed between its last artifact and its end in MLflow
            finalize(self._tracker, run_id, self.metadata.folder)
        self._tag_for_registry()

    def _tag_for_registry(self) -> None:
        if self._register:
            name = registered_name(self.metadata.config.data.name)
            self._tracker.tag(self.metadata.run_id, {REGISTER_AS: name})

    def begin(self, digits: Mapping[str, int]) -> None:
        """Start the run in MLflow, or resume it there; `digits` are their numbers by context ("training")."""
        metadata, tracker = self.metadata, self._tracker
        metadata.run_id = tracker.start(metadata.experiment, metadata.name, metadata.tags, self._found)
        if metadata.forced() is not None:
            metadata.write()
        tracker.params(metadata.run_id, metadata.config.flat())
        tracker.tag(metadata.run_id, {"stage": "train"})
        for context, count in digits.items():
            tracker.dataset(metadata.run_id, metadata.config.data.name, metadata.data_sha, context, {"digits": count})
        self._observe()

    def _observe(self) -> None:
        """Write what is printed to the run's log, and log samples of the machine's load to MLflow, until it is saved.

        A thread of MLflow samples processor, memory, disk and network every SAMPLED seconds.
        """
        log = self._while_training.enter_context((self.metadata.folder / LOG).open("a", encoding="utf-8", buffering=1))
        self._while_training.enter_context(redirect_stdout(_Copied(sys.stdout, log)))
        self._while_training.enter_context(redirect_stderr(_Copied(sys.stderr, log)))
        logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)  # it logs each step
        monitor = SystemMetricsMonitor(self.metadata.run_id, sampling_interval=SAMPLED, resume_logging=True)
        monitor.start()
        self._while_training.callback(monitor.finish)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Log one epoch's row of the learning curve, and to a server the checkpoint, from which any machine resumes."""
        self._tracker.epoch(self.metadata.run_id, row)
        checkpoint = self.metadata.folder / CHECKPOINT
        if not self._tracker.local and checkpoint.exists() and time.monotonic() - self._sent > SEND_EVERY:
            self._tracker.file(self.metadata.run_id, checkpoint, SENT)
            self._sent = time.monotonic()

    def epochs(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Log those rows of the learning curve of a resumed training that the run does not have yet."""
        print(f"{self.metadata.name}: resuming after epoch {rows[-1]['epoch']:.0f}", flush=True)
        self._tracker.epochs(self.metadata.run_id, rows)

    def save(self, model: Any, history: list[dict[str, float]], metrics: dict[str, float], seconds: float) -> None:
        """Write the artifacts of the finished training, log them to MLflow, and end the run.

        `model` is the float32 `keras.Model` that every later stage reads.
        """
        self._while_training.close()
        metadata, tracker = self.metadata, self._tracker
        metadata.metrics, metadata.seconds, metadata.finished = metrics, round(seconds, 2), True
        with replacing(metadata.folder / "model.keras") as temporary:
            model.save(temporary)
        write_history(metadata.folder / "history.csv", history)
        metadata.artifacts = metadata.hashes()
        tracker.metrics(metadata.run_id, metadata.metrics)
        tracker.tag(metadata.run_id, {NOTE: metadata.description})
        self._tag_for_registry()
        metadata.write()
        finalize(tracker, metadata.run_id, metadata.folder)

    def summary(self) -> list[str]:
        """Return the lines that are printed of the finished run: its result, and where to compare it with others."""
        metadata, metrics = self.metadata, self.metadata.metrics
        digits, share = metadata.accuracy
        result = (
            f"{metadata.name}: {digits} accuracy {share:.2%} "
            f"at epoch {metrics['best_epoch']:.0f} of {metrics['epochs']:.0f}, "
            f"{metrics['parameters']:,.0f} parameters, {metadata.seconds:.0f} s; "
            f"MLflow run {metadata.run_id}; {metadata.folder}"
        )
        # A sweep prints the link once, at its end.
        return [result] if is_nested() or in_sweep() else [result, self._tracker.view(metadata.experiment)]


def _fetch_checkpoint(tracker: Tracker, found: mlflow.entities.Run, folder: Path) -> None:
    """Copy the last checkpoint of an unfinished run from the server to `folder`, unless it has one: it is not older."""
    run_id = found.info.run_id
    unfinished = not tracker.local and found.info.status != "FINISHED"
    if unfinished and not (folder / CHECKPOINT).exists() and tracker.has(run_id, f"{SENT}/{CHECKPOINT}"):
        tracker.restore(run_id, [CHECKPOINT], folder, SENT)


def _folders(key: str) -> Iterator[Path]:
    """The folders of this repository in which the run with `key` works, or worked when folders had other names."""
    found = (HOME / "runs").glob(f"*-{key}") if key.isalnum() else ()
    return (path for path in found if path.is_dir())


def died(key: str) -> bool:
    """Return whether the run with `key` works in a folder of this repository and no process is training it."""
    folder = next(_folders(key), None)
    if folder is None:
        return False
    with locked(folder, patience=0) as free:
        return free


def ensure_run(tracker: Tracker, metadata: RunMetadata, folder: Path) -> str:
    """Return the id of the MLflow run of `metadata`, whose artifacts are in `folder`.

    The tracker may lack it, for example if mlflow.db was deleted, or in a clone with pulled models. Then the run is
    created again from its artifacts and tagged with `original_run_id`. The next stage finds that one.
    """
    if tracker.run(metadata.run_id):
        return metadata.run_id
    with tracker.lock:
        found = tracker.find(metadata.experiment, {"original_run_id": metadata.run_id})
        return _recreated(tracker, metadata, folder, found)


def attach(tracker: Tracker, metadata: RunMetadata, folder: Path, experiment: str, parent: str) -> RunMetadata:
    """Create a run in `experiment`, a child of `parent`, for a training that was done elsewhere; return its metadata.

    Call this within `nested`. The same key may have been trained by hand, for another study or in another search. That
    run stays unchanged, and run.json in `folder` names the new one.
    """
    run = tracker.run(metadata.run_id)
    if metadata.experiment == experiment and (run is None or run.data.tags.get(PARENT, parent) == parent):
        return metadata
    own = metadata.model_copy(update={"experiment": experiment})
    own.run_id = _recreated(tracker, own, folder, tracker.find(experiment, {"key": metadata.key, PARENT: parent}))
    own.write(folder)
    return own


def _recreated(tracker: Tracker, metadata: RunMetadata, folder: Path, found: mlflow.entities.Run | None) -> str:
    """Return the id of a finished run made from the artifacts in `folder`, tagged with that of `metadata`.

    `found` is such a run. A finished one is used; an unfinished one is completed.
    """
    if found is not None and found.info.status == "FINISHED":
        return found.info.run_id
    tags = {**metadata.tags, "stage": "train", "original_run_id": metadata.run_id}
    run_id = tracker.start(metadata.experiment, metadata.name, tags, found)
    tracker.params(run_id, metadata.config.flat())
    tracker.epochs(run_id, read_history(folder / "history.csv"))
    tracker.metrics(run_id, metadata.metrics)
    finalize(tracker, run_id, folder)
    return run_id


def finalize(tracker: Tracker, run_id: str, folder: Path) -> None:
    """Log those artifacts of a trained run that are in `folder`, and end the run.

    A report has the metadata and the learning curve of a run, but no model, so it creates the run again without one.
    """
    for name in (*ARTIFACTS, LOG):
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
