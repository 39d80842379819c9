"""Which number format a network is trained in."""

from pathlib import Path

import tensorflow as tf

from inkproof.config.schema import Policy

AMPERE = (8, 0)  # the compute capability from which on NVIDIA's GPUs multiply bfloat16


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether the GPU or, without one, the processor multiplies bfloat16; False if unknown.

    A processor does so by AMX or AVX-512 instructions. Of several GPUs all must.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(one.get("compute_capability", (0, 0)) >= AMPERE for one in details)
    try:
        features = cpuinfo.read_text()
    except OSError:
        return False
    return "amx_bf16" in features or "avx512_bf16" in features


def resolve_policy(policy: Policy, convolutional: bool, bfloat16: bool) -> Policy:
    """Return the Keras dtype policy for `policy` ("auto", or a policy itself).

    `bfloat16` is whether the processor, or the GPU, has instructions for it.
    """
    if policy != "auto":
        return policy
    # A dense net is bound by memory, not by multiplication: bfloat16 gains it nothing.
    return "mixed_bfloat16" if convolutional and bfloat16 else "float32"
