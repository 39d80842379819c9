"""The commit that a result is quoted with."""

from pathlib import Path

import pytest

from inkproof.tracking import provenance
from inkproof.tracking.provenance import git_commit
from support.workspaces import git


def test_growing_results_do_not_change_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert git_commit() == "unknown"
    for name in ("code.py", "experiments/02/results.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        git(tmp_path, *words)
    commit = git_commit()
    assert len(commit) == 40
    (tmp_path / "experiments/02/results.csv").write_text("second")
    assert git_commit() == commit
    (tmp_path / "code.py").write_text("second")
    assert git_commit() == commit + "+"
