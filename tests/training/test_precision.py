"""Which number format is chosen, and on what evidence."""

from pathlib import Path

import pytest
import tensorflow as tf

from inkproof.config.schema import Policy
from inkproof.training.precision import has_bfloat16, resolve_policy

CPUINFO = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse2 {}amx_tile avx512f\n"


@pytest.mark.parametrize(
    ("policy", "convolutional", "bfloat16", "expected"),
    [
        ("auto", True, True, "mixed_bfloat16"),
        ("auto", True, False, "float32"),
        ("auto", False, True, "float32"),
        ("auto", False, False, "float32"),
        ("float32", True, True, "float32"),
        ("mixed_bfloat16", False, False, "mixed_bfloat16"),
    ],
)
def test_policy(policy: Policy, convolutional: bool, bfloat16: bool, expected: Policy) -> None:
    assert resolve_policy(policy, convolutional, bfloat16) == expected


def test_bfloat16_is_read_from_the_processor_s_flags(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    for feature in ("amx_bf16 ", "avx512_bf16 "):
        cpuinfo.write_text(CPUINFO.format(feature))
        assert has_bfloat16(cpuinfo)
    cpuinfo.write_text(CPUINFO.format(""))
    assert not has_bfloat16(cpuinfo)
    assert not has_bfloat16(tmp_path / "no-such-file")


@pytest.mark.parametrize(
    ("capabilities", "expected"), [([(8, 0)], True), ([(9, 0), (7, 5)], False), ([(7, 5)], False), ([None], False)]
)
def test_a_gpu_decides_where_there_is_one(
    capabilities: list[tuple[int, int] | None], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO.format("amx_bf16 "))
    details = [{} if one is None else {"compute_capability": one} for one in capabilities]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: details if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)
    assert has_bfloat16(tmp_path / "cpuinfo") == expected
