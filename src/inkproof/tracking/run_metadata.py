"""A run on disk: its metadata, its artifacts and its working folder."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, TypeVar

import pandas as pd
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from inkproof.config.compose import path_of
from inkproof.config.schema import Policy, RunIdentity
from inkproof.config.stages import StageConfig
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, sha256_of, write_json, write_text
from inkproof.runtime.paths import HOME, ROOT
from inkproof.tracking.identity import configuration_key, run_key, weights_file
from inkproof.tracking.naming import command, described

HASHED = ("model.keras", "history.csv")
ARTIFACTS = (*HASHED, "run.json")
CHECKPOINT = "backup.npz"  # what a killed training resumes from
# What the folder of a run may hold: later stages write the last two, DVC the one before them.
A_RUNS = (*ARTIFACTS, "log.txt", CHECKPOINT, ".lock", ".gitignore", "report", "exports")
NOTE = "mlflow.note.content"  # the tag with the description that MLflow shows, in Markdown
LOCK = ".lock"  # in the folder of a run that a process is training
PATIENCE = 1.0  # seconds: another process may just be looking whether this run is trained


class InitialWeights(BaseModel):
    """Where a run's initial weights came from: the file, its SHA-256 and, if a run wrote it, that run's MLflow id."""

    file: str
    sha256: str
    run: str | None = None


class RunMetadata(BaseModel):
    """The content of run.json.

    `config` is everything that decides the result, with the number format that was used. `policy` is the format that
    was asked for. `overrides` make `config`, besides those for dataset, model, augmentation and seed. `metrics` are
    those of the kept epoch. `artifacts` are the SHA-256 of the other files by name. `initial_weights` is None if they
    were drawn at random.
    """

    FORMAT: ClassVar[int] = 2
    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    format: int = FORMAT
    run_id: str
    experiment: str
    name: str
    key: str
    data_sha: str
    code_sha: str
    git_commit: str
    machine: str
    config: RunIdentity
    overrides: tuple[str, ...] = ()
    metrics: dict[str, float] = {}
    artifacts: dict[str, str] = {}
    seconds: float = 0.0
    finished: bool = False
    initial_weights: InitialWeights | None = None
    policy: Policy = "auto"

    @property
    def folder(self) -> Path:
        """Where the run works: checkpoint and artifacts, outside every DVC output."""
        config = self.config
        return HOME / "runs" / f"{config.data.name}-{config.model.name}-{config.aug.name}-s{config.seed}-{self.key}"

    @property
    def command(self) -> str:
        """The command that trains it again."""
        return command(self.config, self.overrides)

    @property
    def accuracy(self) -> tuple[str, float]:
        """The digits that its accuracy is on, "validation" or, if there are none, "training", and the accuracy."""
        metrics = self.metrics
        return ("validation", metrics["val_acc"]) if "val_acc" in metrics else ("training", metrics["accuracy"])

    @property
    def description(self) -> str:
        """What its MLflow run and its registered versions say of it, in Markdown."""
        config, metrics = self.config, self.metrics
        lines = [f"`{config.model.name}` trained on `{config.data.name}`, `aug={config.aug.name}`, seed {config.seed}."]
        if metrics:
            name, share = self.accuracy
            lines.append(f"{name.capitalize()} accuracy {share:.2%}. {metrics['parameters']:,.0f} parameters.")
        return "\n\n".join([*lines, f"Made by `{self.command}`"])

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its MLflow run."""
        first = {} if self.initial_weights is None else self.initial_weights.model_dump(exclude_none=True)
        return {
            "differs": described(self.overrides) or "-",
            "aug": self.config.aug.name,
            "model": self.config.model.name,
            "data": self.config.data.name,
            "data_sha": self.data_sha,
            "git_commit": self.git_commit,
            "key": self.key,
            "configuration": configuration_key(self.config.flat(), self.data_sha, self.policy),
            "machine": self.machine,
            NOTE: self.description,
            **{f"init_{name}": value for name, value in first.items()},
        }

    def write(self, folder: Path | None = None) -> None:
        """Write run.json to the run's folder, or to another one."""
        write_json((folder or self.folder) / "run.json", self.model_dump(mode="json", by_alias=True))

    @classmethod
    def read(cls, folder: Path) -> "RunMetadata":
        """Read run.json of a folder; raises UserError if it is missing or cannot be read."""
        path = folder / "run.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{folder}: no trained model here (run.json is missing); train one first") from None
        except (ValueError, RecursionError, IsADirectoryError) as error:
            raise UserError(f"{path}: not the metadata of a run ({error}); train the model again") from error
        if isinstance(found, dict) and "key" in found and found.get("format") != cls.FORMAT:
            made = "0.1" if "format" not in found else "a later version"
            raise UserError(f"{path}: made by {made}; train the model again")
        try:
            return validated(cls, found)
        except UserError as error:
            raise UserError(f"{path}: not the metadata of a run ({error}); train the model again") from None

    @classmethod
    def read_finished(cls, folder: Path) -> "RunMetadata":
        """Read run.json of a finished run, check its key and its artifacts.

        Raises UserError as `read` does, for a run that is not finished, for a configuration that was changed after the
        training, and for a file that is not the run's own.
        """
        metadata = cls.read(folder)
        if not metadata.finished:
            raise UserError(f"{folder}: this run is not finished; run its training again")
        # Of the code that trained it, whose SHA-256 it has: after a change of the code a run keeps its key.
        if metadata.key != run_key(metadata.config, metadata.data_sha, metadata.code_sha):
            raise UserError(
                f"{folder / 'run.json'}: its key is not that of its configuration, data and code; train the model again"
            )
        for name, sha in metadata.hashes(folder).items():
            if metadata.artifacts.get(name) != sha:
                raise UserError(f"{folder / name}: not the file of this run, by its SHA-256; train the model again")
        return metadata

    def forced(self) -> str | None:
        """Return the MLflow id of a training with force that was not finished ("" if it had none), None without one."""
        try:
            found = RunMetadata.read(self.folder)
        except UserError:
            return None
        return None if found.finished or found.key != self.key else found.run_id

    def clear(self) -> None:
        """Delete what is in the run's folder, which this process has locked."""
        for path in self.folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def hashes(self, folder: Path | None = None) -> dict[str, str]:
        """Return the SHA-256 of those artifacts that are in the run's folder, or another, by name, run.json aside."""
        where = folder or self.folder
        return {name: sha256_of(where / name) for name in HASHED if (where / name).is_file()}

    def complete(self) -> bool:
        """Return whether the run's folder has exactly this run, finished, with every artifact unchanged."""
        try:
            found = RunMetadata.read_finished(self.folder)
        except UserError:
            return False
        there = all((self.folder / name).is_file() for name in HASHED)
        return there and found.key == self.key and found.artifacts.keys() == set(HASHED)


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[bool]:
    """Lock a run's folder within the block; yield False if another process has locked it. No lock file stays."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=patience)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # While it is locked, so that nobody else's is deleted: who has opened this file sees that it is gone.
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            folder.rmdir()  # a run that left nothing


def check_out(out: str | None) -> None:
    """Raise UserError if `run.out` is no folder, or one that holds anything besides a run and its later results."""
    folder = path_of(out) if out else None
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder) if folder else None
    if there is not None and not there.is_dir():
        raise UserError(f"run.out={out}: {there} is a file; choose a new folder")
    names = sorted(path.name for path in folder.iterdir()) if folder and there == folder else []
    other = next((name for name in names if name not in A_RUNS and not name.startswith(".scratch-")), None)
    if other is not None:
        raise UserError(f"run.out={out}: the folder holds {other}, which is not a run's; choose an empty or new folder")


def copy_artifacts(source: Path, target: Path) -> None:
    """Copy a run's artifacts to another folder, each whole or not at all; raises UserError if one is missing."""
    for name in ARTIFACTS:
        if not (source / name).is_file():
            raise UserError(f"{source / name}: no such file; copy it from the machine that trained this run")
        with replacing(target / name) as temporary:
            shutil.copyfile(source / name, temporary)


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write a learning curve as CSV, one row per epoch."""
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\r\n", na_rep="nan"))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a learning curve written by `write_history`; raises UserError if it is missing or not a curve."""
    try:
        curve = pd.read_csv(path, dtype=object, keep_default_na=False).astype(float).astype({"epoch": int})
        return [{str(name): value for name, value in row.items()} for row in curve.to_dict("records")]
    except FileNotFoundError:
        raise UserError(f"{path}: no learning curve here; train the model again") from None
    except (ValueError, KeyError) as error:  # pandas' own errors are subclasses of ValueError
        raise UserError(f"{path}: not a learning curve ({error}); train the model again") from error


def initial_weights_of(init: str) -> InitialWeights:
    """Return where the weights `init` come from; a file in the repository has a path relative to its root.

    Raises UserError if a run's own weights are damaged or not those that it has saved.
    """
    file = weights_file(init)
    named = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
    read = RunMetadata.read_finished if file.name in HASHED else RunMetadata.read  # others may be checkpoints
    run = read(file.parent).run_id if (file.parent / "run.json").is_file() else None
    return InitialWeights(file=named, sha256=sha256_of(file), run=run)


Stage = TypeVar("Stage", bound=StageConfig)


def trained_run(config: Stage) -> tuple[RunMetadata, Stage]:
    """Return the metadata of the run in `config.run`, and `config` with that run's folders, for a later stage.

    Results of a run outside the pipeline stay in that run's folder, separate from the pipeline's results. Raises
    UserError if there is no run, or if its data or model are not those of `config`.
    """
    run = path_of(config.run)
    metadata = RunMetadata.read_finished(run)
    data, model = config.data.name, config.model.name
    theirs = metadata.config.data.name, metadata.config.model.name
    if theirs != (data, model):
        raise UserError(f"{config.run}: a {theirs[1]} trained on {theirs[0]}; add data={theirs[0]} model={theirs[1]}")
    if run == path_of(f"models/{data}/{config.name}"):
        return metadata, config
    file = Path(getattr(config, "exported", "")).name
    own = {
        "report": (f"reports/{data}/models/{config.name}", run / "report"),
        "out": (f"exports/{data}/{config.name}", run / "exports"),
        "exported": (f"exports/{data}/{config.name}/{file}", run / "exports" / file),
    }
    moved = {key: str(there) for key, (default, there) in own.items() if getattr(config, key, None) == default}
    return metadata, config.model_copy(update=moved)
