"""The machine that a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from inkproof.tracking.provenance import describe_machine

# The features that decide how fast a processor trains a network, by their names in Linux.
FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")


class Machine(TypedDict):
    """A machine: its processor, memory and load, and the versions of Python and the libraries that compute."""

    processor: str
    features: list[str]
    memory_gib: float
    load: float
    python: str
    tensorflow: str
    keras: str
    numpy: str
    ai_edge_litert: str


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """Return this machine as it is now; `cpuinfo` is where Linux lists the processor's features."""
    try:
        lines = cpuinfo.read_text().splitlines()
        found = set(next((line for line in lines if line.startswith("flags")), "").split())
    except OSError:
        found = set()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": describe_machine(),
        "features": [name for name in FEATURES if name in found],
        "memory_gib": round(memory, 1),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
        "keras": version("keras"),
        "numpy": version("numpy"),
        "ai_edge_litert": version("ai-edge-litert"),
    }
