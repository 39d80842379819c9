"""The pipeline as users run it, on the embedded digits: `dvc repro`, and what can happen between two of them."""

import csv
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inkproof.preprocessing.methods import METHODS

pytestmark = pytest.mark.xdist_group("chain")

DENSE = ("evaluate@optdigits-dense", "drawn@optdigits-dense")
TEST_DIGITS = 360
CNN = ("evaluate@optdigits-cnn", "drawn@optdigits-cnn")


def ran(output: str) -> list[str]:
    """The stages that `dvc repro` ran, by what it printed."""
    return re.findall(r"^Running stage '([^']+)'", output, re.MULTILINE)


def metrics_of(workspace: Any, model: str) -> dict[str, float]:
    """The metrics of the one MLflow run of a model on optdigits."""
    (run,) = (run for run in workspace.runs("optdigits") if run.data.tags["model"] == model)
    return dict(run.data.metrics)


def json_of(workspace: Any, *command: str) -> Any:
    return json.loads(workspace.run(*command).stdout)


def git(workspace: Any, *words: str) -> None:
    workspace.run("git", *words)


def under_git(workspace: Any) -> Any:
    """Put the workspace into git, its small results included, as a user's clone is."""
    (workspace.root / ".dvc" / "config.local").unlink()
    git(workspace, "init", "--quiet")
    git(workspace, "add", ".")
    small = ("test", "corruptions", "export", "rejection", "drawn", "metrics/test", "metrics/drawn")
    results = [path for name in small for path in workspace.root.glob(f"reports/optdigits/models/*/{name}.json")]
    git(workspace, "add", "--force", *map(str, results))
    git(workspace, "commit", "--quiet", "-m", "state")
    return workspace


def test_drawings_of_ones_own_reach_mlflow(chain: Any):
    drawn = json.loads((chain.root / "reports/optdigits/models/cnn/drawn.json").read_text())
    assert drawn["mine"]["n"] == 3
    metrics = metrics_of(chain, "cnn")
    assert metrics["drawn_mine_mnist_style_accuracy"] == drawn["mine"]["mnist_style"]["accuracy"]
    assert metrics["drawn_starter_mnist_style_accuracy"] == drawn["starter"]["mnist_style"]["accuracy"]
    rows = (chain.root / "reports/optdigits/models/cnn/drawn/drawings.csv").read_text().splitlines()
    assert len([row for row in rows if row.startswith("mine,")]) == 3 * len(METHODS)


def test_one_mlflow_run_holds_a_models_whole_story(chain: Any):
    for model in ("dense", "cnn"):
        (run,) = (run for run in chain.runs("optdigits") if run.data.tags["model"] == model)
        record = json.loads((chain.root / f"models/optdigits/{model}/run.json").read_text())
        test = json.loads((chain.root / f"reports/optdigits/models/{model}/test.json").read_text())
        assert run.info.run_id == record["run_id"]
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"{model} aug={'on' if model == 'cnn' else 'off'} s0"
        metrics = run.data.metrics
        assert metrics["test_acc"] == test["accuracy"]
        assert metrics["val_acc"] == record["metrics"]["val_acc"] == test["val_acc"]
        assert {"test_nll", "test_ece", "tflite_kb", "tflite_us", "tflite_int8_accuracy"} <= set(metrics)
        assert run.data.params["model.name"] == model
        files = {item.path for item in chain.client().list_artifacts(run.info.run_id)}
        assert {"artifacts", "test", "exports", "drawn"} <= files
        assert {given.dataset.name for given in run.inputs.dataset_inputs} == {"optdigits"}


def test_the_report_compares_the_models_and_the_champion_is_chosen(chain: Any):
    folder = chain.root / "reports" / "optdigits"
    rows = (folder / "leaderboard.csv").read_text().splitlines()
    assert {row.split(",")[0] for row in rows[1:]} == {"dense", "cnn"}
    assert "drawn_mine_mnist_style_accuracy" in rows[0].split(",")
    page = (folder / "index.html").read_text()
    assert "dense" in page and "cnn" in page and not re.search(r"<(script|img|link)[^>]+(src|href)=\"?http", page)
    shown = chain.run("python", "src/report.py", "data=optdigits", "show=true").stdout
    assert str(folder / "index.html") in shown and "cnn" in shown
    assert shown.splitlines()[-1].startswith("Compare the runs: ")
    client = chain.client()
    champion = client.get_model_version_by_alias("inkproof-optdigits", "champion")
    assert champion.run_id in {run.info.run_id for run in chain.runs("optdigits")}


@pytest.mark.parametrize("bytecode", ["kept", "removed"])
def test_a_second_repro_runs_nothing(chain_copy: Any, bytecode: str):
    if bytecode == "removed":  # as in another clone; what Python compiled is no part of what a stage was made from
        for folder in list(chain_copy.root.rglob("__pycache__")):
            shutil.rmtree(folder)
    runs = len(chain_copy.runs("optdigits"))
    done = chain_copy.run("dvc", "repro", *DENSE, *CNN)
    assert ran(done.stdout) == []
    assert "Data and pipelines are up to date." in done.stdout
    assert len(chain_copy.runs("optdigits")) == runs


def test_editing_one_models_file_concerns_that_models_stages_alone(chain_copy: Any):
    path = chain_copy.root / "conf" / "model" / "cnn.yaml"
    path.write_text(path.read_text().replace("dropout: 0.4", "dropout: 0.3"))
    changed = json_of(chain_copy, "dvc", "status", "--json", "--with-deps", *DENSE, *CNN)
    reason = [{"changed deps": {"conf/model/cnn.yaml": "modified"}}]
    assert changed == {f"{stage}@optdigits-cnn": reason for stage in ("train", "evaluate", "export", "drawn")}
    dry = ran(chain_copy.run("dvc", "repro", "--dry", *DENSE, *CNN).stdout)
    assert dry[0] == "train@optdigits-cnn"
    assert all(stage.endswith("@optdigits-cnn") for stage in dry)


def test_another_choice_in_params_concerns_that_run_alone(chain_copy: Any):
    path = chain_copy.root / "params.yaml"
    before = "    model: dense\n    aug: off\n    seed: 0\n"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, "    model: dense\n    aug: on\n    seed: 1\n", 1))
    dry = chain_copy.run("dvc", "repro", "--dry", *DENSE, *CNN).stdout
    assert ran(dry)[0] == "train@optdigits-dense"
    assert all(stage.endswith("@optdigits-dense") for stage in ran(dry))
    assert "data=optdigits model=dense aug=on seed=1 run.register=true run.out=models/optdigits/dense" in dry


def test_a_deleted_store_beside_a_full_cache_breaks_no_stage(chain_copy: Any):
    root = chain_copy.root
    (root / "mlflow.db").unlink()
    shutil.rmtree(root / "mlruns")
    lost = json.loads((root / "models/optdigits/dense/run.json").read_text())["run_id"]
    chain_copy.run("dvc", "repro", "--force", "-s", "evaluate@optdigits-dense")
    (run,) = chain_copy.runs("optdigits")
    assert run.info.run_id != lost
    assert run.data.tags["original_run_id"] == lost
    assert run.info.status == "FINISHED"
    assert {"val_acc", "test_acc"} <= set(run.data.metrics)
    history = (root / "models/optdigits/dense/history.csv").read_text().splitlines()[1:]
    assert len(chain_copy.client().get_metric_history(run.info.run_id, "epoch/loss")) == len(history)


def test_a_deleted_product_comes_back_from_the_cache_without_training(chain_copy: Any):
    shutil.rmtree(chain_copy.root / "models" / "optdigits")
    runs = len(chain_copy.runs("optdigits"))
    done = chain_copy.run("dvc", "repro", *DENSE)
    assert ran(done.stdout) == []
    assert (chain_copy.root / "models/optdigits/dense/model.keras").is_file()
    assert len(chain_copy.runs("optdigits")) == runs


def test_metrics_and_plots_are_shown_and_compared(chain_copy: Any):
    under_git(chain_copy)
    shown = json_of(chain_copy, "dvc", "metrics", "show", "--json")[""]["data"]
    name = "reports/optdigits/models/dense/metrics/test.json"
    before = shown[name]["data"]["accuracy"]
    assert 0.5 < before <= 1
    assert not [path for path in shown if "timing" in path]
    for path, entry in shown.items():
        if "error" not in entry:  # of a model that was not evaluated here
            assert len(entry["data"]) <= 6 and max(map(len, entry["data"])) <= 10, path
    for command in (("metrics", "show"), ("metrics", "diff")):
        assert max(map(len, chain_copy.run("dvc", *command).stdout.splitlines()), default=0) <= 120

    result = json.loads((chain_copy.root / name).read_text())
    (chain_copy.root / name).write_text(json.dumps({**result, "accuracy": 0.25}))
    compared = json_of(chain_copy, "dvc", "metrics", "diff", "--json")
    assert compared[name]["accuracy"] == {"old": before, "new": 0.25, "diff": pytest.approx(0.25 - before)}
    assert list(compared) == [name]
    assert "accuracy" in chain_copy.run("dvc", "metrics", "diff", "--md").stdout

    chain_copy.run("dvc", "plots", "show")
    page = (chain_copy.root / "dvc_plots" / "index.html").read_text()
    for plot in ("learning_curves_of_optdigits", "confusion_of_optdigits-cnn"):
        assert f"vegaEmbed('#{plot}'" in page
    rows = csv.DictReader((chain_copy.root / "models/optdigits/dense/history.csv").open())
    assert all(row["val_accuracy"] in page for row in rows)
    assert page.count('"prediction": ') >= TEST_DIGITS


# Long: real trainings through DVC.


def history(root: Path, model: str) -> str:
    return (root / "models" / "optdigits" / model / "history.csv").read_text()


@pytest.mark.slow
def test_an_edited_model_runs_again_and_leaves_the_others_alone(chain_copy: Any):
    path = chain_copy.root / "conf" / "model" / "cnn.yaml"
    path.write_text(path.read_text().replace("dropout: 0.4", "dropout: 0.3"))
    dense = (chain_copy.root / "models/optdigits/dense/run.json").read_text()
    done = chain_copy.run("dvc", "repro", *DENSE, *CNN)
    assert ran(done.stdout)[0] == "train@optdigits-cnn"
    assert set(ran(done.stdout)) == {f"{stage}@optdigits-cnn" for stage in ("train", "evaluate", "export", "drawn")}
    assert (chain_copy.root / "models/optdigits/dense/run.json").read_text() == dense
    assert [run.data.tags["model"] for run in chain_copy.runs("optdigits")].count("cnn") == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dense", "cnn"])
def test_a_killed_repro_goes_on_in_the_same_run_and_ends_the_same(dvc_workspace: Callable[..., Any], model: str):
    stage, epochs = f"train@optdigits-{model}", 12
    killed, whole = dvc_workspace(), dvc_workspace()
    for workspace in (killed, whole):
        path = workspace.root / "conf" / "model" / f"{model}.yaml"
        path.write_text(re.sub(r"epochs: \d+", f"epochs: {epochs}", path.read_text()))
    whole.run("dvc", "repro", stage)

    process = killed.start("dvc", "repro", stage, PYTHONUNBUFFERED="1")
    wait_for_epoch(process, 5)
    killed.stop(process)
    assert not (killed.root / "models/optdigits" / model / "model.keras").exists()
    (begun,) = killed.runs("optdigits")
    assert begun.info.status == "RUNNING"
    done = killed.run("dvc", "repro", stage)
    assert f"Epoch {epochs}/{epochs}" in done.stdout and "Epoch 1/" not in done.stdout

    (ended,) = killed.runs("optdigits")
    assert ended.info.run_id == begun.info.run_id and ended.info.status == "FINISHED"
    assert history(killed.root, model) == history(whole.root, model)
    (reference,) = whole.runs("optdigits")
    assert ended.data.metrics == reference.data.metrics
    points = killed.client().get_metric_history(ended.info.run_id, "epoch/val_accuracy")
    assert [point.step for point in points] == list(range(1, len(history(whole.root, model).splitlines())))


def wait_for_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    end = time.monotonic() + 120
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"Epoch {epoch}/"):
            return
        assert time.monotonic() < end
    raise AssertionError("the training ended before it was killed")


@pytest.mark.slow
def test_an_experiment_of_dvc_changes_a_choice(chain_copy: Any):
    under_git(chain_copy)
    done = chain_copy.run("dvc", "exp", "run", "-S", "runs.optdigits-dense.aug=on", *DENSE)
    assert set(ran(done.stdout)) == {f"{stage}@optdigits-dense" for stage in ("train", "evaluate", "export", "drawn")}
    record = json.loads((chain_copy.root / "models/optdigits/dense/run.json").read_text())
    assert record["config"]["aug"]["name"] == "on" and record["name"].startswith("dense aug=on ")
    (run,) = (run for run in chain_copy.runs("optdigits") if run.info.run_name == record["name"])
    assert run.info.run_id == record["run_id"] and "test_acc" in run.data.metrics
    listed = chain_copy.run("dvc", "exp", "show", "--csv").stdout
    assert "runs.optdigits-dense.aug" in listed
    assert ran(chain_copy.run("dvc", "repro", *DENSE, *CNN).stdout) == []


@pytest.mark.slow
def test_two_seeds_of_a_model_lie_side_by_side(chain_copy: Any):
    path = chain_copy.root / "params.yaml"
    text = path.read_text()
    block = text[text.index("  optdigits-dense:\n") : text.index("  optdigits-dense_2x128:\n")]
    other = block.replace("optdigits-dense:", "optdigits-dense-s1:").replace("name: dense", "name: dense-s1")
    path.write_text(text.replace(block, block + other.replace("seed: 0", "seed: 1")))
    done = chain_copy.run("dvc", "repro", "evaluate@optdigits-dense-s1", "drawn@optdigits-dense-s1", *DENSE)
    stages = ("train", "evaluate", "export", "drawn")
    assert set(ran(done.stdout)) == {f"{stage}@optdigits-dense-s1" for stage in stages}
    metadata = json.loads((chain_copy.root / "models/optdigits/dense-s1/run.json").read_text())
    assert metadata["name"] == "dense aug=off s1"
    for folder in ("exports/optdigits", "models/optdigits", "reports/optdigits/models"):
        assert {"dense", "dense-s1"} <= {file.name for file in (chain_copy.root / folder).iterdir()}

    def reported() -> set[str]:
        chain_copy.run("python", "src/report.py", "data=optdigits")
        with (chain_copy.root / "reports/optdigits/leaderboard.csv").open() as file:
            return {row["model"] for row in csv.DictReader(file)}

    assert reported() == {"dense", "dense-s1", "cnn"}
    path.write_text(text)  # without the run, its folder is no model of the report
    assert reported() == {"dense", "cnn"}


@pytest.mark.slow
def test_the_offline_pipeline_runs_whole_and_its_models_learn(dvc_workspace: Callable[..., Any]):
    workspace = dvc_workspace(epochs_of={})
    offline = {"INKPROOF_MIRROR": "/nowhere", "https_proxy": "http://127.0.0.1:9"}
    done = workspace.run("dvc", "repro", "download@optdigits", **offline).stdout
    models = ("dense", "dense_2x128", "tflearn_cnn", "cnn")
    for model in models:
        done += workspace.run(
            "dvc", "repro", f"evaluate@optdigits-{model}", f"drawn@optdigits-{model}", **offline
        ).stdout
    done += workspace.run("dvc", "repro", "report@optdigits", **offline).stdout
    stages = {f"{stage}@optdigits-{model}" for stage in ("train", "evaluate", "export", "drawn") for model in models}
    once = {f"{stage}@optdigits" for stage in ("download", "drawings", "corruptions", "report")} | {"normalizer"}
    assert sorted(ran(done)) == sorted(once | stages)
    with (workspace.root / "reports/optdigits/leaderboard.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(models)
    assert min(float(row["test_acc"]) for row in rows.values()) > 0.93
    assert len(workspace.runs("optdigits")) == 4
    assert ran(workspace.run("dvc", "repro", "report@optdigits", **offline).stdout) == []
