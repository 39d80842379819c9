"""Digits that are made because a run needs them, and for the next one."""

from pathlib import Path
from typing import Any

import pytest

from inkproof.data import download as absent


@pytest.mark.parametrize(
    ("data", "made_with"),
    [
        ({"name": "mnist", "val": 0}, 5000),  # a run that trains on all digits
        ({"name": "mnist", "val": 1234}, 1234),  # one that wants so many
        ({"name": "mnist", "val": 5000}, 5000),
        ({"name": "of-another-conf", "val": 0}, 0),
    ],
)
def test_a_digits_file_has_validation_digits_for_the_next_run(
    data: dict[str, Any], made_with: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[tuple[int, Path]] = []
    monkeypatch.setattr(absent, "prepare", lambda data, out, mirror: made.append((data["val"], out)))
    file = tmp_path / "digits.npz"
    assert absent.prepare_absent(data, file)
    assert made == [(made_with, tmp_path)]
    file.write_bytes(b"there")
    assert not absent.prepare_absent(data, file)
    assert len(made) == 1
