"""What the demo makes differs with the processor; git sees none of it in dvc.lock, and all of the rest."""

import shutil
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT
from support.workspaces import Workspace

FILTER = "sh .dvc/committed_optdigits.sh"
DVC_YAML = """\
stages:
  train:
    foreach: [optdigits, mnist]
    do:
      cmd: head -c $SIZE /dev/zero > out-${item}
      outs: ["out-${item}"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """A small project under git with this repository's settings of git and DVC, where both stages were run."""
    for name in (".gitattributes", ".dvc/config", ".dvc/.gitignore", ".dvc/committed_optdigits.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / ".gitignore").write_text("/out-*\n")
    who = {f"GIT_{role}_{key}": "test@test" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    made = Workspace(tmp_path, {**who, **nobody, "DVC_SITE_CACHE_DIR": str(tmp_path / ".dvc" / "tmp")})
    made.run("git", "init", "--quiet")
    made.run("dvc", "repro", SIZE="9")
    made.run("git", "add", ".")
    made.run("git", "commit", "--quiet", "-m", "made by the author")
    made.run("git", "config", "filter.optdigits.clean", FILTER)
    return made


def remake(project: Workspace, *targets: str, size: str) -> str:
    """Run stages as on another machine, whose outputs are of another size; return what `git diff` shows of dvc.lock."""
    for path in project.root.glob("out-*"):
        path.unlink()
    shutil.rmtree(project.root / ".dvc" / "cache")
    project.run("dvc", "repro", *targets, SIZE=size)
    return str(project.run("git", "diff", "HEAD", "--", "dvc.lock").stdout)


def test_the_demo_leaves_a_clean_tree_and_dvc_its_own_entries(project: Workspace):
    assert remake(project, "train@optdigits", size="12345") == ""
    assert project.run("git", "status", "--short").stdout == ""
    assert "size: 12345" in (project.root / "dvc.lock").read_text()
    assert "train@optdigits" not in project.run("dvc", "status").stdout
    # The author commits them where they are to change.
    project.run("git", "-c", "filter.optdigits.clean=cat", "add", "--renormalize", "dvc.lock")
    assert "12345" in project.run("git", "diff", "--cached").stdout


def test_other_entries_are_seen(project: Workspace):
    changed = [
        line for line in remake(project, size="777").splitlines() if line[:1] in "+-" and line[:3] not in "+++---"
    ]
    assert [line for line in changed if "size" in line] == ["-      size: 9", "+      size: 777"]
    assert len(changed) == 4  # the hash and the size of the stage on MNIST


def test_the_makefile_sets_the_filter():
    assert f"git config filter.optdigits.clean '{FILTER}'" in (ROOT / "Makefile").read_text()
