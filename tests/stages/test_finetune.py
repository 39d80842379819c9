"""src/train.py from given weights, then src/evaluate.py finetuned, as they are typed: on made-up hands, in small."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.models.loading import load_trained
from inkproof.runtime.paths import ROOT
from support.drawn_writers import config, sheet
from support.workspaces import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finetune")]

TRAIN = ("python", "src/train.py")
# A replay of a few digits in place of all ink, on a method that starts in no time, and a small network.
SMALL = (
    *("data.replay.folder=data/replay", "data.replay.method=mnist", "data.replay.workers=1", "data.replayed=30"),
    *("data.val=20", "data.copies=2", "data.drawn=40", "model.build.widths=[4,8]", "model.build.dense=16"),
    *("batch_size=10", "epochs=2", "register=false"),
)
TUNE = (*TRAIN, "experiment=finetune_drawn", *SMALL)
PARENT = ("data=finetune", "model=vgg_bn", "init=null", "out=models/parent")
COMPARE = ("python", "src/evaluate.py", "finetuned", *(word for word in SMALL if word.startswith("data.replay.")))


@pytest.fixture(scope="module")
def tuned(new_workspace: Callable[[], Workspace]) -> Workspace:
    """Four hands, a parent that was trained on them from random weights, and a run that went on from it."""
    made = new_workspace()
    config(made.root / "data", [drawing for name in ("anna", "ben", "cara", "dai") for drawing in sheet(name)])
    shutil.copytree(made.root / "data" / "mine", made.root / "data" / "drawn" / "mine", dirs_exist_ok=True)
    made.run(*TRAIN, *PARENT, *SMALL)
    made.run(*TUNE, "init=models/parent", "out=models/finetune/vgg_bn")
    return made


def record(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text()))


def test_the_run_names_its_parent_and_is_known_by_its_weights(tuned: Workspace) -> None:
    parent, child = (record(tuned.root / "models" / name) for name in ("parent", "finetune/vgg_bn"))
    assert parent["parent"] is None and "init" not in parent["config"]
    assert child["parent"]["file"] == "models/parent/model.keras" and child["parent"]["run"] == parent["run_id"]
    assert child["config"]["init"] == child["parent"]["sha256"] and child["key"] != parent["key"]
    (run,) = (run for run in tuned.runs("finetune") if run.info.run_id == child["run_id"])
    assert run.data.tags["init_run"] == parent["run_id"]
    assert run.data.tags["init_file"] == "models/parent/model.keras"
    # The same weights elsewhere are the same run; it is not trained twice.
    shutil.copyfile(tuned.root / "models/parent/model.keras", tuned.root / "elsewhere.keras")
    assert "trained before, reused" in tuned.run(*TUNE, "init=elsewhere.keras").stdout


def test_it_goes_on_from_the_weights_and_keeps_them_where_the_rate_is_next_to_nothing(tuned: Workspace) -> None:
    tuned.run(*TUNE, "init=models/parent", "optimizer.learning_rate=1e-9", "out=models/still")
    # Its batch normalization follows the digits it sees, at any rate: those means and variances are not trained.
    still, parent = (load_trained(tuned.root / "models" / name).trainable_variables for name in ("still", "parent"))
    for this, that in zip(still, parent, strict=True):
        np.testing.assert_allclose(this.numpy(), that.numpy(), atol=1e-6)


def test_another_network_a_missing_file_and_another_kind_of_file_end_in_one_line(tuned: Workspace) -> None:
    before = len(tuned.runs("finetune"))
    line = tuned.fails(*TUNE, "init=models/parent", "model.build.dense=17")
    assert "init=models/parent: another network than the one to be trained (layer " in line
    assert "is Dense 128x16 to 16, not Dense 128x17 to 17)" in line
    assert "init=models/nobody: no trained model there; name a .keras file" in tuned.fails(*TUNE, "init=models/nobody")
    assert "init=dvc.yaml: no trained model there" in tuned.fails(*TUNE, "init=dvc.yaml")
    assert "init=3: expected a text" in tuned.fails(*TUNE, "init=3")
    assert len(tuned.runs("finetune")) == before


def test_the_comparison_is_written_and_told(tuned: Workspace) -> None:
    # The pens are not there without a download: other drawings stand in for those of the 14 writers.
    held = set(json.loads((tuned.root / "data/finetune/split.json").read_text())["writers"]["test"])
    words = ("sets.pens.folder=data/mine", "sets.pens.role=null", "replay=data/replay/digits.npz")
    said = tuned.run(*COMPARE, *words).stdout.splitlines()
    found = json.loads((tuned.root / "reports/finetune/finetuned.json").read_text())
    assert {name: entry["n"] for name, entry in found["sets"].items()} == {"mine": 10, "mnist": 20, "pens": 40}
    assert found["before"]["file"] == "models/parent/model.keras"
    assert set(found["writers"]["test"]) == held and len(held) == 1
    page = (tuned.root / "reports/finetune/index.html").read_text()
    assert said[0] in page and f'<th scope="row">{held.pop()}</th>' in page and "data:image/png;base64," in page
    (run,) = (run for run in tuned.runs("finetune") if run.data.tags["stage"] == "finetuned")
    assert run.data.metrics["finetuned_mine_after"] == found["sets"]["mine"]["after"]["accuracy"]
    # A held-out drawing that was deleted since is shown no more.
    lines = (tuned.root / "data/drawn/mine/drawings.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["writer"] not in found["writers"]["test"]]
    (tuned.root / "data/drawn/mine/drawings.jsonl").write_text("".join(kept))
    tuned.run(*COMPARE, *words)
    assert "data:image/png" not in (tuned.root / "reports/finetune/index.html").read_text()
    assert not (tuned.root / "reports/finetune/before_after.png").exists()


def test_a_comparison_without_a_before_or_with_other_digits_ends_in_one_line(tuned: Workspace) -> None:
    words = ("sets.pens.folder=data/mine", "sets.pens.role=null", "replay=data/replay/digits.npz")
    assert "so there is no before; run `make finetune`" in tuned.fails(*COMPARE, *words, "run=models/parent")
    assert "no trained model here" in tuned.fails(*COMPARE, *words, "run=models/nobody")
    split = tuned.root / "data/finetune/split.json"
    text = split.read_text()
    split.write_text(text.replace('"sha256": "', '"sha256": "0'))
    assert "not what vgg_bn-ink-s0 was trained on; run `make finetune` again" in tuned.fails(*COMPARE, *words)
    split.write_text(text)


def test_without_drawings_it_says_where_they_come_from(workspace: Workspace) -> None:
    (workspace.root / "models").mkdir()
    shutil.copytree(ROOT / "models/pretrained", workspace.root / "models/pretrained")
    line = workspace.fails(*TRAIN, "experiment=finetune_drawn")
    assert "data/drawn/mine: no drawings to learn from; keep some on the page of `make app`" in line
