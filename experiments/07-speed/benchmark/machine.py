"""What machine a figure was taken on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inkproof.tracking.provenance import describe_machine

# What decides how fast a network is trained on a processor, as Linux calls it.
FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """Return the processor's name, its features, memory in GiB, the load before, and the versions of what computes."""
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
        **{name: version(name) for name in ("tensorflow", "keras", "numpy", "ai-edge-litert")},
    }
