"""A grid run through all stages: its figures are those that the stages wrote, under the names a study may ask for."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from inkproof.exporting.files import QUANTIZATIONS
from inkproof.studies.definition import read_study
from inkproof.studies.grid import plan
from inkproof.studies.results import Row, read_results
from support.workspaces import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]

NAME = "82-all-stages"
STUDY = {
    "question": "Is everything measured?",
    "fixed": {"data": "optdigits", "model": "dense", "aug": "off", "training.epochs": 10},
    "seeds": [0],
    "stages": ["train", "evaluate", "export", "drawn", "formats"],
    "metrics": ["test_acc", "drawn_starter_classic_accuracy", "int8_kb"],
    "keep": ["*"],
}


@pytest.fixture(scope="module")
def ran(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, Path, Row]:
    workspace = new_workspace()
    folder = workspace.root / "experiments" / NAME
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    # The same training by hand, before: the study takes it, and leaves that run alone.
    workspace.run("python", "src/train.py", "data=optdigits", "model=dense", "training.epochs=10")
    workspace.run("python", "src/study.py", "run", f"experiments/{NAME}")
    (row,) = read_results(folder / "results.csv").values()
    return workspace, workspace.root / "runs" / "studies" / NAME / row.key, row


def test_every_metric_that_a_study_may_ask_for_was_measured_and_no_other(ran: tuple[Workspace, Path, Row]):
    workspace, _, row = ran
    (grid_run,) = plan(read_study(workspace.root / "experiments" / NAME))
    absent = ["_mine_"]  # the workspace has no drawings of its user
    absent += [] if importlib.util.find_spec("coremltools") else ["coreml_"]
    nobody_s = {name for name in grid_run.known if any(part in name for part in absent)}
    assert set(row.metrics) == grid_run.known - nobody_s
    (run,) = [run for run in workspace.runs(f"study/{NAME}") if run.info.run_id == row.run]
    logged = {name for name in run.data.metrics if not name.startswith("epoch/")}
    assert logged == grid_run.known - nobody_s


def test_the_figures_are_those_that_the_stages_wrote(ran: tuple[Workspace, Path, Row]):
    _, folder, row = ran
    report = {
        name: json.loads((folder / "report" / f"{name}.json").read_text()) for name in ("test", "drawn", "formats")
    }
    assert row.metrics["test_acc"] == pytest.approx(report["test"]["accuracy"], abs=1e-8)
    assert row.metrics["drawn_starter_classic_accuracy"] == pytest.approx(
        report["drawn"]["starter"]["classic"]["accuracy"]
    )
    for form in QUANTIZATIONS:
        assert row.metrics[f"{form}_kb"] == report["formats"][form]["kb"]


def test_smaller_files_are_smaller_and_read_nearly_as_well(ran: tuple[Workspace, Path, Row]):
    _, folder, row = ran
    for form in QUANTIZATIONS:
        size = (folder / "formats" / f"model_{form}.tflite").stat().st_size
        assert row.metrics[f"{form}_kb"] == pytest.approx(size / 1024, abs=0.01)
        assert row.metrics[f"{form}_accuracy"] == pytest.approx(row.metrics["test_acc"], abs=0.02)
        assert row.metrics[f"{form}_starter_accuracy"] == pytest.approx(
            row.metrics["drawn_starter_classic_accuracy"], abs=0.02
        )
    assert row.metrics["float32_accuracy"] == row.metrics["test_acc"]
    sizes = [row.metrics[f"{form}_kb"] for form in ("int8", "float16", "float32")]
    assert np.all(np.diff(sizes) > 0) and sizes[1] < 0.6 * sizes[2]


def test_a_training_done_before_is_taken_and_its_run_left_as_it_was(ran: tuple[Workspace, Path, Row]):
    workspace, folder, row = ran
    (by_hand,) = workspace.runs("optdigits")
    assert by_hand.info.run_name == "dense aug=off epochs=10 s0"
    assert "mlflow.parentRunId" not in by_hand.data.tags
    assert not any(name.startswith(("test_", "drawn_")) for name in by_hand.data.metrics)
    (own,) = [run for run in workspace.runs(f"study/{NAME}") if run.info.run_name == "seed=0"]
    assert own.info.run_id == row.run != by_hand.info.run_id
    assert own.data.tags["original_run_id"] == by_hand.info.run_id
    assert own.data.metrics["val_acc"] == by_hand.data.metrics["val_acc"]
    assert len(workspace.client().get_metric_history(own.info.run_id, "epoch/loss")) == 10
    assert "trained before, reused" in (folder / "log.txt").read_text()
