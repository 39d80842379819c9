"""Which number format a network is trained in."""

from pathlib import Path

POLICIES = ("auto", "float32", "mixed_bfloat16")


def has_amx(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor multiplies bfloat16 matrices in hardware (AMX); False where unknown."""
    try:
        return "amx_bf16" in cpuinfo.read_text()
    except OSError:
        return False


def resolve_policy(policy: str, convolutional: bool, amx: bool) -> str:
    """Return the Keras dtype policy for `policy` ("auto", or a policy itself).

    Raises ValueError for an unknown one.
    """
    if policy not in POLICIES:
        raise ValueError(f"precision.policy={policy}: choose one of {', '.join(POLICIES)}")
    if policy != "auto":
        return policy
    # A dense net is bound by memory, not by multiplication: bfloat16 gains it nothing.
    return "mixed_bfloat16" if convolutional and amx else "float32"
