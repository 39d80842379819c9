"""Runs from elsewhere, whose run.json names what is no builder of this project: nothing that it names is called."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from inkproof.config.compose import composing
from inkproof.config.stages import EvaluateConfig
from inkproof.models.dense import build
from inkproof.models.loading import load_trained, start_from
from inkproof.tracking.run_metadata import RunMetadata, initial_weights_of, trained_run
from support.foreign_builders import TARGETS, poison, trap
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("tensorflow")

TRAIN = ("python", "src/train.py", "data=optdigits")
SHORT = ("training.epochs=1", "training.train_size=100", "training.batch_size=50")
TRAINED_FROM = TARGETS[:2]  # by a command; the weights of all are taken by the function that it calls


def runs(workspace: Workspace) -> list[Path]:
    return sorted(path for path in (workspace.root / "runs").iterdir() if (path / "run.json").exists())


def write(file: Path, target: str, trace: Path) -> None:
    file.write_text(json.dumps(poison(json.loads(file.read_text()), trap(target, trace))))


Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def tried(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, Path, dict[str, dict[str, Done]]]:
    """A workspace, the folder of the traces, and how each use of a run ended, by the name in its run.json."""
    workspace = new_workspace()
    traces = workspace.root / "traces"
    traces.mkdir()
    workspace.run(*TRAIN, *SHORT)
    (run,) = runs(workspace)
    commands: dict[tuple[str, str], Any] = {}
    for number, target in enumerate(TARGETS):
        copy = workspace.root / f"theirs-{number}"
        shutil.copytree(run, copy)
        write(copy / "run.json", target, traces / f"trace-{number}")
        commands[target, "teacher"] = (*TRAIN, *SHORT, "seed=1", f"training.teacher.runs=[{copy.name}]")
        if target in TRAINED_FROM:
            commands[target, "init"] = (*TRAIN, *SHORT, f"seed={number + 2}", f"training.init={copy.name}")
    codes = [2 if how == "teacher" else 0 for _, how in commands]
    ended = dict(zip(commands, workspace.together(*commands.values(), codes=codes), strict=True))
    found: dict[str, dict[str, Done]] = {target: {} for target in TARGETS}
    for (target, how), done in ended.items():
        found[target][how] = done
    return workspace, traces, found


@pytest.mark.parametrize("target", TARGETS)
def test_a_teacher_is_not_built_of_a_foreign_name(
    target: str, tried: tuple[Workspace, Path, dict[str, dict[str, Done]]]
) -> None:
    workspace, traces, found = tried
    line = found[target]["teacher"].stderr.strip()
    number = TARGETS.index(target)
    assert line.splitlines()[-1].startswith(
        f"train.py: error: {workspace.root}/theirs-{number}/run.json: model.build: names {target}, which is no "
    )
    assert "Traceback" not in line
    assert list(traces.iterdir()) == []


@pytest.mark.parametrize("target", TRAINED_FROM)
def test_a_training_from_its_weights_takes_nothing_else(
    target: str, tried: tuple[Workspace, Path, dict[str, dict[str, Done]]]
) -> None:
    _, traces, found = tried
    assert "validation accuracy" in found[target]["init"].stdout
    assert list(traces.iterdir()) == []


@pytest.mark.parametrize("target", TARGETS)
def test_initial_weights_are_taken_and_nothing_else(
    target: str, tried: tuple[Workspace, Path, dict[str, dict[str, Done]]]
) -> None:
    workspace, traces, _ = tried
    run = workspace.root / f"theirs-{TARGETS.index(target)}"
    assert initial_weights_of(str(run)).run == RunMetadata.read(run).run_id
    model = build([128])
    start_from(model, str(run))
    for ours, theirs in zip(model.get_weights(), load_trained(run).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert list(traces.iterdir()) == []


def test_a_run_of_the_store_with_foreign_names_is_trained_again_and_nothing_is_built(
    tried: tuple[Workspace, Path, dict[str, dict[str, Done]]],
) -> None:
    workspace, traces, _ = tried
    stored = list((workspace.root / "mlruns").rglob("artifacts/run.json"))
    assert stored
    for file in stored:
        key = json.loads(file.read_text())["key"]
        write(file, TARGETS[1], traces / "restored")
        file.write_text(json.dumps(json.loads(file.read_text()) | {"key": key}))  # that of the run which is wanted
    shutil.rmtree(workspace.root / "runs")
    assert "trained before, reused" not in workspace.run(*TRAIN, *SHORT).stdout
    (run,) = runs(workspace)
    assert RunMetadata.read_finished(run).config.model.build.target == "inkproof.models.dense.build"
    assert list(traces.iterdir()) == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_later_stage_takes_the_weights_and_nothing_else(
    target: str, tried: tuple[Workspace, Path, dict[str, dict[str, Done]]]
) -> None:
    workspace, traces, _ = tried
    run = workspace.root / f"theirs-{TARGETS.index(target)}"
    with composing() as compose:
        metadata, config = trained_run(compose(EvaluateConfig, ("data=optdigits", "model=dense", f"run={run}")))
    assert metadata.config.model.build.target == target
    assert load_trained(Path(config.run)).count_params() > 0
    assert list(traces.iterdir()) == []


@pytest.mark.parametrize("target", TARGETS[:2])
def test_a_registered_model_predicts_and_nothing_is_built(
    target: str, tried: tuple[Workspace, Path, dict[str, dict[str, Done]]], stand_in: Path
) -> None:
    workspace, traces, _ = tried
    store = f"sqlite:///{workspace.root / 'mlflow.db'}"
    client = MlflowClient(store, store)  # that of the workspace is a copy of the store
    if not client.search_registered_models():  # as src/export.py does
        client.create_registered_model("inkproof-optdigits")
        run = workspace.runs("optdigits")[0].info.run_id
        client.create_model_version("inkproof-optdigits", f"runs:/{run}/canvas", run)
    (version,) = client.search_model_versions("name='inkproof-optdigits'")
    (metadata,) = (workspace.root / "mlruns").rglob(f"{version.run_id}/artifacts/artifacts/run.json")
    write(metadata, target, traces / "registered")
    exports = metadata.parents[1] / "exports"
    exports.mkdir(exist_ok=True)
    shutil.copyfile(stand_in / "canvas.tflite", exports / "canvas.tflite")
    image = workspace.root / "image.png"
    Image.new("L", (28, 28), 255).save(image)
    assert workspace.run("python", "src/predict.py", str(image), "--model", "models:/inkproof-optdigits/1").stdout
    assert list(traces.iterdir()) == []
