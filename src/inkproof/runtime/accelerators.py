"""GPUs of this machine, found without TensorFlow, and one for each process of several. Untried on a real GPU."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from inkproof.runtime.paths import HOME

VISIBLE = "CUDA_VISIBLE_DEVICES"  # what NVIDIA's libraries read: the GPUs that a process may use
DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU
_taken: list[FileLock] = []  # held for the life of this process


def gpus(driver: Path = DRIVER) -> list[str]:
    """Return the numbers of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` has them; [] without any."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [one.strip() for one in given.split(",") if one.strip() not in ("", "-1")]
    return [str(number) for number, _ in enumerate(driver.glob("*"))]


def gpu_names(driver: Path = DRIVER) -> list[str]:
    """Return the model names of this machine's GPUs, whether this process may use them or not."""
    lines = [line for file in sorted(driver.glob("*/information")) for line in file.read_text().splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]


def take_gpu(folder: Path = HOME / "runs") -> None:
    """Let this process alone use one of the GPUs, until it ends: the first that no other process of this clone has.

    Without a GPU nothing changes. If all are taken, the process computes on the processor.
    """
    found = gpus()
    if not found or _taken:
        return
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[VISIBLE] = "-1"
    for number in found:
        lock = FileLock(folder / f".gpu-{number}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        _taken.append(lock)
        os.environ[VISIBLE] = number
        return
