"""study.yaml: what it may hold, and one line for each mistake in it."""

import re
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.studies.definition import Comparison, read_study, study_folder
from inkproof.tracking.naming import override
from support.made_up import SMALL, study, written_study

STUDIES = sorted(path.parent for path in (ROOT / "experiments").glob("*/study.yaml"))


def test_a_list_varies_an_override_and_a_mapping_names_sets_of_them(tmp_path: Path):
    sizes = {"tiny": {"model": "dense", "model.build.hidden": [16]}, "usual": {"model": "dense"}}
    read = study(tmp_path / "07-sizes", grid={"aug": ["off", "on"], "size": sizes})
    (grid,) = read.grids
    assert grid.axes["aug"] == {"off": {"aug": "off"}, "on": {"aug": "on"}}
    assert grid.axes["size"]["tiny"] == {"model": "dense", "model.build.hidden": [16]}
    assert (read.name, read.experiment, read.axes) == ("07-sizes", "study/07-sizes", ["aug", "size"])


def test_on_and_off_are_words_without_quotes(tmp_path: Path):
    folder = written_study(tmp_path / "07-words", grid={})
    text = (
        (folder / "study.yaml")
        .read_text()
        .replace("grid: {}", "grid: {aug: [off, on], training.deterministic: [true]}")
    )
    (folder / "study.yaml").write_text(text)
    axes = read_study(folder).grids[0].axes
    assert axes["aug"] == {"off": {"aug": "off"}, "on": {"aug": "on"}}
    assert axes["training.deterministic"]["true"] == {"training.deterministic": True}


def test_grids_add_to_what_is_outside_them(tmp_path: Path):
    grids = [{"grid": {"model": ["cnn"]}}, {"fixed": {"training.epochs": 3}, "seeds": [7]}]
    first, second = study(tmp_path, grids=grids).grids
    assert (first.fixed, list(first.axes), first.seeds) == (SMALL["fixed"], ["model"], (0, 1, 2))
    assert (second.fixed["training.epochs"], list(second.axes), second.seeds) == (3, ["model", "aug"], (7,))


def test_the_format_may_be_given(tmp_path: Path):
    assert study(tmp_path, format=2).format == study(tmp_path).format == 2


def test_what_is_left_out_follows_from_the_rest(tmp_path: Path):
    read = study(tmp_path, question=" Does it\n help? ", compare={}, stages=["evaluate", "train"])
    assert (read.question, read.stages, read.keep) == ("Does it help?", ("train", "evaluate"), ())
    assert read.compare == Comparison(None, None, ("val_acc", "test_acc"))
    assert (read.figure.y, read.figure.x) == (("val_acc",), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": None}, "question: expected a value"),
        ({"question": 5}, "question=5: expected a text"),
        ({"question": " "}, "expected a text"),
        ({"seedz": [1]}, "seedz: unknown key; the keys are format, question, fixed, grid, seeds, grids"),
        ({"grids": [{"seedz": [1]}]}, "grids[0].seedz: unknown key; the keys are fixed, grid, seeds"),
        ({"compare": {"axes": "aug"}}, "compare.axes: unknown key; the keys are axis, baseline, metrics"),
        ({"figure": {"z": "aug"}}, "figure.z: unknown key; the keys are x, y, lines"),
        ({"grids": [{1: 2}]}, "grids[0][1]: unknown key; the keys are fixed, grid, seeds"),
        ({"name": "x"}, "name: unknown key"),
        ({"seeds": None}, "seeds: expected a list of different whole numbers"),
        ({"seeds": []}, "seeds: expected at least 1 of them"),
        ({"seeds": [1, 1]}, "seeds: expected a list of different whole numbers"),
        ({"seeds": [0.5]}, "seeds[0]=0.5: expected a whole number"),
        ({"seeds": [True]}, "seeds[0]=True: expected a whole number"),
        ({"seeds": 3}, "seeds=3: expected a list"),
        ({"stages": ["train", "evalute"]}, "stages[1]=evalute: expected 'train', 'out_of_fold', 'evaluate'"),
        ({"stages": ["evaluate"]}, "every grid run trains; add train"),
        ({"stages": ["train", "drawn"]}, "drawn evaluates what export makes; add export"),
        ({"metrics": None}, "metrics: expected a value"),
        ({"metrics": []}, "metrics: expected at least 1 of them"),
        ({"metrics": "val_acc"}, "metrics=val_acc: expected a list"),
        ({"metrics": [1]}, "metrics[0]=1: expected a text"),
        ({"grid": {"model": "dense"}}, "grid: model: expected a list of values, or labels with overrides"),
        ({"grid": {"model": []}}, "grid.model: expected at least 1 of them"),
        ({"grid": {"size": {"tiny": "dense"}}}, "grid.size.tiny=dense: expected keys with values"),
        ({"grid": {"model": ["dense", "dense"]}}, "grid: model: the same value twice"),
        ({"grid": {"seed": [1, 2]}}, "seed: the study sets it itself"),
        ({"grid": {"size": {"tiny": {"seed": 5}}}}, "seed: the study sets it itself"),
        ({"fixed": {"run.out": "models/mnist/cnn"}}, "run.out: the study sets it itself"),
        ({"fixed": ["data=mnist"]}, "fixed: expected keys with values"),
        ({"grids": []}, "grids: expected at least 1 of them"),
        ({"compare": {"axis": "optimizer", "baseline": "sgd"}}, "compare.axis: optimizer does not vary"),
        (
            {"compare": {"axis": "aug", "baseline": "none"}},
            "compare.baseline: none is not a value of aug; choose one of off, on",
        ),
        ({"compare": {"axis": "aug"}}, "axis and baseline go together"),
        ({"figure": {"lines": ["optimizer"]}}, "figure.lines: optimizer does not vary"),
        ({"figure": {"y": []}}, "figure.y: expected at least 1 of them"),
        ({"figure": {"log": "yes"}}, "figure.log=yes: expected true or false"),
        ({"figure": {"target": True}}, "figure.target=True: expected a number"),
        ({"figure": {"x": 5}}, "figure.x=5: expected a text"),
        ({"figure": {"x": "aug"}}, "figure.x: off of aug is not a number"),
        ({"figure": {"wrong": True}}, "figure.wrong: needs an x"),
        ({"figure": {"pairs": [["int8_kb"]]}}, "figure.pairs[0][1]: expected a value"),
        ({"figure": {"pairs": [["a", "b", "c"]]}}, "figure.pairs[0]: expected at most 2 of them"),
        ({"figure": 5}, "figure=5: expected keys with values"),
        ({"format": 1}, "format=1: expected 2"),
        ({"parts": [{}]}, "made by 0.1: parts are now grids"),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_key(changes: dict[str, Any], message: str, tmp_path: Path):
    folder = written_study(tmp_path, **changes)
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        read_study(folder)
    assert str(folder / "study.yaml") in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_folder_without_a_study_and_a_file_that_is_no_yaml(tmp_path: Path):
    with pytest.raises(UserError, match=r"no study\.yaml here"):
        read_study(tmp_path / "absent")
    (tmp_path / "study.yaml").write_text("# nothing yet")
    with pytest.raises(UserError, match=r"study\.yaml: expected keys with values"):
        read_study(tmp_path)
    (tmp_path / "study.yaml").write_text("question: [")
    with pytest.raises(UserError, match="cannot be read") as raised:
        read_study(tmp_path)
    assert len(str(raised.value).splitlines()) == 1


def test_numbers_are_those_of_a_command_line(tmp_path: Path):
    folder = written_study(tmp_path / "07-rates", grid={})
    text = (folder / "study.yaml").read_text().replace("grid: {}", "grid: {rate: [1e-3, -2E+1, 1.5e-2], name: [1e-3s]}")
    (folder / "study.yaml").write_text(text)
    axes = read_study(folder).grids[0].axes
    assert [overrides["rate"] for overrides in axes["rate"].values()] == [0.001, -20.0, 0.015]
    assert axes["name"]["1e-3s"] == {"name": "1e-3s"}


def test_a_study_is_named_by_its_folder_or_file_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    study = ROOT / "experiments" / "02-augmentation"
    assert (
        study_folder("experiments/02-augmentation") == study_folder("experiments/02-augmentation/study.yaml") == study
    )
    assert study_folder("02-augmentation") == study  # the name that `list` shows
    written_study(tmp_path / "mine")
    assert study_folder("mine") == Path("mine")
    assert study_folder("absent") == Path("absent")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("off", "off"),
        ("1", "1"),
        ("null", "null"),
        ("a,b", "a,b"),
        ("it's", "it's"),
        (None, None),
        (True, True),
        (0.5, 0.5),
        ([4, 8], [4, 8]),
        ({"name": "adam", "rate": 0.1}, {"name": "adam", "rate": 0.1}),
    ],
)
def test_a_value_comes_through_hydra_as_it_was_in_yaml(value: Any, seen: Any):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        assert compose("report", ["+made_up=0", override("made_up", value)]).made_up == seen


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_every_study_of_the_repository_opens_with_its_command_and_can_be_read(folder: Path):
    command = "select candidates" if folder.name in ("05-model-selection", "15-by-writer") else "run"
    assert (
        f"python src/study.py {command} experiments/{folder.name}"
        in (folder / "study.yaml").read_text().splitlines()[0]
    )
    assert read_study(folder).question.endswith("?")
