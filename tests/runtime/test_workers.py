"""Workers end with the process that started them, even where that was killed."""

import os
import signal
import subprocess
import sys

from inkproof.runtime.paths import ROOT
from support.processes import alive, within

WORKER = """
import os, sys, time
from inkproof.runtime.processes import end_with_parent
end_with_parent(int(sys.argv[1]) or os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""
STARTER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""


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


def test_a_worker_ends_when_its_parent_is_killed():
    pid = worker_left_behind("0")
    assert within(30, lambda: not alive(pid))


def test_another_process_than_the_parent_is_none_to_end_with():
    pid = worker_left_behind(str(os.getpid()))
    try:
        assert not within(3, lambda: not alive(pid))
    finally:
        os.kill(pid, signal.SIGKILL)
