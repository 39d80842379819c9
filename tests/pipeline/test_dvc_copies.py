"""`dvc exp run --temp`: the stages run in a copy of the repository that DVC deletes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.stages import preprocess


@pytest.mark.slow
@pytest.mark.xdist_group("chain")
def test_runs_and_store_of_a_temporary_copy_are_in_the_repository(dvc_workspace: Callable[..., Any]):
    workspace = dvc_workspace({"dense": 1})
    (workspace.root / ".dvc" / "config.local").unlink()
    mine = workspace.root / "data" / "drawn" / "mine"
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "state")):
        workspace.run("git", *words)
    (mine / "drawings.jsonl").write_text("")
    stages = ("train@optdigits-dense", "drawings@optdigits")
    done = workspace.run(
        "dvc", "exp", "run", "--temp", "--name", "other-seed", "-S", "runs.optdigits-dense.seed=5", *stages
    )
    assert "data/drawn/mine: 1 files are missing in DVC's copy of the repository, such as drawings.jsonl" in (
        done.stdout + done.stderr
    )
    assert list((workspace.root / ".dvc" / "tmp" / "exps").glob("tmp*")) == [], "DVC keeps no copy"
    (run,) = workspace.runs("optdigits")
    assert (run.info.run_name, run.info.status) == ("dense-off-s5", "FINISHED")
    (folder,) = (workspace.root / "runs").iterdir()
    assert json.loads((folder / "run.json").read_text())["run_id"] == run.info.run_id
    artifacts = workspace.root / "mlruns" / "optdigits" / run.info.run_id / "artifacts" / "artifacts"
    assert (artifacts / "model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    # The same training in the repository is that run.
    words = ("data=optdigits", "model=dense", "aug=off", "seed=5")
    assert "trained before, reused" in workspace.run("python", "src/train.py", *words).stdout


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
