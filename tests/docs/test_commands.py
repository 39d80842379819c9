"""Every command of README.md and docs/ is in commands.yaml, and is run as it says there."""

import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT
from support.documents import DOCUMENTS, OTHER, SESSION, SHELL, blocks, commands, inline_commands
from support.workspaces import Workspace

TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("commands.yaml").read_text(encoding="utf-8"))
PAGES: dict[str, str] = TABLE.pop("pages")  # whose commands a test of their own runs, and that test
LISTED = [command for part in TABLE.values() for command in part]
MISTAKES = {"python src/train.py model=cnnn"}  # they end with exit code 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_is_listed(document: Path) -> None:
    assert {language for language, _ in blocks(document)} <= {*SHELL, SESSION, *OTHER}, "what kind of block is it?"
    if document.name in PAGES:
        assert not commands(document) or (ROOT / PAGES[document.name]).is_file()
        return
    assert [command for command in commands(document) if command not in LISTED] == []
    begun = [command for command in inline_commands(document) if not any(one.startswith(command) for one in LISTED)]
    assert begun == []


def test_every_listed_command_is_in_a_document_and_listed_once() -> None:
    found = {command for path in DOCUMENTS for command in (*commands(path), *inline_commands(path))}
    assert [command for command in LISTED if command not in found] == []
    assert len(set(LISTED)) == len(LISTED)


def test_what_is_tested_elsewhere_names_a_test() -> None:
    for command, path in TABLE["elsewhere"].items():
        program, word, *_ = command.split()
        said = {"python": Path(word).stem, "make": ""}.get(program, f'"{word}"')
        assert said in (ROOT / path).read_text(encoding="utf-8"), f"{path} does not run {command}"
    named = re.findall(r"tests/[\w./]+\.py", " ".join(TABLE["not run"].values()))
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_target_of_make_can_be_planned(new_workspace: Callable[[], Workspace]) -> None:
    root = ready(new_workspace())
    targets = [command.split()[1] for command in LISTED if command.startswith("make ")]
    root.run("make", "--dry-run", *targets)


def test_the_commands_that_are_run(ready_workspace: Workspace) -> None:
    for command in TABLE["run"]:
        ready_workspace.run("bash", "-c", command, code=2 if command in MISTAKES else 0)


@pytest.mark.slow
def test_the_commands_that_are_run_small(dvc_workspace: Callable[..., Workspace]) -> None:
    workspace = ready(dvc_workspace())
    waiting: list[list[str]] = []  # they share a process, which starts TensorFlow once
    for command in TABLE["small"].values():
        if "KEY" in command or "launcher" in command or len(waiting) == 4:
            workspace.together(*waiting)
            waiting = []
        words = shlex.split(re.sub(r"runs/([\w-]+)-KEY", lambda match: newest(workspace, match[1]), command))
        if "launcher" in command:
            workspace.run(*words)
        else:
            waiting.append(words)
    workspace.together(*waiting)


def newest(workspace: Workspace, name: str) -> str:
    """The folder of the newest run of this name."""
    folders = [path.parent for path in workspace.root.glob(f"runs/{name}-*/run.json")]
    return max(folders, key=lambda path: path.stat().st_mtime).relative_to(workspace.root).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("command", TABLE["serve"])
def test_the_servers_answer(command: str, new_workspace: Callable[[], Workspace]) -> None:
    workspace = ready(new_workspace())
    words = TABLE["serve"][command]
    server = workspace.start("bash", "-c", words["start"])
    try:
        deadline = time.monotonic() + 120
        while subprocess.run(["bash", "-c", words["ask"]], cwd=workspace.root, check=False).returncode:
            assert time.monotonic() < deadline and server.poll() is None, server.poll()
            time.sleep(1)
    finally:
        assert "Traceback" not in "".join(workspace.stop(server, signal.SIGINT))


def test_a_taken_port_of_the_ui_is_one_line_before_the_server_starts(new_workspace: Callable[[], Workspace]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ready(new_workspace()).run("make", "ui", f"PORT={port}", code=2)
    line, end = done.stderr.splitlines()
    assert line.startswith(f"make: port {port} is taken") and "make ui PORT=5001" in line and "Error 2" in end
    assert done.stdout == ""


def test_a_clone_predicts_the_sample(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), "inkproof"], cwd=tmp_path, check=True)
    clone = Workspace(tmp_path / "inkproof")
    printed = clone.run("python", "src/predict.py", "docs/sample.png").stdout
    assert printed.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def ready_workspace(new_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace with what the commands name: the sample, the pretrained file, images, labels and scans."""
    return ready(new_workspace())


def ready(workspace: Workspace) -> Workspace:
    """Add to a workspace what the commands of the documents name."""
    root = workspace.root
    for name in ("docs/sample.png", "models/pretrained/canvas.tflite"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for label in (1, 7):
        for folder in ("my_digits", "scans"):
            path = root / folder / str(label) / "a.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(render([[(80 + 5 * label, 60), (150, 200)]])).save(path)
    (root / "labels.csv").write_text("file,label\n1/a.png,1\n")
    (root / "requirements").mkdir()
    (root / ".venv").mkdir()
    for name in ("base", "bootstrap", "dev", "server"):
        (root / "requirements" / f"{name}.lock").touch()
    for name in ("ready", "dev", "server"):
        (root / ".venv" / name).touch()
    return workspace
