"""Runs in MLflow: one per model, found by its key, resumed by its id."""

import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.paths import HOME, UI, database_file, tracking_uri
from inkproof.runtime.startup import large_libraries
from inkproof.tracking.provenance import clone, describe_machine, git_commit, script, user
from inkproof.tracking.store_setup import VIEW, asked_briefly, check_database, say_when_waiting, view_tags

with large_libraries():
    import mlflow
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
    from mlflow.exceptions import MlflowException


PARENT = "mlflow.parentRunId"  # the tag by which MLflow shows a run below another
REGISTER_AS = "register_as"  # the tag with the name under which src/export.py registers a run's model
CLONE = "clone"  # the tag with the computer and folder that last trained a run
SOURCE = "mlflow.source.name"  # the tag with the script that MLflow shows
PARAM_LIMIT = 6000  # most characters of a parameter's value
BATCH_LIMIT = 100  # most parameters per call
_NEST: ContextVar[tuple[str, str] | None] = ContextVar("nest", default=None)


@contextmanager
def nested(parent: str, name: str) -> Iterator[None]:
    """Within the block, a run that is started is a child of the run `parent` and called `name`."""
    token = _NEST.set((parent, name))
    try:
        yield
    finally:
        _NEST.reset(token)


def is_nested() -> bool:
    """Return whether a run that is started now is a child of another."""
    return _NEST.get() is not None


@dataclass(frozen=True)
class LoggedRun:
    """A finished run with its experiment, as MLflow has it. `params` are texts; `metrics` have no learning curves."""

    run_id: str
    experiment: str
    experiment_id: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


class Tracker:
    """MLflow's tracking store, opened. A local one is created on first use, by one process at a time."""

    def __init__(self) -> None:
        self.uri = tracking_uri()
        self.local = self.uri.startswith("sqlite:")
        if self.uri.startswith("http"):
            say_when_waiting(self.uri)
        self.lock = FileLock(HOME / "mlflow.db.lock")
        with self.lock, asked_briefly(), large_libraries():  # MLflow imports the database's libraries here
            check_database(database_file(self.uri))
            mlflow.set_tracking_uri(self.uri)
            try:
                self.client = mlflow.MlflowClient()
                self.client.search_experiments(max_results=1)
            except ModuleNotFoundError as error:  # the driver of a database server
                raise UserError(f"MLflow store {self.uri}: install the Python package {error.name} for it") from error

    def experiment(self, name: str) -> str:
        """Return the id of the experiment called `name`, which is created if it is missing or deleted."""
        with self.lock:
            found = self.client.get_experiment_by_name(name)
            if found is not None and found.lifecycle_stage == "active":
                return found.experiment_id
            if found is not None:  # a deleted one keeps its name, and restoring it restores all its deleted runs
                self.client.restore_experiment(found.experiment_id)
                self.client.rename_experiment(found.experiment_id, f"{name} (deleted, {found.experiment_id})")
                self.client.delete_experiment(found.experiment_id)
            folder = (HOME / "mlruns" / name.replace("/", "-")).as_uri() if self.local else None
            return self.client.create_experiment(name, artifact_location=folder, tags=view_tags())

    def view(self, experiment: str) -> str:
        """Return a line with the address in MLflow's UI of an experiment's shared view, which is set if it is missing.

        A server has its own UI, `make ui` that of a file. A database server may have one anywhere.
        """
        number = self.experiment(experiment)
        tags = self.client.get_experiment(number).tags
        for key, value in view_tags().items():  # an earlier version may have made the experiment
            if tags.get(key) != value:
                self.client.set_experiment_tag(number, key, value)
        # Without the workflow type, MLflow opens the table of its mode for generative AI.
        view = f"viewStateShareKey={VIEW}&workflowType=machine_learning"
        page = f"/#/experiments/{number}/runs?{view}"
        if self.uri.startswith("http"):
            return f"Compare the runs: {re.sub('//[^/@]*@', '//', self.uri).rstrip('/')}{page}"  # without a password
        return f"Compare the runs: `make ui`, then {UI}{page}"

    def find(self, experiment: str, tags: Mapping[str, str]) -> Run | None:
        """Return the newest run with these `tags`, finished ones first, or None."""
        within = self.client.get_experiment_by_name(experiment)
        if within is None or within.lifecycle_stage != "active":
            return None
        where = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        newest = ["attributes.start_time DESC"]
        found = self.client.search_runs([within.experiment_id], where, order_by=newest, max_results=50)
        return min(found, key=lambda run: run.info.status != "FINISHED", default=None)

    def start(self, experiment: str, name: str, tags: Mapping[str, str], resume: Run | None = None) -> str:
        """Return the id of a running run: `resume`, or a new one called `name`; `tags` are set on either."""
        nest, tags = _NEST.get(), {**tags, CLONE: clone()}
        if nest is not None:
            tags, name = {**tags, PARENT: nest[0]}, nest[1]
        if resume is None:
            tags = {**tags, SOURCE: self._source(), "mlflow.source.type": "LOCAL", "mlflow.user": user()}
            created = self.client.create_run(self.experiment(experiment), run_name=name, tags=tags)
            return created.info.run_id
        self.client.update_run(resume.info.run_id, status="RUNNING")
        self.tag(resume.info.run_id, tags)
        return resume.info.run_id

    def _source(self) -> str:
        """The script that started this process. A launcher's worker may have another, so a child has its parent's."""
        nest = _NEST.get()
        parent = None if nest is None else self.run(nest[0])
        if parent is not None and SOURCE in parent.data.tags:
            return str(parent.data.tags[SOURCE])
        return script()

    def end_dead(self, dead: Callable[[str, str], bool]) -> None:
        """Mark those RUNNING runs of this clone as KILLED of which `dead`, given their id and key, says so."""
        experiments = [one.experiment_id for one in self.client.search_experiments()]
        where = f"attributes.status = 'RUNNING' and tags.`{CLONE}` = '{clone()}'"
        for run in self.client.search_runs(experiments, where):
            if dead(run.info.run_id, run.data.tags.get("key", "")):
                self.finish(run.info.run_id, "KILLED")

    def start_again(self, experiment: str, name: str, key: str, **tags: str) -> str:
        """Return the id of a running run: the one that an earlier attempt with this `key` left, or a new one.

        It gets `tags`, and those of commit and machine.
        """
        tags |= {"key": key, "git_commit": git_commit(), "machine": describe_machine()}
        return self.start(experiment, name, tags, self.find(experiment, {"key": key}))

    def run(self, run_id: str) -> Run | None:
        """Return a run as MLflow has it, or None if it does not exist or is deleted."""
        try:
            run = self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def finish(self, run_id: str, status: str = "FINISHED") -> None:
        """End a run: FINISHED, FAILED or KILLED."""
        self.client.set_terminated(run_id, status)

    def give_up(self, run_id: str, status: str, log: Path | None = None) -> None:
        """End a run after an error, which may be that the store cannot be reached: then the run stays as it is."""
        with asked_briefly(), suppress(Exception):
            self.finish(run_id, status)
            if log is not None and log.is_file():
                self.file(run_id, log, "artifacts")

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags on a run."""
        self.client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])

    def params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log parameters; one that is already logged keeps its value, because MLflow rejects changes."""
        known = self.client.get_run(run_id).data.params
        new = [Param(key, str(value)[:PARAM_LIMIT]) for key, value in params.items() if key not in known]
        for first in range(0, len(new), BATCH_LIMIT):
            self.client.log_batch(run_id, params=new[first : first + BATCH_LIMIT])

    def metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics at a step (for learning curves: the epoch, from 1)."""
        now = int(time.time() * 1000)
        self.client.log_batch(run_id, metrics=[Metric(key, float(value), now, step) for key, value in metrics.items()])

    def epoch(self, run_id: str, row: Mapping[str, float]) -> None:
        """Log one epoch's row of the learning curve, under epoch/ to keep it apart from the final metrics."""
        values = {f"epoch/{name}": value for name, value in row.items() if name != "epoch"}
        self.metrics(run_id, values, step=int(row["epoch"]))

    def epochs(self, run_id: str, rows: Iterable[Mapping[str, float]]) -> None:
        """Log the rows of a learning curve that the run does not have yet."""
        logged = {point.step for point in self.client.get_metric_history(run_id, "epoch/loss")}
        for row in rows:
            if int(row["epoch"]) not in logged:
                self.epoch(run_id, row)

    def figures(self, run_id: str) -> dict[str, float]:
        """Return the final metrics of a run: the last value of each, without the learning curve."""
        return _final(self.client.get_run(run_id))

    def runs_with(self, metric: str | None = None) -> list[LoggedRun]:
        """Return all finished runs of every experiment, or those that have a metric, the newest first."""
        names = {found.experiment_id: found.name for found in self.client.search_experiments()}
        where = "attributes.status = 'FINISHED'" + (f" and metrics.`{metric}` > -1e300" if metric else "")
        found: list[Run] = mlflow.search_runs(list(names), where, output_format="list")
        return [
            LoggedRun(
                run_id=run.info.run_id,
                experiment=names[run.info.experiment_id],
                experiment_id=run.info.experiment_id,
                name=run.info.run_name or run.info.run_id,
                params=run.data.params,
                tags=run.data.tags,
                metrics=_final(run),
            )
            for run in found
        ]

    def file(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Log a file, or everything in a folder, as artifacts of the run."""
        if path.is_dir():
            self.client.log_artifacts(run_id, str(path), folder)
        else:
            self.client.log_artifact(run_id, str(path), folder)

    def dataset(self, run_id: str, name: str, digest: str, context: str, profile: Mapping[str, Any]) -> None:
        """Log a dataset as an input of the run; `context` is training, validation or testing."""
        # For MLflow, the same name and digest mean the same dataset: it would drop the validation part.
        part = hashlib.sha256(f"{digest} {context} {json.dumps(profile)}".encode()).hexdigest()[:36]
        data = Dataset(name, part, "local", json.dumps({"uri": f"data/{name}"}), None, json.dumps(profile))
        with self.lock:  # if two runs added a new dataset at once, one would fail
            self.client.log_inputs(run_id, datasets=[DatasetInput(data, [InputTag("mlflow.data.context", context)])])

    def text(self, run_id: str, name: str) -> str:
        """Return the artifact `name` of a run, which has it, as text."""
        return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))

    def has(self, run_id: str, name: str) -> bool:
        """Return whether a run has the artifact `name`, such as `checkpoint/backup.npz`."""
        listed = self.client.list_artifacts(run_id, name.rpartition("/")[0] or None)
        return any(one.path == name for one in listed)

    def restore(self, run_id: str, names: Iterable[str], folder: Path, source: str = "artifacts") -> None:
        """Copy files `names` from the folder `source` of a run's artifacts to `folder`.

        It stops at the first that MLflow lacks: stderr says so.
        """
        try:
            with tempfile.TemporaryDirectory() as scratch:
                for name in names:
                    # The place of the file in the folder depends on the kind of store, so use the returned path.
                    stored = mlflow.artifacts.download_artifacts(
                        run_id=run_id, artifact_path=f"{source}/{name}", dst_path=scratch
                    )
                    with replacing(folder / name) as temporary:
                        shutil.copyfile(stored, temporary)
        except (MlflowException, OSError) as error:
            reason = " ".join(str(error).split())
            print(f"{folder}: MLflow cannot give the files of this run back ({reason})", file=sys.stderr)


def _final(run: Run) -> dict[str, float]:
    return {name: value for name, value in run.data.metrics.items() if not name.startswith(("epoch/", "system/"))}
