"""GPUs as a driver would list them: how many, which names, and one for each process."""

import subprocess
import sys
from pathlib import Path

import pytest

from inkproof.runtime import accelerators
from inkproof.runtime.accelerators import VISIBLE, gpu_names, gpus, take_gpu
from inkproof.runtime.paths import ROOT
from inkproof.runtime.startup import start_tensorflow


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VISIBLE, raising=False)
    for number in range(2):
        folder = tmp_path / "gpus" / f"0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t A GPU {number}\nIRQ:   \t\t 16\n")
    return tmp_path / "gpus"


def test_the_driver_lists_gpus(driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert gpus(driver) == ["0", "1"] and gpu_names(driver) == ["A GPU 0", "A GPU 1"]
    assert gpus(tmp_path / "absent") == gpu_names(tmp_path / "absent") == []
    for given, expected in (("1", ["1"]), ("0, 1", ["0", "1"]), ("", []), ("-1", [])):
        monkeypatch.setenv(VISIBLE, given)
        assert gpus(driver) == expected


def test_each_process_takes_a_gpu_of_its_own(driver: Path, tmp_path: Path):
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom inkproof.runtime import accelerators\n"
        "accelerators.gpus = lambda: ['0', '1']\naccelerators.take_gpu(Path(sys.argv[1]))\n"
        "print(os.environ.get(accelerators.VISIBLE), flush=True)\nsys.stdin.read()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "runs")],
            cwd=ROOT / "src",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    taken = [process.stdout.readline().strip() for process in processes if process.stdout]
    assert sorted(taken) == ["-1", "0", "1"]
    for process in processes:
        process.communicate()
    again = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "runs")],
        cwd=ROOT / "src",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == "0"


def test_without_a_gpu_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setattr(accelerators, "gpus", list)
    take_gpu(tmp_path / "runs")
    assert VISIBLE not in accelerators.os.environ and not (tmp_path / "runs").exists()


def test_memory_grows_on_every_gpu(monkeypatch: pytest.MonkeyPatch):
    import tensorflow as tf

    grown: list[tuple[str, bool]] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["first", "second"] if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu, on)))
    start_tensorflow()
    assert grown == [("first", True), ("second", True)]
