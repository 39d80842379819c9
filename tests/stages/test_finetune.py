"""src/train.py from given weights, then src/evaluate.py finetuned, as they are typed: small, with invented writers."""

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
# A replay of a few digits, a preprocessing method that starts fast, and a small network.
SMALL = (
    *("data.source.replay.folder=data/replay", "data.source.replay.source.method=mnist_style"),
    *("data.source.replay.source.workers=1", "data.source.replayed=30", "data.source.copies=2", "data.source.drawn=40"),
    *("data.val=20", "model.build.widths=[4,8]", "model.build.dense=16"),
    *("training.batch_size=10", "training.epochs=2", "run.register=false"),
)
TUNE = (*TRAIN, "experiment=finetune_drawn", *SMALL)
INITIAL = ("data=finetune", "model=vgg_bn", "training.init=null", "run.out=models/initial")
COMPARE = (
    "python",
    "src/evaluate.py",
    "finetuned",
    *(word for word in SMALL if word.startswith("data.source.replay.")),
)


@pytest.fixture(scope="module")
def tuned(new_workspace: Callable[[], Workspace]) -> Workspace:
    """Four writers, a run trained on them from random weights, and a run that was fine-tuned from it."""
    made = new_workspace()
    config(made.root / "data", [drawing for name in ("anna", "ben", "cara", "dai") for drawing in sheet(name)])
    shutil.copytree(made.root / "data" / "mine", made.root / "data" / "drawn" / "mine", dirs_exist_ok=True)
    made.run(*TRAIN, *INITIAL, *SMALL)
    made.run(*TUNE, "training.init=models/initial", "run.out=models/finetune/vgg_bn")
    return made


def metadata(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text()))


def test_the_run_names_its_initial_weights_and_is_identified_by_them(tuned: Workspace) -> None:
    first, second = (metadata(tuned.root / "models" / name) for name in ("initial", "finetune/vgg_bn"))
    weights = second["initial_weights"]
    assert first["initial_weights"] is None and first["config"]["training"]["init"] is None
    assert weights["file"] == "models/initial/model.keras" and weights["run"] == first["run_id"]
    assert second["config"]["training"]["init"] == weights["sha256"] and second["key"] != first["key"]
    (run,) = (run for run in tuned.runs("finetune") if run.info.run_id == second["run_id"])
    assert run.data.tags["init_run"] == first["run_id"]
    assert run.data.tags["init_file"] == "models/initial/model.keras"
    # The same weights elsewhere are the same run; it is not trained twice.
    shutil.copyfile(tuned.root / "models/initial/model.keras", tuned.root / "elsewhere.keras")
    assert "trained before, reused" in tuned.run(*TUNE, "training.init=elsewhere.keras").stdout


def test_training_starts_from_the_weights_and_hardly_changes_them_at_a_tiny_rate(tuned: Workspace) -> None:
    tuned.run(*TUNE, "training.init=models/initial", "optimizer.learning_rate=1e-9", "run.out=models/still")
    # Its batch normalization follows the digits it sees, at any rate: those means and variances are not trained.
    still, first = (load_trained(tuned.root / "models" / name).trainable_variables for name in ("still", "initial"))
    for this, that in zip(still, first, strict=True):
        np.testing.assert_allclose(this.numpy(), that.numpy(), atol=1e-6)


def test_another_network_a_missing_file_and_another_kind_of_file_end_in_one_line(tuned: Workspace) -> None:
    before = len(tuned.runs("finetune"))
    line = tuned.fails(*TUNE, "training.init=models/initial", "model.build.dense=17")
    assert "training.init=models/initial: the weights of another network (layer " in line
    assert "is Dense 128x16 to 16, not Dense 128x17 to 17)" in line
    for init, line in (
        ("models/nobody", "training.init=models/nobody: no trained model there; give a .keras file"),
        ("dvc.yaml", "training.init=dvc.yaml: no trained model there"),
        ("3", "training.init=3: expected a text"),
    ):
        assert line in tuned.fails(*TUNE, f"training.init={init}")
    assert len(tuned.runs("finetune")) == before


def test_the_comparison_is_written_and_printed(tuned: Workspace) -> None:
    # The pens are not there without a download: other drawings stand in for those of the 14 writers.
    held = set(json.loads((tuned.root / "data/finetune/split.json").read_text())["writers"]["test"])
    words = ("sets.pens.folder=data/mine", "sets.pens.role=null", "replay=data/replay/digits.npz")
    lines = tuned.run(*COMPARE, *words).stdout.splitlines()
    found = json.loads((tuned.root / "reports/finetune/finetuned.json").read_text())
    assert {name: entry["n"] for name, entry in found["sets"].items()} == {"mine": 10, "mnist": 20, "pens": 40}
    assert found["before"]["file"] == "models/initial/model.keras"
    assert set(found["writers"]["test"]) == held and len(held) == 1
    page = (tuned.root / "reports/finetune/index.html").read_text()
    assert lines[0] in page and f'<th scope="row">{held.pop()}</th>' in page and "data:image/png;base64," in page
    (run,) = (run for run in tuned.runs("finetune") if run.data.tags["stage"] == "finetuned")
    assert run.data.metrics["finetuned_mine_after"] == found["sets"]["mine"]["after"]["accuracy"]
    # A held-out drawing that was deleted is not shown any more.
    drawings = tuned.root / "data/drawn/mine/drawings.jsonl"
    rows = drawings.read_text().splitlines(keepends=True)
    drawings.write_text("".join(row for row in rows if json.loads(row)["writer"] not in found["writers"]["test"]))
    tuned.run(*COMPARE, *words)
    assert "data:image/png" not in (tuned.root / "reports/finetune/index.html").read_text()
    assert not (tuned.root / "reports/finetune/before_after.png").exists()


def test_a_comparison_without_a_before_or_with_other_digits_ends_in_one_line(tuned: Workspace) -> None:
    words = ("sets.pens.folder=data/mine", "sets.pens.role=null", "replay=data/replay/digits.npz")
    line = tuned.fails(*COMPARE, *words, "run=models/initial")
    assert "has no initial weights to compare with; run `make finetune`" in line
    assert "no trained model here" in tuned.fails(*COMPARE, *words, "run=models/nobody")
    curve = tuned.root / "models/finetune/vgg_bn/history.csv"
    whole = curve.read_bytes()
    curve.write_bytes(whole + b"3,0,0\n")
    assert f"{curve}: not the file of this run, by its SHA-256" in tuned.fails(*COMPARE, *words)
    curve.write_bytes(whole)
    split = tuned.root / "data/finetune/split.json"
    text = split.read_text()
    split.write_text(text.replace('"sha256": "', '"sha256": "0'))
    line = tuned.fails(*COMPARE, *words)
    assert "not the digits that vgg_bn aug=elastic " in line and "was trained on; run `make finetune` again" in line
    split.write_text(text)


def test_without_drawings_the_line_has_where_they_come_from(workspace: Workspace) -> None:
    shutil.copytree(ROOT / "models/pretrained", workspace.root / "models/pretrained", dirs_exist_ok=True)
    line = workspace.fails(*TRAIN, "experiment=finetune_drawn")
    assert "data/drawn/mine: no drawings; draw some with `make app`" in line
