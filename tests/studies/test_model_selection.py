"""src/study.py select as it is typed: candidates, a selection that git has to hold, one evaluation."""

from typing import Any

import pytest
import yaml

from support.workspaces import Workspace, git

pytestmark = pytest.mark.slow

FOLDER = "experiments/71-selection"
SELECT = ("python", "src/study.py", "select")
TINY: dict[str, Any] = {
    "question": "Which is best?",
    "fixed": {
        **{"data": "optdigits", "model": "dense", "training.epochs": 1, "training.batch_size": 50, "callbacks": "last"},
        **{"data.val": 0, "training.folds": 2, "training.fold": "${seed}"},
    },
    "grids": [
        {
            "grid": {
                "network": {
                    "four": {"model.build.hidden": [4]},
                    "sixteen": {"model.build.hidden": [16]},
                    "distilled": {"model.build.hidden": [8], "training.teacher.runs": ["@sixteen"]},
                }
            },
            "seeds": [0, 1],
        },
        # Trained on one fold only: not a candidate.
        {"grid": {"network": {"thirty-two": {"model.build.hidden": [32]}}}, "seeds": [0]},
    ],
    "stages": ["train", "out_of_fold"],
    "metrics": ["out_of_fold_plain_accuracy", "training_seconds"],
}


def test_candidates_are_cross_validated_one_is_chosen_and_evaluated_once(workspace: Workspace):
    folder = workspace.root / "experiments" / "71-selection"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(TINY, sort_keys=False))
    git(workspace.root, "init", "-q")
    workspace.run("python", "src/preprocess.py", "data=optdigits")

    (folder / "study.yaml").write_text(yaml.safe_dump(TINY | {"metrics": TINY["metrics"][:1]}, sort_keys=False))
    assert "add training_seconds to metrics" in workspace.fails(*SELECT, "candidates", FOLDER)
    (folder / "study.yaml").write_text(yaml.safe_dump(TINY, sort_keys=False))
    assert "--again: unknown option" in workspace.run(*SELECT, "evaluate", FOLDER, "--again", code=2).stderr
    setting = "hydra.launcher.partition=short"
    assert (
        f"{setting}: has no effect for this command" in workspace.run(*SELECT, "choose", FOLDER, setting, code=2).stderr
    )
    assert "6 grid runs are not finished" in workspace.fails(*SELECT, "choose", FOLDER)
    assert "run `choose` first" in workspace.fails(*SELECT, "evaluate", FOLDER)
    assert "7 of 7 grid runs" in workspace.run(*SELECT, "candidates", FOLDER).stdout
    rows = (folder / "results.csv").read_text()
    workspace.run(*SELECT, "candidates", FOLDER)
    assert (folder / "results.csv").read_text() == rows  # nothing was computed again

    printed = workspace.run(*SELECT, "choose", FOLDER, "--seeds", "2", "--members", "2").stdout
    selection = yaml.safe_load((folder / "selection.yaml").read_text())
    assert "commit it, then run `evaluate`" in printed and f"of {1437:,} wrong" in printed
    assert selection["single"]["members"] == ["sixteen"] and selection["single"]["of"] == 1437  # all training digits
    misread = (folder / "misread.csv").read_text()
    assert f"sixteen,0,{'tta' if selection['single']['tta'] else 'plain'},{selection['single']['errors']}," in misread
    assert (
        len(selection["singles"]) == 6 and selection["ensemble"]["compared"] == 6
    )  # three networks, and pairs, in two ways
    assert all("training.folds" not in one["overrides"] for one in selection["trainings"].values())

    assert "not committed as it is" in workspace.fails(*SELECT, "evaluate", FOLDER)
    git(workspace.root, "add", "experiments/71-selection/selection.yaml")
    git(workspace.root, "commit", "-qm", "a selection")
    workspace.run(*SELECT, "evaluate", FOLDER)
    (evaluation,) = yaml.safe_load((folder / "evaluations.yaml").read_text())
    assert (evaluation["selection"], evaluation["data"], evaluation["single"]["n"]) == (1, "optdigits", 2)
    assert 0.3 < evaluation["single"]["accuracy"]["mean"] < 1
    assert set(evaluation["ensemble"]["drawn"]) == {"starter"}
    assert f"{evaluation['single']['accuracy']['mean'] * 100:.3f} ±" in (folder / "README.md").read_text()

    runs = {run.info.run_name: run for run in workspace.runs("study/71-selection")}
    for kind in ("single", "ensemble"):
        logged = [runs[f"selection 1, {kind} {number}"] for number in range(2)]
        assert [run.info.run_id for run in logged] == evaluation[kind]["runs"]
        assert [run.data.metrics["test_errors"] for run in logged] == evaluation[kind]["errors"]
        assert all(run.data.metrics["drawn_starter_classic_accuracy"] > 0 for run in logged)
    workspace.run("python", "src/study.py", "leaderboard", "--top", "500", "--write")
    ranking = (workspace.root / "experiments" / "leaderboard.md").read_text()
    assert "selection 1, single: sixteen" in ranking and f"/runs/{evaluation['single']['runs'][0]})" in ranking

    workspace.run(*SELECT, "evaluate", FOLDER)
    assert len(yaml.safe_load((folder / "evaluations.yaml").read_text())) == 1
    assert "there is a selection 1 already" in workspace.fails(*SELECT, "choose", FOLDER)

    # A second selection, of the same networks here, trains none of them again.
    workspace.run(*SELECT, "choose", FOLDER, "--seeds", "2", "--members", "2", "--again")
    git(workspace.root, "commit", "-qam", "another selection")
    workspace.run(*SELECT, "evaluate", FOLDER)
    first, second = (folder.with_name(f"71-selection-{number}") / "results.csv" for number in (1, 2))
    assert first.read_text() == second.read_text()
    evaluations = yaml.safe_load((folder / "evaluations.yaml").read_text())
    assert [one["selection"] for one in evaluations] == [1, 2]
    assert evaluations[0]["ensemble"]["errors"] == evaluations[1]["ensemble"]["errors"]
