"""A workspace: a copy of the repository in a temporary folder, where commands are typed as a user types them.

The package finds every default path from its own place, so a copy is the only way to run an entry point without
touching the checkout that is being tested. (A module of its own: several folders have a conftest, and only one of
them can be imported by that name.)
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOREIGN = ("MLFLOW", "INKPROOF", "HYDRA", "DVC", "GIT_", "PYTEST", "PYTHON", "TF_", "KERAS", "MAKE", "MFLAGS")
TIMEOUT = 300  # seconds; a command that takes longer hangs
ONE_PROCESS = Path(__file__).with_name("one_process.py")


def clean_environment() -> dict[str, str]:
    """Return the environment of a user who has set nothing, with this interpreter's programs first in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    programs = str(Path(sys.executable).parent)
    return {**kept, "PATH": programs + os.pathsep + kept.get("PATH", ""), "MLFLOW_DISABLE_TELEMETRY": "true"}


def git(folder: Path, *words: str) -> None:
    """Run git in `folder` as somebody, whoever is known on this machine."""
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, env=clean_environment(), check=True, capture_output=True)


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

    def together(self, *commands: Sequence[str], codes: Sequence[int] | None = None, **environment: str) -> list[Any]:
        """Run several commands of Python in one process, which starts TensorFlow once, and return how each ended.

        Each is the words that `run` takes, and ends as a CompletedProcess; the exit codes must be `codes`, by default
        all 0.
        """
        (self.root / "commands.json").write_text(json.dumps([command[1:] for command in commands]))
        process = self.run("python", str(ONE_PROCESS), "commands.json", "results.json", **environment)
        assert process.stderr == "", f"past Python's stderr, as TensorFlow's greetings:\n{process.stderr}"
        results = json.loads((self.root / "results.json").read_text())
        for name in ("commands.json", "results.json"):
            (self.root / name).unlink()
        pairs = zip(commands, results, strict=True)
        ended = [subprocess.CompletedProcess(command, **result) for command, result in pairs]
        for done, code in zip(ended, codes or [0] * len(ended), strict=True):
            assert done.returncode == code, f"{' '.join(done.args)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return ended

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
            # Tests that a shell started in the background would hand on that interrupts are ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def stop(self, process: subprocess.Popen[str], how: signal.Signals = signal.SIGKILL) -> tuple[str, str]:
        """Signal a started command's process group, wait for its end, return what it wrote (stdout, stderr)."""
        os.killpg(process.pid, how)
        return process.communicate(timeout=TIMEOUT)

    def client(self) -> Any:
        """Return an MLflow client on a copy of the workspace's tracker as it is now.

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
