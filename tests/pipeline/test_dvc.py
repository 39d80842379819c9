"""params.yaml, dvc.yaml and conf/ agree: choices in the one, values in the other, and every chosen file is a dep."""

import difflib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from inkproof.config import pipeline
from inkproof.config.pipeline import PARAMS, Pipeline, read_pipeline
from inkproof.config.schema import flatten
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT
from support.pipeline_stages import Stage, composed_of, stages_of

pytestmark = pytest.mark.xdist_group("dvc")  # one worker makes the workspace

PIPELINE = read_pipeline() or Pipeline(runs={}, downloads={}, drawings={}, reports={})
RUNS = PIPELINE.runs
FIRST = next(iter(RUNS), "")
RECIPES = ("dense", "dense_2x128", "tflearn_cnn", "cnn")  # the deep ones, an hour each, are for studies
CHOSEN_BY_OVERRIDES = ("callbacks", "optimizer", "precision")
METRICS = {"test.json", "drawn.json"}
BY_RUN = ("train", "evaluate", "export", "drawn")
SCRIPTS = {"drawn": "evaluate"} | dict.fromkeys(("drawings", "corruptions", "normalizer"), "preprocess")


@pytest.fixture(scope="module")
def project(dvc_workspace: Callable[..., Any]) -> Path:
    return dvc_workspace().root


@pytest.fixture(scope="module")
def stages(project: Path) -> dict[str, Stage]:
    return stages_of(project)


# params.yaml


def test_params_are_read_as_dvc_reads_them():
    by_dvc = load_yaml(str(PARAMS))
    assert by_dvc == PIPELINE.model_dump()
    assert {run.aug for run in RUNS.values()} >= {"on", "off"}


@pytest.mark.parametrize("key", RUNS)
def test_every_choice_names_what_is_there(key: str):
    run = RUNS[key]
    assert key == f"{run.data}-{run.name}"
    for group in ("data", "model", "aug"):
        assert (ROOT / "conf" / group / f"{getattr(run, group)}.yaml").is_file()
    data = yaml.safe_load((ROOT / "conf" / "data" / f"{run.data}.yaml").read_text())
    assert data["eval_data"] == f"data/{run.eval_data}" and run.eval_data in PIPELINE.drawings


def test_the_pipeline_has_the_recipes_models_on_both_datasets():
    both = {f"{data}-{model}" for data in ("optdigits", "mnist") for model in RECIPES}
    assert set(RUNS) >= both
    for run in (RUNS[key] for key in both):
        convolutional = yaml.safe_load((ROOT / "conf" / "model" / f"{run.model}.yaml").read_text())["convolutional"]
        assert run.aug == ("on" if convolutional else "off")


def test_no_value_is_in_both_params_and_conf():
    values = set()
    for path in (ROOT / "conf").rglob("*.yaml"):
        values |= {key.rpartition(".")[2] for key in flatten(yaml.safe_load(path.read_text()) or {})}
    for run in RUNS.values():
        # conf/config.yaml has a seed for a run that is typed; name and eval_data name folders there.
        assert set(run.model_dump()) & values <= {"seed", "name", "eval_data"}
        assert run.overrides == ""


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (
            "    seed: 0\n",
            "    sede: 0\n",
            f"params.yaml: runs.{FIRST}.sede: unknown key; the keys are",
        ),
        ("    seed: 0\n", "", f"params.yaml: runs.{FIRST}.seed: expected a value"),
        ("    seed: 0\n", "    seed: x\n", f"params.yaml: runs.{FIRST}.seed=x: expected a whole number"),
        (
            "reports:\n",
            "report:\n",
            "params.yaml: report: unknown key; the keys are runs, downloads, drawings, reports",
        ),
        (
            "    name: dense\n",
            "    name: dense-s1\n",
            "params.yaml: runs.optdigits-dense: .* the key is optdigits-dense-s1; rename one of them",
        ),
        (
            "eval_data: optdigits",
            "eval_data: opdigits",
            f"params.yaml: runs.{FIRST}.eval_data=opdigits: unknown file of conf/data; did you mean optdigits",
        ),
        ("model: dense\n", "model: dens\n", f"params.yaml: runs.{FIRST}.model=dens: unknown .* did you mean dense"),
        ("  pens:\n", "  x:\n", "params.yaml: downloads.x: unknown file of conf/data"),
        ("runs:\n", "runs: [\n", "params.yaml: cannot be read"),
        ("overrides: ''", "overrides: seed=3", f"params.yaml: runs.{FIRST}.overrides: seed=3: set the key `seed` of"),
        ("overrides: ''", "overrides: +model=cnn", f"params.yaml: runs.{FIRST}.overrides: .*: set the key `model` of"),
        ("overrides: ''", "overrides: experiment=digitre", f"params.yaml: runs.{FIRST}.overrides: .* set single keys"),
        ("overrides: ''", "overrides: a='", f"params.yaml: runs.{FIRST}.overrides=a=': .* close the quotes"),
    ],
)
def test_a_mistake_in_params_is_one_line(tmp_path: Path, before: str, after: str, complaint: str):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text().replace(before, after, 1))
    with pytest.raises(UserError, match=rf"^(?:\S*/)?{complaint}") as raised:
        read_pipeline(path)
    assert "\n" not in str(raised.value)


def test_the_file_of_a_dataset_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, found = tmp_path / "params.yaml", []
    path.write_text(PARAMS.read_text())
    monkeypatch.setattr(pipeline, "read_yaml", lambda file: found.append(file.stem) or read_yaml(file))
    read_pipeline(path)
    assert sorted(found) == sorted({"params", *(run.data for run in PIPELINE.runs.values())})


def test_without_params_there_is_no_pipeline(tmp_path: Path):
    assert read_pipeline(tmp_path / "params.yaml") is None


@pytest.mark.parametrize("script", ["download.py", "train.py"])
def test_a_mistake_in_params_ends_the_first_stages(workspace: Any, script: str):
    path = workspace.root / "params.yaml"
    path.write_text(path.read_text().replace("    seed: 0\n", "    sede: 0\n", 1))
    line = workspace.fails("python", f"src/{script}", "data=optdigits")
    assert line.startswith(f"{script}: error: params.yaml: runs.{FIRST}.sede: unknown key")


@pytest.mark.parametrize(
    ("override", "before", "after"),
    [
        (
            'runs.optdigits-cnn.overrides="optimizer.learning_rate=0.01"',
            "    overrides: ''",
            "    overrides: optimizer.learning_rate=0.01",
        ),
        ("runs.mnist-dense.seed=3", "    seed: 0", "    seed: 3"),
        ("runs.mnist-dense.aug=on", "    aug: off", "    aug: on"),
    ],
)
def test_set_param_changes_one_line(tmp_path: Path, override: str, before: str, after: str):
    path = tmp_path / "params.yaml"
    shutil.copyfile(PARAMS, path)
    apply_overrides(path, [override])  # as `dvc exp run -S` does
    lines = difflib.ndiff(PARAMS.read_text().splitlines(), path.read_text().splitlines())
    assert [line for line in lines if line[0] in "+-"] == [f"- {before}", f"+ {after}"]


# dvc.yaml


def test_dvc_yaml_stays_short():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 220


def test_the_stages_have_the_names_the_design_gives_them(stages: dict[str, Stage]):
    expected = {"normalizer", *(f"download@{data}" for data in PIPELINE.downloads)}
    assert set(PIPELINE.downloads) >= {"optdigits", "mnist", "pens", "unipen"}
    expected |= {f"{stage}@{data}" for stage in ("drawings", "corruptions") for data in PIPELINE.drawings}
    expected |= {f"report@{data}" for data in PIPELINE.reports}
    expected |= {f"{stage}@{run}" for stage in BY_RUN for run in RUNS}
    assert set(stages) == expected


def test_every_command_is_a_script_that_is_there_and_a_dep(stages: dict[str, Stage]):
    for stage in stages.values():
        assert stage.words[0] == "python" and stage.words[1] in stage.deps
        assert (ROOT / stage.words[1]).is_file()
        assert stage.script == SCRIPTS.get(stage.kind, stage.kind)


def test_every_dep_is_in_the_repository_or_made_by_a_stage(stages: dict[str, Stage]):
    made = {out for stage in stages.values() for out in stage.outs}
    for stage in stages.values():
        for dep in stage.deps - made:
            inside = any(out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in made)
            assert inside or (ROOT / dep).exists(), f"{stage.name}: {dep}"


def test_every_command_has_the_choices_of_its_run(stages: dict[str, Stage]):
    for key, run in RUNS.items():
        about = [f"data={run.data}", f"model={run.model}"]
        for stage in ("evaluate", "export", "drawn"):
            assert stages[f"{stage}@{key}"].overrides == [*about, f"name={run.name}"]
        typed = [*about, f"aug={run.aug}", f"seed={run.seed}", "run.register=true"]
        assert stages[f"train@{key}"].overrides == [*typed, f"run.out=models/{run.data}/{run.name}"]


def test_overrides_and_another_seed_reach_train(dvc_workspace: Callable[..., Any]):
    root = dvc_workspace().root
    path = root / "params.yaml"
    text = path.read_text()
    block = text[text.index("  optdigits-cnn:\n") : text.index("  mnist-dense:\n")]
    other = block.replace("optdigits-cnn:", "optdigits-cnn-s1:").replace("name: cnn", "name: cnn-s1")
    other = other.replace("seed: 0", "seed: 1").replace("''", "training.epochs=2 optimizer.learning_rate=0.01")
    path.write_text(text.replace(block, block + other))
    found = stages_of(root)
    typed = ["data=optdigits", "model=cnn", "aug=on", "seed=1", "run.register=true", "run.out=models/optdigits/cnn-s1"]
    more = ["training.epochs=2", "optimizer.learning_rate=0.01"]
    assert found["train@optdigits-cnn-s1"].overrides == [*typed, *more]
    both = [found[f"{stage}@optdigits-{name}"].outs for stage in BY_RUN for name in ("cnn", "cnn-s1")]
    assert len(frozenset().union(*both)) == sum(map(len, both))


def disagreements(root: Path) -> dict[str, set[str]]:
    """Stages whose deps in conf/ are not exactly the files they are composed from, with the difference.

    A file is among the deps of train if its folder is, from which the overrides of a run may choose any other file.
    """
    different = {}
    for stage in stages_of(root).values():
        files = composed_of(root, stage)[1]
        folders = {f"conf/{group}" for group in CHOSEN_BY_OVERRIDES} if stage.kind == "train" else set()
        files = {folder if (folder := Path(file).parent.as_posix()) in folders else file for file in files}
        different[stage.name] = stage.conf ^ files
    return {name: files for name, files in different.items() if files}


def test_a_stage_depends_on_exactly_the_files_it_is_composed_from(project: Path):
    assert disagreements(project) == {}


def test_another_default_in_conf_needs_another_dep(dvc_workspace: Callable[..., Any]):
    root = dvc_workspace().root
    path = root / "conf" / "preprocess.yaml"
    path.write_text(path.read_text().replace("data@pens: pens", "data@pens: mnist_normalized"))
    different = disagreements(root)
    assert set(different) == {f"{stage}@{data}" for stage in ("drawings", "corruptions") for data in PIPELINE.drawings}
    assert all(files == {"conf/data/pens.yaml", "conf/data/mnist_normalized.yaml"} for files in different.values())


def test_what_models_are_evaluated_on_depends_on_the_drawings_in_it(stages: dict[str, Stage]):
    for data, chosen in PIPELINE.drawings.items():
        names = {"starter", *chosen.model_dump().values()}
        drawn = {f"data/drawn/{name}" for name in (*names, "mine")}
        assert {dep for dep in stages[f"drawings@{data}"].deps if dep.startswith("data/")} == drawn
        made_of = {dep for dep in stages[f"corruptions@{data}"].deps if dep.startswith("data/")}
        rejection = {f"data/drawn/{name}" for name in ("starter", chosen.pens, chosen.unipen)}
        assert made_of == {*rejection, f"data/{data}/digits.npz"}
        evaluation = yaml.safe_load((ROOT / "conf" / "data" / f"{data}.yaml").read_text())["evaluation"]
        assert names <= set(evaluation["drawn_sets"])
    for key, run in RUNS.items():
        assert f"data/{run.eval_data}/drawings.npz" in stages[f"drawn@{key}"].deps
        assert {f"data/{run.eval_data}/{name}.npz" for name in ("ood", "thresholds")} <= stages[f"export@{key}"].deps


def test_what_brings_canvases_to_28_by_28_depends_on_the_normalizer_and_that_on_the_mask_network_which_no_stage_makes(
    stages: dict[str, Stage],
):
    file, made = "models/pretrained/ink_mask.keras", "exports/normalizer"
    assert [stage.name for stage in stages.values() if file in stage.deps] == ["normalizer"]
    assert not [stage.name for stage in stages.values() if file in stage.outs]
    assert stages["normalizer"].outs == {made}
    kinds = {"drawings", "corruptions", "export"}
    assert {stage.kind for stage in stages.values() if made in stage.deps} == kinds
    assert all(made in stage.deps for stage in stages.values() if stage.kind in kinds)


def test_a_report_depends_on_what_it_shows(stages: dict[str, Stage]):
    for data, chosen in PIPELINE.reports.items():
        assert {f"reports/{data}/models", chosen.compare_with} <= stages[f"report@{data}"].deps


def test_a_time_is_neither_a_metric_nor_an_output_and_dvc_does_not_look_at_it(stages: dict[str, Stage]):
    metrics = {path for stage in stages.values() for path in stage.metrics}
    assert {Path(path).name for path in metrics} == METRICS
    assert {Path(path).parent.name for path in metrics} == {"metrics"}
    assert len(metrics) == len(METRICS) * len(RUNS)
    assert not [out for stage in stages.values() for out in stage.outs if out.endswith("timing.json")]
    # A report depends on the folder with it.
    timings = {f"reports/{run.data}/models/{run.name}/timing.json" for run in RUNS.values()}
    command = [sys.executable, "-m", "dvc", "check-ignore", *sorted(timings)]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(ignored.split()) == timings


def test_only_the_pipeline_writes_below_models_and_reports(stages: dict[str, Stage]):
    outs = {out for stage in stages.values() for out in stage.outs}
    assert not [out for out in outs if out.startswith(("runs", "experiments"))]
    for path in (ROOT / "conf").rglob("*.yaml"):
        typed = flatten(yaml.safe_load(path.read_text()) or {})
        if path.stem in ("evaluate", "export", "formats", "drawn", "report", "pretrained", "finetuned", "numbers"):
            continue  # these are the stages of the pipeline, what copies from it, and a report of its own
        for read in ("training.init", "run"):
            typed.pop(read, None)
        assert not [key for key, value in typed.items() if str(value).startswith(("models", "reports"))], path.name
    assert yaml.safe_load((ROOT / "conf" / "config.yaml").read_text())["run"]["out"] is None


def test_every_plot_shows_what_a_stage_makes(stages: dict[str, Stage]):
    outs = {out for stage in stages.values() for out in stage.outs}
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]:
        for title, plot in entry.items():
            for path in plot["y"]:
                made = path in outs or any(path.startswith(f"{out}/") for out in outs)
                assert made, f"{title}: {path}"
