"""Which number format is chosen, and on what evidence."""

from pathlib import Path

import pytest

from inkproof.training.precision import has_amx, resolve_policy

CPUINFO = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse2 avx512_bf16 {}amx_tile\n"


@pytest.mark.parametrize(
    ("policy", "convolutional", "amx", "expected"),
    [
        ("auto", True, True, "mixed_bfloat16"),
        ("auto", True, False, "float32"),
        ("auto", False, True, "float32"),
        ("auto", False, False, "float32"),
        ("float32", True, True, "float32"),
        ("mixed_bfloat16", False, False, "mixed_bfloat16"),
    ],
)
def test_policy(policy: str, convolutional: bool, amx: bool, expected: str) -> None:
    assert resolve_policy(policy, convolutional, amx) == expected


def test_unknown_policy_is_named_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"precision.policy=float16: choose one of auto, float32, mixed_bfloat16"):
        resolve_policy("float16", True, True)


def test_amx_is_read_from_the_processor_s_flags(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO.format("amx_bf16 "))
    assert has_amx(cpuinfo)
    cpuinfo.write_text(CPUINFO.format(""))  # bfloat16 in vector instructions is no gain
    assert not has_amx(cpuinfo)
    assert not has_amx(tmp_path / "no-such-file")
