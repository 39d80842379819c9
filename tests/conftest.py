"""Fixtures for all tests: workspaces, Hypothesis without a clock, and the fixing of pytest-xdist's groups."""

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from inkproof.runtime.paths import ROOT
from inkproof.runtime.startup import large_libraries
from support.workspaces import Workspace, clean_environment

pytest_plugins = ["support.pipeline"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before any test imports TensorFlow

# How long an example takes says nothing about the code: other work may share the machine.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

SOURCES = (
    *("src", "conf", "experiments", "dvc.yaml", "params.yaml", "pyproject.toml", "Makefile", ".gitignore"),
    *(".dvcignore", ".dvc/config", ".dvc/.gitignore", "data/drawn/starter", "data/drawn/not_digits"),
    *("data/drawn/mine/.gitkeep", "reports/mnist", "models/pretrained/ink_mask.keras"),
    "models/pretrained/ink_mask.json",
)
LEFT_OUT = {"reports/mnist": ("test", "drawn", "timing.json")}  # what git ignores within SOURCES


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests, which imports TensorFlow and MLflow, without looking for garbage among what stays for good."""
    with large_libraries():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make `xdist_group` work: pytest-xdist 3.8 writes the group to a field that pytest 9.2 no longer reads."""
    for item in items:
        grouped = vars(item).get("_nodeid")
        if grouped is not None:
            item._id = item.id.parse(grouped)


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder `name` that `make` fills, given one to fill; made once for all workers, and whole or not."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            making = shared / f"{name}-making"
            shutil.rmtree(making, ignore_errors=True)  # of a worker whose making failed: the next one fails for itself
            making.mkdir()
            make(making)
            making.rename(folder)
    return folder


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """The function `made_once` for fixtures of other folders: give it a name, and what fills a folder."""
    return partial(made_once, tmp_path_factory)


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that workspaces are copied from, with data/optdigits/digits.npz; made once for all workers."""

    def make(making: Path) -> None:
        for name in SOURCES:
            _copy(ROOT / name, making / name, LEFT_OUT.get(name, ("__pycache__",)))
        (making / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
        command = [sys.executable, "src/download.py", "data=optdigits"]
        subprocess.run(command, cwd=making, env=clean_environment(), check=True)
        compileall.compile_dir(making / "src", quiet=1)  # once, and not again in each workspace

    return made_once(tmp_path_factory, "workspace-template", make)


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


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small models of stand_in.py: canvas.tflite, bare.tflite, model.tflite; made once for all."""

    def make(making: Path) -> None:
        environment = {**clean_environment(), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
        script = Path(__file__).parent / "support" / "stand_in.py"
        subprocess.run([sys.executable, script, making], env=environment, check=True, capture_output=True)

    return made_once(tmp_path_factory, "stand-in", make)


def _copy(source: Path, target: Path, left_out: tuple[str, ...]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out))
    elif source.exists():
        shutil.copy2(source, target)
