"""`dvc exp run --temp`: the stages run in a copy of the repository that DVC deletes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.stages import preprocess


@pytest.fixture(scope="module")
def committed(dvc_workspace: Callable[..., Any]) -> Any:
    """A workspace in git, with a drawing that git ignores."""
    workspace = dvc_workspace({"dense": 1})
    (workspace.root / ".dvc" / "config.local").unlink()
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "state")):
        workspace.run("git", *words)
    (workspace.root / "data" / "drawn" / "mine" / "drawings.jsonl").write_text("")
    return workspace


def assert_here(workspace: Any, seed: int) -> None:
    """The run with this seed, its folder and its files in MLflow are in the repository, and DVC keeps no copy."""
    (run,) = (run for run in workspace.runs("optdigits") if run.info.run_name == f"dense aug=off s{seed}")
    assert run.info.status == "FINISHED"
    (folder,) = (workspace.root / "runs").glob(f"optdigits-dense-off-s{seed}-*")
    assert json.loads((folder / "run.json").read_text())["run_id"] == run.info.run_id
    artifacts = workspace.root / "mlruns" / "optdigits" / run.info.run_id / "artifacts" / "artifacts"
    assert (artifacts / "model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    assert list((workspace.root / ".dvc" / "tmp" / "exps").glob("tmp*")) == []


@pytest.mark.slow
@pytest.mark.xdist_group("chain")
def test_runs_and_store_of_a_temporary_copy_are_in_the_repository(committed: Any):
    choice, stages = "runs.optdigits-dense.seed=5", ("train@optdigits-dense", "drawings@optdigits")
    done = committed.run("dvc", "exp", "run", "--temp", "-S", choice, *stages)
    line = "data/drawn/mine: 1 files are missing in DVC's copy of the repository, such as drawings.jsonl"
    assert line in done.stdout + done.stderr
    assert_here(committed, 5)
    # The same training in the repository is that run.
    words = ("data=optdigits", "model=dense", "aug=off", "seed=5")
    assert "trained before, reused" in committed.run("python", "src/train.py", *words).stdout


@pytest.mark.slow
@pytest.mark.xdist_group("chain")
def test_runs_of_two_queued_experiments_at_once_are_in_the_repository(committed: Any):
    for seed in (6, 7):
        choice = f"runs.optdigits-dense.seed={seed}"
        committed.run("dvc", "exp", "run", "--queue", "-S", choice, "train@optdigits-dense")
    committed.run("dvc", "exp", "run", "--run-all", "--jobs", "2")
    for seed in (6, 7):
        assert_here(committed, seed)


def test_drawings_that_are_missing_in_a_copy_are_said(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    with composing() as compose:
        config = compose(PreprocessConfig, ("data=optdigits",))
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1"
    for root, names in ((tmp_path, ("a.png", ".gitkeep")), (copy, (".gitkeep",))):
        (root / config.sets["mine"].folder).mkdir(parents=True)
        for name in names:
            (root / config.sets["mine"].folder / name).touch()
    monkeypatch.setattr(preprocess, "path_of", lambda value: copy / value)
    monkeypatch.setattr(preprocess, "HOME", tmp_path)
    preprocess.warn_of_missing(config, ["mine"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("data/drawn/mine: 1 files are missing in DVC's copy of the repository, such as a.png; ")
    monkeypatch.setattr(preprocess, "HOME", preprocess.ROOT)
    preprocess.warn_of_missing(config, ["mine"])
    assert capsys.readouterr().err == ""
