"""Whole processes, timed as a user waits for them. Each starts anew."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.times import Times, WorkloadTimes
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

HERE = Path(__file__).parents[1]  # where `benchmark` is


@dataclass(frozen=True)
class Finished:
    """A process that has ended: its start (seconds since 1970), duration, peak memory, exit code and output."""

    began: float
    seconds: float
    peak_mib: float
    code: int
    output: str


def run(
    command: Sequence[str],
    scratch: Path,
    cwd: Path = ROOT,
    codes: Sequence[int] = (0,),
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run `command` in `cwd` with its MLflow store below `scratch`; `python` means this interpreter.

    Peak memory, in MiB, is that of the largest single process among it and its children. Raises UserError where the
    exit code is none of `codes`.
    """
    words = [sys.executable if word == "python" else word for word in command]
    own = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{scratch / 'mlflow.db'}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", HERE))),
    }
    log = scratch / "output.txt"
    began, started = time.time(), time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **own, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")
    if process.returncode not in codes:
        last = " ".join(output.strip().splitlines()[-1:])
        raise UserError(f"`{' '.join(command)}` ended with {process.returncode}: {last}")
    return Finished(began, seconds, usage.ru_maxrss / 1024, process.returncode, output)


def workload(name: str, scratch: Path, environment: Mapping[str, str] | None = None, **settings: Any) -> WorkloadTimes:
    """Return the times of the workload `name` of `benchmark.workloads` with `settings`, in a process of its own."""
    command = ["python", "-m", "benchmark.workloads", name, json.dumps(settings)]
    done = run(command, scratch, environment=environment)
    times: Times = json.loads(done.output.strip().splitlines()[-1])
    return {**times, "began": done.began}
