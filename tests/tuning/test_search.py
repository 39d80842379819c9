"""The state of a search on disk."""

from pathlib import Path
from typing import Any

import pytest

from inkproof.runtime.errors import UserError
from inkproof.tuning.search import Search, make_oracle
from inkproof.tuning.space import read_space

TUNER: dict[str, Any] = {"name": "random", "trials": 2, "seed": 1, "retries": 0}
CONFIG: dict[str, Any] = {"batch_size": 32, "epochs": 1}


def search(folder: Path) -> Search:
    space = read_space([{"key": "batch_size", "choices": [32, 64]}], CONFIG)
    return Search(make_oracle(TUNER, space, 1), CONFIG, space, lambda config, trial: {}, folder)


def test_state_appears_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = search(tmp_path / "a-search")
    made.oracle.save()
    path = tmp_path / "a-search" / "oracle.json"
    before = path.read_bytes()
    monkeypatch.setattr(made.oracle, "get_state", lambda: {"begins": 1, "cannot be written": object()})
    with pytest.raises(TypeError):
        made.oracle.save()
    assert path.read_bytes() == before


def test_state_that_cannot_be_read_is_one_line(tmp_path: Path):
    search(tmp_path / "a-search").save()
    (tmp_path / "a-search" / "oracle.json").write_text('{"begins')
    with pytest.raises(UserError, match="state cannot be read") as raised:
        search(tmp_path / "a-search")
    assert len(str(raised.value).splitlines()) == 1
