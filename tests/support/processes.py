"""Waiting for a condition, and whether a process still runs."""

import subprocess
import time

import pytest


def within(seconds, condition) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs ps")
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")
