"""Digits that are made because a run needs them, and for the next one."""

from pathlib import Path

import pytest

from inkproof.data import download as absent
from support import tiny_mnist as tiny
from support.data_conf import changed


@pytest.mark.parametrize(
    ("name", "val", "made_with"),
    [
        ("mnist", 0, 5000),  # a run that trains on all digits
        ("mnist", 1234, 1234),  # a run with another number
        ("mnist", 5000, 5000),
        ("of-another-conf", 0, 0),
    ],
)
def test_a_digits_file_has_validation_digits_for_the_next_run(
    name: str, val: int, made_with: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[tuple[int, Path]] = []
    monkeypatch.setattr(absent, "prepare", lambda data, out, mirror: made.append((data.val, out)))
    data = changed(tiny.config(), name=name, val=val)
    file = tmp_path / "digits.npz"
    assert absent.prepare_absent(data, file)
    assert made == [(made_with, tmp_path)]
    file.write_bytes(b"there")
    assert not absent.prepare_absent(data, file)
    assert len(made) == 1
