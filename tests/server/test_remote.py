"""A DVC remote on the server's S3: a second clone pulls what the first one made, and runs nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT
from support.ports import free_ports
from support.tracking_server import Server
from support.workspaces import Workspace

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("server")]

STAGE = "train@optdigits-dense"
STAGES = ("download@optdigits", STAGE)
OUT = "models/optdigits/dense"


def connect(clone: Workspace, server: Server) -> None:
    """Add the remote as docs/tracking.md says."""
    known = json.loads((server.folder / "passwords.json").read_text())
    clone.run("dvc", "remote", "add", "--default", "store", "s3://inkproof/dvc")
    clone.run("dvc", "remote", "modify", "store", "endpointurl", server.s3)
    clone.run("dvc", "remote", "modify", "--local", "store", "access_key_id", known["s3_key"])
    clone.run("dvc", "remote", "modify", "--local", "store", "secret_access_key", known["s3_secret"])
    assert known["s3_secret"] not in (clone.root / ".dvc" / "config").read_text()


def test_a_second_clone_pulls_outputs_and_run_cache_and_runs_nothing(
    server: Server, new_workspace: Callable[[], Workspace]
):
    first, second, third = new_workspace(), new_workspace(), new_workspace()
    for clone in (first, second, third):
        shutil.rmtree(clone.root / "data" / "optdigits")
        connect(clone, server)
    made = first.run("dvc", "repro", STAGE).stdout
    assert f"Running stage '{STAGE}'" in made
    first.run("dvc", "push", "--run-cache", *STAGES)

    shutil.copyfile(first.root / "dvc.lock", second.root / "dvc.lock")  # as git brings it
    second.run("dvc", "pull", *STAGES)
    assert_same(first, second)
    assert "Running stage" not in second.run("dvc", "repro", STAGE).stdout

    third.run("dvc", "pull", "--run-cache", *STAGES, code=1)  # without dvc.lock there are no outputs to pull
    assert "Running stage" not in third.run("dvc", "repro", "--pull", STAGE).stdout
    assert_same(first, third)
    assert not any((clone.root / name).exists() for clone in (second, third) for name in ("runs", "mlflow.db"))


def assert_same(one: Workspace, other: Workspace) -> None:
    """The outputs of the stage are the same files."""
    for path in ("data/optdigits/digits.npz", *(f"{OUT}/{name}" for name in ("model.keras", "run.json"))):
        assert (one.root / path).read_bytes() == (other.root / path).read_bytes(), path


def test_a_machine_that_one_reaches_by_ssh_is_a_remote(new_workspace: Callable[[], Workspace], tmp_path: Path):
    asyncssh = pytest.importorskip("asyncssh")
    for name in ("host", "client"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(tmp_path / name)
        key.write_public_key(tmp_path / f"{name}.pub")
    port, script = str(free_ports(1)), ROOT / "tests" / "support" / "ssh_server.py"
    command = [sys.executable, str(script), port, str(tmp_path / "host"), str(tmp_path / "client.pub")]
    first, second = new_workspace(), new_workspace()
    with subprocess.Popen(command) as process:
        try:
            for clone in (first, second):
                clone.run(
                    "dvc", "remote", "add", "--default", "store", f"ssh://anna@127.0.0.1:{port}{tmp_path}/inkproof"
                )
                clone.run("dvc", "remote", "modify", "--local", "store", "keyfile", str(tmp_path / "client"))
                shutil.rmtree(clone.root / "data" / "optdigits")
            first.run("dvc", "repro", "download@optdigits")
            first.run("dvc", "push", "--run-cache", "download@optdigits")
            shutil.copyfile(first.root / "dvc.lock", second.root / "dvc.lock")
            second.run("dvc", "pull", "--run-cache", "download@optdigits")
        finally:
            process.terminate()
    digits = "data/optdigits/digits.npz"
    assert (first.root / digits).read_bytes() == (second.root / digits).read_bytes()
    assert "Running stage" not in second.run("dvc", "repro", "download@optdigits").stdout
