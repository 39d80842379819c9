"""The repository, also from within the temporary copy in which DVC runs an experiment."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inkproof.config import compose
from inkproof.runtime.paths import ROOT, database_file, home_of
from support.workspaces import clean_environment


@pytest.mark.parametrize(
    ("root", "home"),
    [
        ("/home/me/inkproof", "/home/me/inkproof"),
        ("/home/me/inkproof/.dvc/tmp/exps/tmpab12", "/home/me/inkproof"),
        ("/home/me/all/inkproof/.dvc/tmp/exps/tmpab12/inkproof", "/home/me/all/inkproof"),
        ("/home/me/exps/inkproof", "/home/me/exps/inkproof"),
    ],
)
def test_what_outlives_the_copy_is_in_the_repository(root: str, home: str):
    assert home_of(Path(root)) == Path(home)


def test_code_of_the_copy_uses_the_store_of_the_repository(tmp_path: Path):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1"
    shutil.copytree(ROOT / "src" / "inkproof" / "runtime", copy / "src" / "inkproof" / "runtime")
    script = "from inkproof.runtime.paths import HOME, ROOT, tracking_uri; print(ROOT, HOME, tracking_uri())"
    environment = {**clean_environment(), "PYTHONPATH": str(copy / "src")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == f"{copy} {tmp_path} sqlite:///{tmp_path}/mlflow.db\n"


def test_runs_are_never_in_the_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1"
    monkeypatch.setattr(compose, "ROOT", copy)
    monkeypatch.setattr(compose, "HOME", tmp_path)
    assert compose.path_of("runs/mnist-cnn-on-s0-KEY") == tmp_path / "runs/mnist-cnn-on-s0-KEY"
    assert compose.path_of("data/mnist") == copy / "data/mnist"
    assert compose.path_of("/elsewhere/runs") == Path("/elsewhere/runs")


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:////data/m.db", "/data/m.db"),
        ("sqlite:////data/a%20b/m.db?timeout=3", "/data/a b/m.db"),
        ("sqlite:///:memory:", ":memory:"),
        ("http://127.0.0.1:5000", None),
    ],
)
def test_a_database_is_found_by_its_address(address: str, file: str | None):
    assert database_file(address) == (Path(file) if file else None)
