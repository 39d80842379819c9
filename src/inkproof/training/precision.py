"""Which number format a network is trained in."""

from pathlib import Path

from inkproof.config.schema import POLICIES


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor multiplies bfloat16, by AMX or AVX-512 instructions; False where unknown."""
    try:
        features = cpuinfo.read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features


def resolve_policy(policy: str, convolutional: bool, bfloat16: bool) -> str:
    """Return the Keras dtype policy for `policy` ("auto", or a policy itself).

    `bfloat16` says whether the processor has instructions for it. Raises ValueError for an unknown one.
    """
    if policy not in POLICIES:
        raise ValueError(f"precision.policy={policy}: choose one of {', '.join(POLICIES)}")
    if policy != "auto":
        return policy
    # A dense net is bound by memory, not by multiplication: bfloat16 gains it nothing.
    return "mixed_bfloat16" if convolutional and bfloat16 else "float32"
