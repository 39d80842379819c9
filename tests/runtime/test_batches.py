"""Work in several processes: in order, and no process outlives the one that asked for it."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from inkproof.runtime import processes
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.processes import in_order
from support.processes import alive, within


def slow_square(number: int) -> tuple[int, int]:
    time.sleep(0.02 if number % 2 else 0)
    return number * number, os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_work(workers: int) -> None:
    results = list(in_order([partial(slow_square, number) for number in range(20)], workers))
    assert [square for square, _ in results] == [number * number for number in range(20)]
    assert (os.getpid() in {process for _, process in results}) == (workers == 1)


def marked(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number


def test_results_come_as_they_are_made_and_never_far_ahead_of_who_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "AHEAD", 3)
    results = in_order([partial(marked, tmp_path, number) for number in range(40)], 2)
    assert next(results) == 0
    time.sleep(1)
    assert len(list(tmp_path.iterdir())) <= 6
    assert list(results) == list(range(1, 40))


def test_who_takes_results_may_pause_until_the_processes_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "AHEAD", 2)
    monkeypatch.setattr(processes, "IDLE", 0.2)
    found = []
    for square, _ in in_order([partial(slow_square, number) for number in range(8)], 2):
        found.append(square)
        time.sleep(0.5)
    assert found == [number * number for number in range(8)]
    assert within(10, lambda: not multiprocessing.active_children())


def test_an_error_is_that_of_the_work() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(in_order([partial(int, "one"), partial(int, "2")], 2))


def test_a_process_that_is_ended_is_reported_in_one_line() -> None:
    with pytest.raises(UserError, match=r"was killed.*data\.source\.workers=1"):
        list(in_order([partial(os._exit, 9)], 2))


def test_when_the_parent_is_killed_its_processes_end(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time\nfrom functools import partial\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom inkproof.runtime.processes import in_order\n"
        "def stay(name):\n    Path(name).write_text(str(os.getpid()))\n    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        f"    list(in_order([partial(stay, {str(tmp_path / 'child')!r} + str(n)) for n in range(2)], 2))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    children = [tmp_path / "child0", tmp_path / "child1"]
    assert within(30, lambda: all(child.exists() and child.read_text() for child in children))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    for child in children:
        assert within(10, lambda child=child: not alive(int(child.read_text())))
