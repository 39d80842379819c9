"""Processes side by side share the cores instead of getting in each other's way."""

import os
import sys
from pathlib import Path

import pytest

from inkproof.runtime import processes as cores
from inkproof.runtime.processes import share, use_threads
from support.workspaces import Workspace


@pytest.mark.parametrize(
    ("processes", "each"), [(1, 8), (2, 4), (3, 2), (20, 1), (-1, 1), (-4, 1), (-7, 4), (-8, 8), (-30, 8)]
)
def test_each_process_has_its_share(monkeypatch: pytest.MonkeyPatch, processes: int, each: int) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 8)
    assert share(processes) == each


def test_the_user_and_a_loaded_library_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "5"})
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    use_threads(3)
    assert os.environ == {"OMP_NUM_THREADS": "5"}
    monkeypatch.delitem(sys.modules, "tensorflow")
    use_threads(3)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3" and os.environ["OMP_NUM_THREADS"] == "5"


def test_the_workers_of_a_sweep_compute_with_their_share(workspace: Workspace) -> None:
    script: Path = workspace.root / "src" / "threads.py"
    script.write_text(
        "import os\n"
        "from inkproof.config.compose import entry\n"
        "from inkproof.config.schema import TrainConfig\n"
        "from inkproof.config.sweep import Trained\n"
        "@entry(TrainConfig)\n"
        "def main(cfg):\n"
        "    print('threads', os.environ.get('TF_NUM_INTRAOP_THREADS'), flush=True)\n"
        "    return Trained(0.9, 'validation', 1.0, 'runs/x', lambda: 'LINK')\n"
        "main()\n"
    )
    workers = str(max(2, cores.cores()))  # never fewer than two: joblib runs one in this process
    by_joblib = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}")
    said = workspace.run("python", "src/threads.py", "-m", "seed=0,1", *by_joblib).stdout.splitlines()
    assert [line for line in said if line.startswith("threads")] == ["threads 1"] * 2
    assert "threads None" in workspace.run("python", "src/threads.py").stdout, "one training alone has all cores"
