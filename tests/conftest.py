"""A workspace: a copy of the repository in a temporary folder, where commands are typed as a user types them.

The package finds every default path from its own place, so a copy is the only way to run an entry point without
touching the checkout that is being tested.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from inkproof.paths import ROOT

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before any test imports TensorFlow

SOURCES = (
    *("src", "conf", "experiments", "dvc.yaml", "params.yaml", "pyproject.toml", "Makefile", ".gitignore"),
    *(".dvcignore", ".dvc/config", ".dvc/.gitignore", "data/drawn/starter", "data/drawn/not_digits"),
    *("data/drawn/mine/.gitkeep", "reports/mnist"),
)
LEFT_OUT = {"reports/mnist": ("test", "drawn", "timing.json")}  # what git ignores within SOURCES
FOREIGN = ("MLFLOW", "INKPROOF", "HYDRA", "DVC", "GIT_", "PYTEST", "PYTHON", "TF_", "KERAS")
TIMEOUT = 300  # seconds; a command that takes longer hangs


def clean_environment() -> dict[str, str]:
    """Return the environment of a user who has set nothing, with this interpreter's programs first in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    programs = str(Path(sys.executable).parent)
    return {**kept, "PATH": programs + os.pathsep + kept.get("PATH", ""), "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository. `environment` is what its commands see besides a clean environment."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, code: int = 0, cwd: Path | None = None, **environment: str) -> Any:
        """Run a command in the root (or `cwd`) and return the CompletedProcess; its exit code must be `code`.

        "python" and "dvc" are those of this interpreter's environment.
        """
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**clean_environment(), **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == code, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def fails(self, *command: str, **environment: str) -> str:
        """Run a command that must end as a user's mistake does: exit code 2, one line on stderr; return the line."""
        done = self.run(*command, code=2, cwd=None, **environment)
        assert len(done.stderr.strip().splitlines()) == 1, f"not one line:\n{done.stderr}"
        return str(done.stderr.strip())

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own; end it with `stop`."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**clean_environment(), **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def stop(self, process: subprocess.Popen[str], how: signal.Signals = signal.SIGKILL) -> tuple[str, str]:
        """Signal a started command's process group, wait for its end, return what it wrote (stdout, stderr)."""
        os.killpg(process.pid, how)
        return process.communicate(timeout=TIMEOUT)

    def client(self) -> Any:
        """Return an MLflow client on a copy of the workspace's store as it is now.

        A copy, because MLflow keeps a database open for as long as the process lives, even a deleted one.
        """
        import mlflow

        number = len(list(self.root.glob("copy-*.db")))
        copy = self.root / f"copy-{number}.db"
        with sqlite3.connect(self.root / "mlflow.db") as source, sqlite3.connect(copy) as target:
            source.backup(target)
        return mlflow.MlflowClient(f"sqlite:///{copy}")

    def runs(self, experiment: str) -> list[Any]:
        """Return the MLflow runs of an experiment, the oldest first."""
        client = self.client()
        found = client.get_experiment_by_name(experiment)
        return list(client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"]))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make `xdist_group` work: pytest-xdist 3.8 writes the group to a field that pytest 9.2 no longer reads."""
    for item in items:
        grouped = vars(item).get("_nodeid")
        if grouped is not None:
            item._id = item.id.parse(grouped)


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that workspaces are copied from, with data/optdigits/digits.npz; made once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    template = shared / "workspace-template"
    with FileLock(f"{template}.lock"):
        if not template.exists():
            making = shared / "workspace-making"
            for name in SOURCES:
                _copy(ROOT / name, making / name, LEFT_OUT.get(name, ("__pycache__",)))
            (making / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
            subprocess.run(
                [sys.executable, "src/download.py", "data=optdigits"], cwd=making, env=clean_environment(), check=True
            )
            making.rename(template)
    return template


@pytest.fixture(scope="session")
def new_workspace(workspace_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """A function that makes a workspace, for fixtures that live longer than one test."""

    def make() -> Workspace:
        folder = tmp_path_factory.mktemp("workspace")
        shutil.copytree(workspace_template, folder, dirs_exist_ok=True)
        return Workspace(folder)

    return make


@pytest.fixture
def workspace(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace of the test's own."""
    return new_workspace()


def _copy(source: Path, target: Path, left_out: tuple[str, ...]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out))
    elif source.exists():
        shutil.copy2(source, target)
