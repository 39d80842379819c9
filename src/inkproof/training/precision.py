"""Which number format a network is trained in."""

from pathlib import Path

from inkproof.config.schema import Policy


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the processor multiplies bfloat16, by AMX or AVX-512 instructions; False if unknown."""
    try:
        features = cpuinfo.read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features


def resolve_policy(policy: Policy, convolutional: bool, bfloat16: bool) -> Policy:
    """Return the Keras dtype policy for `policy` ("auto", or a policy itself).

    `bfloat16` is whether the processor has instructions for it.
    """
    if policy != "auto":
        return policy
    # A dense net is bound by memory, not by multiplication: bfloat16 gains it nothing.
    return "mixed_bfloat16" if convolutional and bfloat16 else "float32"
