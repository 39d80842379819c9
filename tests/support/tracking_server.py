"""A real tracking server in a workspace, for tests marked `cluster`."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkproof.server.parts import LOCAL
from support.ports import free_ports
from support.workspaces import Workspace, clean_environment


@dataclass(frozen=True)
class Server:
    """A server in a workspace; `words` are its ports, which each command takes."""

    workspace: Workspace
    words: tuple[str, ...]
    address: str
    s3: str

    @property
    def folder(self) -> Path:
        return self.workspace.root / "server"

    def run(self, command: str, *words: str, code: int = 0) -> Any:
        """Run a command of src/server.py."""
        return self.workspace.run("python", "src/server.py", command, *self.words, *words, code=code)

    def process(self, part: str) -> int:
        """The process of a part."""
        lines = dict(line.split(": runs, process ") for line in self.status() if ": runs" in line)
        return int(lines[part])

    def status(self) -> list[str]:
        """What `status` prints, whether the server answers or not."""
        command = ["python", "src/server.py", "status", *self.words]
        done = subprocess.run(command, cwd=self.workspace.root, env=clean_environment(), capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if line]

    def new_user(self, name: str) -> dict[str, str]:
        """The three variables of a client that is a new user."""
        printed = self.run("user", f"name={name}").stdout
        pairs = dict(line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
        return {"MLFLOW_TRACKING_URI": self.address, **pairs}


@contextmanager
def running_server(template: Path) -> Iterator[Server]:
    """A server on free ports, open to the network, in a copy of the workspace `template`; in the end all is deleted.

    It is not in pytest's folder: that is its owner's alone, and another account runs PostgreSQL if the tests run as
    root. Each start of pytest takes that account's rights away again.
    """
    first = free_ports(11)
    words = (f"port={first + 9}", f"s3_port={first + 10}", f"inner_port={first}", "host=0.0.0.0")
    with tempfile.TemporaryDirectory(prefix="inkproof-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(template, folder, dirs_exist_ok=True)
        made = Server(Workspace(Path(folder)), words, f"http://{LOCAL}:{first + 9}", f"http://{LOCAL}:{first + 10}")
        try:
            made.run("start")
            yield made
        finally:
            made.run("stop")
