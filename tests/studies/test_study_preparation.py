"""What a study fetches before its first grid_run."""

from pathlib import Path
from typing import Any

import pytest

from inkproof.data import download as absent
from inkproof.data.drawings import FILE_NAME
from inkproof.studies import run_study as preparation


@pytest.mark.parametrize(
    ("sets", "there", "asked"), [(["pens"], False, 1), (["pens"], True, 0), (["starter"], False, 0)]
)
def test_the_pen_digits_are_fetched_where_they_are_read_and_absent(
    sets: list[str], there: bool, asked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fetched: list[tuple[Any, Path]] = []
    monkeypatch.setattr(absent, "prepare", lambda data, out, mirror: fetched.append((data["folder"], out)))
    folders = {name: str(tmp_path / name) for name in ("pens", "starter")}
    (tmp_path / "pens").mkdir()
    if there:
        (tmp_path / "pens" / FILE_NAME).write_text("")
    config = {
        "pens": {"folder": folders["pens"]},
        "sets": {name: {"folder": folder} for name, folder in folders.items()},
        "data": {"drawn_sets": sets},
    }
    preparation.make_drawings(config)
    assert fetched == [(folders["pens"], tmp_path / "pens")] * asked
