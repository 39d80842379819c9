"""Files are written whole or not at all."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml, replacing, write_text


def test_content_is_on_the_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target, synced = tmp_path / "file.txt", []
    write_text(target, "before")

    def fsync(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), target.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(target, "after")
    ((path, seen),) = synced
    assert path.endswith("/file.txt") and path != str(target) and seen == "before"
    assert target.read_text() == "after"


def test_every_file_of_a_folder_is_brought_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    with replacing(tmp_path / "folder") as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "a").write_text("a")
        (temporary / "deep" / "b").write_text("b")
    assert sorted(Path(path).name for path in synced) == ["a", "b"]


def test_what_fails_leaves_the_file_and_no_scratch(tmp_path: Path):
    write_text(tmp_path / "file.txt", "before")
    with pytest.raises(RuntimeError), replacing(tmp_path / "file.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "file.txt").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("text", [f"grid: {'[' * 3000}{']' * 3000}", f"grid: {'{a: ' * 3000}1{'}' * 3000}"])
def test_a_file_that_is_nested_too_deeply_is_one_line(tmp_path: Path, text: str):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: cannot be read (maximum recursion depth exceeded)"


KILLED = """
import os, signal, sys
from pathlib import Path
from inkproof.runtime.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_collected_at_the_next_write(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a.json"], env=environment, check=False)
    assert killed.returncode == -9
    (scratch,) = tmp_path.iterdir()
    (tmp_path / scratch.name.replace(f"-{socket.gethostname()}-", "-another-machine-")).mkdir()
    alive = tmp_path / scratch.name.replace(scratch.name.split("-")[-2], str(os.getppid()))
    alive.mkdir()
    write_text(tmp_path / "b.json", "{}")  # any file of the folder
    assert not scratch.exists()
    assert len(list(tmp_path.iterdir())) == 3 and alive.exists(), "those of others stay"
