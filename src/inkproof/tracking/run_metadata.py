"""What a run leaves on disk: its record, its artifacts, and the folder it works in."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from inkproof.config.compose import flatten, path_of
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, write_json, write_text
from inkproof.runtime.paths import ROOT
from inkproof.tracking.identity import configuration_key, weights_file, weights_sha

ARTIFACTS = ("model.keras", "history.csv", "run.json")


@dataclass
class RunMetadata:
    """The content of run.json. `metrics` are those of the kept epoch; `config` is the resolved one.

    `parent` says where the first weights came from: `file`, its `sha256` and, where that is known, the `run` that left
    it; None where they were drawn at random. `policy` is the number format that was asked for; `config` has what it
    came to.
    """

    run_id: str
    experiment: str
    name: str
    key: str
    data_sha: str
    code_sha: str
    git_commit: str
    machine: str
    config: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    finished: bool = False
    parent: dict[str, str] | None = None
    policy: str = "auto"

    @property
    def folder(self) -> Path:
        """Where the run works: checkpoint and artifacts, outside every DVC output."""
        return ROOT / "runs" / f"{self.name}-{self.key}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its MLflow run."""
        return {
            "model": self.config["model"]["name"],
            "aug": self.config["aug"]["name"],
            "data": self.config["data"]["name"],
            "data_sha": self.data_sha,
            "git_commit": self.git_commit,
            "key": self.key,
            "configuration": configuration_key(flatten(self.config), self.data_sha, self.policy),
            "machine": self.machine,
            **{f"init_{name}": value for name, value in (self.parent or {}).items()},
        }

    def write(self) -> None:
        """Write run.json to the run's folder."""
        write_json(self.folder / "run.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "RunMetadata":
        """Read run.json of a folder; raises UserError where there is none or it cannot be read."""
        path = folder / "run.json"
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"{folder}: no trained model here (run.json is missing); train one first") from None
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not a run record ({error}); train the model again") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; raises UserError when another process is training it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self.folder}.lock", timeout=0):
                yield
        except Timeout:
            raise UserError(f"{self.name}-{self.key}: another process is training this very run") from None

    def complete(self) -> bool:
        """Return whether the run's folder holds every artifact of this finished run."""
        if not all((self.folder / name).is_file() for name in ARTIFACTS):
            return False
        try:
            return RunMetadata.read(self.folder).finished
        except UserError:
            return False


def copy_artifacts(source: Path, target: Path) -> None:
    """Copy a run's artifacts to another folder, each whole or not at all."""
    for name in ARTIFACTS:
        with replacing(target / name) as temporary:
            shutil.copyfile(source / name, temporary)


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write a learning curve as CSV, one row an epoch."""
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\r\n", na_rep="nan"))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a learning curve written by `write_history`; raises UserError where there is none or it is no curve."""
    try:
        curve = pd.read_csv(path, dtype=object, keep_default_na=False).astype(float).astype({"epoch": int})
        return [{str(name): value for name, value in row.items()} for row in curve.to_dict("records")]
    except FileNotFoundError:
        raise UserError(f"{path}: no learning curve here; train the model again") from None
    except (ValueError, KeyError) as error:  # pandas' own errors are of ValueError
        raise UserError(f"{path}: not a learning curve ({error}); train the model again") from error


def initial_weights_of(init: str) -> dict[str, str]:
    """Return what a run remembers of its first weights: `file`, `sha256` and, where a run left them, its id as `run`.

    The file is named from the repository's root where it lies in it.
    """
    file = weights_file(init)
    named = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
    parent = {"file": named, "sha256": weights_sha(init)}
    if (file.parent / "run.json").is_file():
        parent["run"] = RunMetadata.read(file.parent).run_id
    return parent


def trained_run(config: dict[str, Any]) -> tuple[RunMetadata, dict[str, Any]]:
    """Return the record of the run in `config["run"]`, and a later stage's `config` fit for it.

    What is made of another run than the pipeline's own stays in that run's folder, away from the pipeline's
    results. Raises UserError where there is no run, or one trained on other data or of another model than the stage
    is told.
    """
    record = RunMetadata.read(path_of(config["run"]))
    data, model = config["data"]["name"], config["model"]["name"]
    theirs = record.config["data"]["name"], record.config["model"]["name"]
    if theirs != (data, model):
        raise UserError(
            f"{config['run']}: a {theirs[1]} trained on {theirs[0]}; add data={theirs[0]} model={theirs[1]}"
        )
    run = path_of(config["run"])
    if run == path_of(f"models/{data}/{model}"):
        return record, config
    own = {
        "report": (f"reports/{data}/models/{model}", run / "report"),
        "out": (f"exports/{data}/{model}", run / "exports"),
        "exported": (f"exports/{data}/{model}/model.tflite", run / "exports" / "model.tflite"),
    }
    moved = {key: str(there) for key, (default, there) in own.items() if config.get(key) == default}
    return record, {**config, **moved}
