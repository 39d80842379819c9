"""params.yaml, dvc.yaml and conf/ agree: choices in the one, values in the other, and every chosen file is a dep."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from inkproof.config.compose import flatten
from inkproof.runtime.paths import ROOT

CHOICES = ("data", "model", "aug", "seed", "eval_data")
CHOSEN: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
PARAMS: dict[str, dict[str, Any]] = CHOSEN["runs"]
FRAMES: dict[str, dict[str, str]] = CHOSEN["frames"]
REPORTS: dict[str, dict[str, str]] = CHOSEN["reports"]
PRETRAINED = "mnist_plus_strokes-vgg_bn"
METRICS = {"test.json", "corruptions.json", "export.json", "rejection.json", "drawn.json"}


@dataclass(frozen=True)
class Stage:
    """A stage as DVC understands it; `metrics` and the rest of its `outs` are told apart."""

    name: str
    words: list[str]
    deps: frozenset[str]
    outs: frozenset[str]
    metrics: frozenset[str]

    @property
    def conf(self) -> set[str]:
        return {dep for dep in self.deps if dep.startswith("conf/")}


def stages_of(root: Path) -> dict[str, Stage]:
    """The stages of dvc.yaml, by name."""
    with Repo(str(root)) as repo:
        return {
            (name := stage.addressing.rpartition(":")[2]): Stage(
                name,
                shlex.split(stage.cmd),
                frozenset(dep.def_path for dep in stage.deps),
                frozenset(out.def_path for out in stage.outs),
                frozenset(out.def_path for out in stage.outs if out.metric),
            )
            for stage in repo.index.stages
        }


def chosen_files(root: Path, stage: Stage) -> set[str]:
    """The files of conf/ that a stage's command is composed from."""
    script, words = Path(stage.words[1]).stem, stage.words[2:]
    primary = {"train": "config", "preprocess": "drawn"}.get(script, script)
    if words[0].isidentifier():  # the command of a script that has several
        primary, *words = words
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        composed = compose(primary, words, return_hydra_config=True)
    choices = composed.hydra.runtime.choices
    files = {
        f"conf/{group.partition('@')[0]}/{option}.yaml"
        for group, option in choices.items()
        if option is not None and not group.startswith("hydra/")
    }
    return {f"conf/{primary}.yaml", *files}


@pytest.fixture(scope="module")
def project(dvc_workspace: Callable[..., Any]) -> Path:
    return dvc_workspace().root


@pytest.fixture(scope="module")
def stages(project: Path) -> dict[str, Stage]:
    return stages_of(project)


# params.yaml


def test_params_are_the_same_for_both_readers_of_yaml():
    by_dvc = load_yaml(str(ROOT / "params.yaml"))["runs"]  # YAML 1.2
    by_hydra = OmegaConf.to_container(OmegaConf.load(ROOT / "params.yaml"))["runs"]  # YAML 1.1
    assert by_dvc == PARAMS == by_hydra
    for run in PARAMS.values():
        assert run["aug"] in ("on", "off", "elastic")


@pytest.mark.parametrize("key", PARAMS)
def test_every_choice_names_what_is_there(key: str):
    run = PARAMS[key]
    assert key == f"{run['data']}-{run['model']}"
    for group in ("data", "model", "aug"):
        assert (ROOT / "conf" / group / f"{run[group]}.yaml").is_file()
    data = yaml.safe_load((ROOT / "conf" / "data" / f"{run['data']}.yaml").read_text())
    assert data["frames"] == f"data/{run['eval_data']}" and run["eval_data"] in FRAMES
    assert type(run["seed"]) is int


def test_the_pipeline_has_the_recipes_models_on_both_data_sets():
    models = {path.stem for path in (ROOT / "conf" / "model").glob("*.yaml")}
    models -= {"resnet", "vgg", "vgg_bn"}  # deep ones, an hour each: for the study of the record
    both = {f"{data}-{model}" for data in ("optdigits", "mnist") for model in models}
    assert set(PARAMS) == {*both, PRETRAINED}
    for run in (PARAMS[key] for key in both):
        convolutional = yaml.safe_load((ROOT / "conf" / "model" / f"{run['model']}.yaml").read_text())["convolutional"]
        assert run["aug"] == ("on" if convolutional else "off")


def test_nothing_stands_in_both_params_and_conf():
    assert set(CHOSEN) == {"runs", "frames", "reports"}
    values = set()
    for path in (ROOT / "conf").rglob("*.yaml"):
        values |= {key.rpartition(".")[2] for key in flatten(yaml.safe_load(path.read_text()) or {})}
    for run in PARAMS.values():
        assert set(run) == set(CHOICES)
        assert set(run) & values <= {"seed"}  # conf/config.yaml has one for a run that is typed
        assert [key for key, value in run.items() if not isinstance(value, str)] == ["seed"]


# dvc.yaml


def test_the_stages_have_the_names_the_design_gives_them(stages: dict[str, Stage]):
    data = ("optdigits", "mnist")
    expected = {
        "pens",
        "mnist_plus_strokes",
        "layer",
        *(f"{stage}@{name}" for stage in ("download", "frames", "report") for name in data),
    }
    expected |= {f"{stage}@{run}" for stage in ("train", "evaluate", "export", "drawn") for run in PARAMS}
    assert set(stages) == expected


def test_every_command_is_a_script_that_is_there_and_a_dep(stages: dict[str, Stage]):
    for stage in stages.values():
        assert stage.words[0] == "python"
        assert (ROOT / stage.words[1]).is_file()
        assert stage.words[1] in stage.deps
        made_by = stage.name.partition("@")[0]
        made_by = {
            **dict.fromkeys(("pens", "mnist_plus_strokes"), "download"),
            **dict.fromkeys(("frames", "layer"), "preprocess"),
            "drawn": "evaluate",
        }.get(made_by, made_by)
        assert Path(stage.words[1]).stem == made_by


def test_every_dep_is_in_the_repository_or_made_by_a_stage(stages: dict[str, Stage]):
    made = {out for stage in stages.values() for out in stage.outs}
    for stage in stages.values():
        for dep in stage.deps - made:
            inside = any(out.startswith(f"{dep}/") for out in made)
            assert inside or (ROOT / dep).exists(), f"{stage.name}: {dep}"


def test_every_stage_says_which_run_it_is_about(stages: dict[str, Stage]):
    for key, run in PARAMS.items():
        about = [f"data={run['data']}", f"model={run['model']}"]
        for stage in ("evaluate", "export", "drawn"):
            command = ["drawn"] if stage == "drawn" else []
            assert stages[f"{stage}@{key}"].words[2:] == [*command, *about]
        typed = [*about, f"aug={run['aug']}", f"seed={run['seed']}", f"out=models/{run['data']}/{run['model']}"]
        assert stages[f"train@{key}"].words[2:] == typed


def disagreements(root: Path) -> dict[str, set[str]]:
    """Train stages whose deps in conf/ are not exactly the files they are composed from, with the difference."""
    train = [stage for stage in stages_of(root).values() if stage.name.startswith("train@")]
    assert train
    different = {stage.name: stage.conf ^ chosen_files(root, stage) for stage in train}
    return {name: files for name, files in different.items() if files}


def test_a_train_stage_depends_on_exactly_the_files_it_is_composed_from(project: Path):
    assert disagreements(project) == {}


def test_another_default_in_conf_needs_another_dep(dvc_workspace: Callable[..., Any]):
    root = dvc_workspace().root
    path = root / "conf" / "config.yaml"
    text = path.read_text()
    expected = set()
    for group, other in {"optimizer": "sgd", "callbacks": "none", "precision": "float32"}.items():
        (before,) = re.findall(rf"^  - {group}: (\w+)", text, re.MULTILINE)
        text = text.replace(f"  - {group}: {before}", f"  - {group}: {other}")
        expected |= {f"conf/{group}/{before}.yaml", f"conf/{group}/{other}.yaml"}
    path.write_text(text)
    assert disagreements(root) == {f"train@{key}": expected for key in PARAMS}


def test_the_other_stages_depend_on_the_values_they_read(stages: dict[str, Stage]):
    for key, run in PARAMS.items():
        frames = f"data/{run['eval_data']}/drawings.npz"
        assert frames in stages[f"drawn@{key}"].deps & stages[f"export@{key}"].deps
    for data, chosen in FRAMES.items():
        # Which sets are read stands with the dataset, how each is drawn in drawings, the writers with the pens.
        stage = stages[f"frames@{data}"]
        assert stage.conf >= {
            "conf/drawn.yaml",
            "conf/sets/all.yaml",
            "conf/data/pens.yaml",
            f"conf/data/{data}.yaml",
        }
        assert {"data/drawn/mine", "data/drawn/starter", f"data/drawn/{chosen['drawn']}"} <= stage.deps
        chosen_sets = yaml.safe_load((ROOT / "conf" / "data" / f"{data}.yaml").read_text())["drawn_sets"]
        assert chosen["drawn"] in chosen_sets
    for data in ("optdigits", "mnist", "pens", "mnist_plus_strokes"):
        name = data if data in ("pens", "mnist_plus_strokes") else f"download@{data}"
        assert f"conf/data/{data}.yaml" in stages[name].deps
    assert stages["mnist_plus_strokes"].deps >= {"conf/data/mnist.yaml", "conf/data/pens.yaml", "data/mnist/digits.npz"}


def test_a_report_reads_what_it_shows(stages: dict[str, Stage]):
    for data, chosen in REPORTS.items():
        assert {f"reports/{data}/models", chosen["compare_with"]} <= stages[f"report@{data}"].deps


def taken_in(root: Path, file: str) -> set[str]:
    """The files of conf/ that the file of a dataset takes in, of which Hydra's own list of choices says nothing."""
    entries = (yaml.safe_load((root / file).read_text()) or {}).get("defaults", [])
    group = Path(file).parent
    return {f"{group}/{name}.yaml" for entry in entries if isinstance(entry, str) and (name := entry.partition("@")[2])}


def test_a_stage_reads_only_files_of_conf_that_it_is_composed_from(stages: dict[str, Stage], project: Path):
    for stage in stages.values():
        if stage.name == "layer":  # there is nothing to choose
            assert not stage.conf
            continue
        files = chosen_files(project, stage)
        files |= {inner for file in files if file.startswith("conf/data/") for inner in taken_in(project, file)}
        assert stage.conf <= files, stage.name


def test_a_time_is_never_a_metric(stages: dict[str, Stage]):
    metrics = {path for stage in stages.values() for path in stage.metrics}
    assert {Path(path).name for path in metrics} == METRICS
    assert len(metrics) == len(METRICS) * len(PARAMS)
    timings = {out for stage in stages.values() for out in stage.outs if out.endswith("timing.json")}
    assert len(timings) == len(PARAMS) and not timings & metrics


def test_only_the_pipeline_writes_below_models_and_reports(stages: dict[str, Stage]):
    outs = {out for stage in stages.values() for out in stage.outs}
    assert not [out for out in outs if out.startswith(("runs", "experiments"))]
    for path in (ROOT / "conf").rglob("*.yaml"):
        typed = flatten(yaml.safe_load(path.read_text()) or {})
        if path.stem in ("evaluate", "export", "drawn", "report", "pretrained", "finetuned"):
            continue  # these are the stages of the pipeline, what copies from it, and a report of its own
        for read in ("init", "run"):
            typed.pop(read, None)
        assert not [key for key, value in typed.items() if str(value).startswith(("models", "reports"))], path.name
    assert yaml.safe_load((ROOT / "conf" / "config.yaml").read_text())["out"] is None


def test_every_plot_shows_what_a_stage_makes(stages: dict[str, Stage]):
    outs = {out for stage in stages.values() for out in stage.outs}
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]:
        for title, plot in entry.items():
            for path in plot["y"]:
                made = path in outs or any(path.startswith(f"{out}/") for out in outs)
                assert made, f"{title}: {path}"
