"""`drawings.py import --dvc`: the user's drawings under DVC, and a clone that gets them back."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from inkproof.preprocessing.strokes import render
from support.workspaces import Workspace, git

MINE = "data/drawn/mine"


@pytest.fixture(scope="module")
def project(dvc_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace under git, with a DVC remote, where two images were imported with --dvc and committed."""
    made = dvc_workspace({})
    (made.root / ".dvc" / "config.local").unlink()  # it says that there is no git
    git(made.root, "init", "--quiet")
    git(made.root, "add", ".")
    git(made.root, "commit", "--quiet", "-m", "start")
    remote = tmp_path_factory.mktemp("remote")
    made.run("dvc", "remote", "add", "--default", "store", str(remote))
    printed = add(made, 1, 7).stdout
    assert "mine.dvc is written in" in printed and "git commit" in printed and "dvc push" in printed
    git(made.root, "add", ".dvc/config")
    git(made.root, "commit", "--quiet", "-m", "Add drawings")
    made.run("dvc", "push", f"{MINE}.dvc")
    return made


def add(workspace: Workspace, *labels: int) -> object:
    """Import an image for each label with --dvc."""
    folder = workspace.root / "images"
    for label in labels:
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        ink = render([[(80 + 5 * label, 60), (150, 200)]])
        Image.fromarray(ink).save(folder / str(label) / "a.png")
    return workspace.run("python", "src/drawings.py", "import", "images", "--dvc")


def listed(root: Path) -> set[str]:
    """The files of the set, with the folder that they are in."""
    return {path.relative_to(root).as_posix() for path in (root / MINE).iterdir()}


def test_git_keeps_the_hash_and_ignores_the_images(project: Workspace):
    tracked = project.run("git", "ls-files", "data/drawn").stdout.split()
    assert {"data/drawn/mine.dvc", "data/drawn/.gitignore"} <= set(tracked)
    assert [name for name in tracked if name.startswith(f"{MINE}/")] == []
    assert project.run("git", "status", "--short", "data").stdout == ""
    assert project.run("dvc", "status", f"{MINE}.dvc").stdout.strip().endswith("up to date.")


def test_a_clone_pulls_the_drawings(project: Workspace, tmp_path: Path):
    clone = dataclasses.replace(project, root=tmp_path / "clone")
    project.run("git", "clone", "--quiet", str(project.root), str(clone.root))
    clone.run("dvc", "pull", f"{MINE}.dvc")
    assert listed(clone.root) == listed(project.root)
    assert len(listed(clone.root)) == 4  # two images, drawings.jsonl, .gitkeep


def test_a_second_import_changes_the_hash_alone(project: Workspace):
    before = (project.root / f"{MINE}.dvc").read_text()
    add(project, 3)
    assert (project.root / f"{MINE}.dvc").read_text() != before
    changed = project.run("git", "status", "--short", "data").stdout.split()
    assert changed == ["M", f"{MINE}.dvc"]
    assert project.run("dvc", "status", f"{MINE}.dvc").stdout.strip().endswith("up to date.")


def test_a_folder_outside_the_repository_is_refused_in_one_line(project: Workspace, tmp_path: Path):
    line = project.fails("python", "src/drawings.py", "import", "images", "--into", str(tmp_path / "set"), "--dvc")
    assert "dvc add failed" in line


def test_a_set_that_git_tracks_stays_as_it_is(project: Workspace) -> None:
    tracked = project.root / "data" / "drawn" / "starter"
    before = {path.name: path.read_bytes() for path in tracked.iterdir()}
    line = project.fails("python", "src/drawings.py", "import", "images", "--dvc", "--into", "data/drawn/starter")
    assert "git tracks" in line and "so DVC cannot keep this set; import into another folder" in line
    assert {path.name: path.read_bytes() for path in tracked.iterdir()} == before
    staged = project.run("git", "diff", "--cached", "--name-only").stdout
    assert "starter" not in staged
