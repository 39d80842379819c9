"""The commit that a result is quoted with."""

from pathlib import Path

import pytest

from inkproof.tracking import provenance
from inkproof.tracking.provenance import git_commit
from support.workspaces import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed repository, which is taken for this one."""
    root = tmp_path / "repository"
    for name in ("src/code.py", "experiments/02/results.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        git(root, *words)
    monkeypatch.setattr(provenance, "ROOT", root)
    return root


def test_growing_results_do_not_change_the_commit(repository: Path):
    commit = git_commit()
    assert len(commit) == 40
    (repository / "experiments/02/results.csv").write_text("second")
    (repository / "notes.txt").write_text("mine")
    assert git_commit() == commit
    (repository / "src/code.py").write_text("second")
    assert git_commit() == commit + "+"


def test_a_module_that_git_does_not_track_changes_the_code(repository: Path):
    (repository / "src/new.py").write_text("new")
    assert git_commit().endswith("+")


def test_a_copy_inside_another_repository_has_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch):
    copy = repository / "copy"
    copy.mkdir()
    monkeypatch.setattr(provenance, "ROOT", copy)
    assert git_commit() == "unknown"


def test_a_folder_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert git_commit() == "unknown"


def test_the_environment_of_another_repository_changes_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    commit = git_commit()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert git_commit() == commit
