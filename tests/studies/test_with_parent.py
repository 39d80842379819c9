"""Workers end with the process that started them, even where that was killed."""

import os
import signal
import subprocess
import sys
import time

from inkproof.paths import ROOT

WORKER = """
import os, sys, time
from inkproof.studies.with_parent import end_with_parent
end_with_parent(int(sys.argv[1]) or os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""
STARTER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def worker_left_behind(parent: str) -> int:
    """Start a worker by way of a process that is then killed; return the worker's id."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, WORKER, parent], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    return pid


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(pid)


def test_a_worker_ends_when_its_parent_is_killed():
    assert gone(worker_left_behind("0"), 30)


def test_another_process_than_the_parent_is_none_to_end_with():
    pid = worker_left_behind(str(os.getpid()))
    try:
        assert not gone(pid, 3)
    finally:
        os.kill(pid, signal.SIGKILL)
