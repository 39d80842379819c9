"""The grid runs of a study: composed, checked, and known by a key."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.data.digits import Digits, write_digits
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.studies import grid as planning
from inkproof.studies.grid import GridRun, plan
from inkproof.tracking.identity import configuration_key, identity
from inkproof.tracking.run_metadata import RunMetadata
from support.made_up import row, study


@pytest.fixture(autouse=True)
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Digits of the test's own in place of those that the checkout may have; call it to change them."""

    def make(level: int) -> None:
        one = Digits(np.full((1, 28, 28), level, np.uint8), np.zeros(1, np.uint8))
        write_digits(tmp_path / "digits.npz", {"train": one, "val": one, "test": one})

    make(0)
    monkeypatch.setattr(planning, "path_of", lambda value: tmp_path / "digits.npz")
    return make


def planned(folder: Path, **changes: Any) -> list[GridRun]:
    return plan(study(folder, **changes))


def test_every_combination_with_every_seed_in_the_order_of_the_grid(tmp_path: Path):
    grid_runs = planned(tmp_path)
    assert [grid_run.name for grid_run in grid_runs[:4]] == [
        "model=dense aug=off seed=0",
        "model=dense aug=off seed=1",
        "model=dense aug=off seed=2",
        "model=dense aug=on seed=0",
    ]
    assert len(grid_runs) == len({grid_run.key for grid_run in grid_runs}) == 12
    assert len({grid_run.configuration for grid_run in grid_runs}) == 4
    assert grid_runs[-1].config.model.name == "cnn" and grid_runs[-1].config.seed == 2
    assert grid_runs[0].later["evaluate"].model.name == "dense"


def test_the_key_is_that_of_configuration_and_data(tmp_path: Path, digits: Callable[[int], None]):
    first = planned(tmp_path)[0].key
    # The same configuration in other words has the same key.
    assert (
        planned(tmp_path, fixed={"data": "optdigits", "training.epochs": 1, "optimizer": "adam_cosine"})[0].key == first
    )
    assert planned(tmp_path, fixed={"data": "optdigits", "training.epochs": 2})[0].key != first
    digits(1)
    assert planned(tmp_path)[0].key != first


def test_what_is_made_of_the_seed_differs_with_it(tmp_path: Path):
    fixed = {"data": "optdigits", "training.train_size": 50, "training.subset_seed": "${seed}"}
    grid_runs = planned(tmp_path, fixed=fixed, grid={"model": ["dense"]})
    assert [grid_run.config.training.subset_seed for grid_run in grid_runs] == [0, 1, 2]
    assert len({grid_run.key for grid_run in grid_runs}) == 3
    assert len({grid_run.configuration for grid_run in grid_runs}) == 1


def test_without_digits_those_of_the_results_table_count_and_else_there_is_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = planned(tmp_path)[0]
    monkeypatch.setattr(planning, "path_of", lambda value: tmp_path / "absent.npz")
    assert planned(tmp_path)[0].key == ""
    again = plan(study(tmp_path), {known.key: row(known)})[0]
    assert (again.key, again.configuration) == (known.key, known.configuration)


def test_a_grid_without_validation_digits_has_no_validation_metric(tmp_path: Path):
    val = {"none": {"data.val": 0, "callbacks": "none"}, "some": {}}
    grid_runs = planned(tmp_path, grid={"val": val}, seeds=[0])
    assert [grid_run.wanted for grid_run in grid_runs] == [("test_acc",), ("val_acc", "test_acc")]


def test_what_is_kept_besides_is_named_by_patterns(tmp_path: Path):
    stages = ["train", "evaluate", "export", "drawn"]
    grid_run = planned(tmp_path, stages=stages, keep=["drawn_starter_*_accuracy"])[0]
    methods = ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic", "learned")
    assert set(grid_run.kept) == {
        "val_acc",
        "test_acc",
        *(f"drawn_starter_{method}_accuracy" for method in methods),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"model": ["dense"], "optimizer": ["adamm"]}}, "optimizer=adamm: unknown optimizer"),
        ({"grid": {"model": ["densee"]}}, "densee"),
        ({"grid": {"model": [1]}}, "model=1: Config group override must be a string"),
        ({"grid": {"model.build.hiden": [[4]]}}, "model.build.hiden"),
        (
            {"fixed": {"data": "optdigits", "training.teacher.runs": None}},
            "training.teacher.runs=None: expected a list",
        ),
        ({"fixed": {"data": "optdigits", "training.teacher.runs": [1]}}, "training.teacher.runs[0]=1: expected a text"),
        ({"grid": {"training.epochs": [0]}}, "training.epochs=0: expected at least 1"),
        (
            {"grid": {"a": {"x": {"training.epochs": 2}, "y": {"training.epochs": 2}}}},
            "two grid runs are the same: a=x seed=0 and a=y seed=0",
        ),
        (
            {"grids": [{}, {"fixed": {"data": "optdigits", "training.epochs": 2}}]},
            "two configurations are called model=dense, aug=off; add an axis",
        ),
        ({"keep": ["drawn_*"]}, "keep: no grid run measures drawn_*"),
        ({"metrics": ["val_acuracy"]}, "metrics: no grid run measures val_acuracy; did you mean val_acc"),
        ({"stages": ["train", "out_of_fold"]}, "out_of_fold predicts the fold that was left out; add training.folds"),
        ({"metrics": ["drawn_starter_classic_accuracy"]}, "add the stage drawn"),
        (
            {"metrics": ["test_acc"], "figure": {"y": ["val_acc"]}},
            "figure.y: val_acc is not kept; add it",
        ),
        ({"compare": {"metrics": ["nll"]}}, "compare.metrics: no grid run measures nll"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(changes: dict[str, Any], message: str, tmp_path: Path):
    from inkproof.config.one_line import explain

    with pytest.raises(Exception, match=re.escape(message)) as raised:
        planned(tmp_path, **changes)
    line = explain(raised.value)
    assert line is not None and len(line.splitlines()) == 1
    assert line.startswith(str(tmp_path)) and "study.yaml: " in line


def test_a_row_that_lacks_a_stage_or_a_metric_does_not_finish_a_grid_run(tmp_path: Path):
    grid_run = planned(tmp_path)[0]
    whole = row(grid_run, val_acc=0.9, test_acc=0.8)
    assert grid_run.row_in({whole.key: whole}) == whole
    assert grid_run.row_in({whole.key: whole}, since="2099-01-01") is None
    assert grid_run.row_in({}) is None
    assert grid_run.row_in({whole.key: row(grid_run, val_acc=0.9)}) is None
    fewer = planned(tmp_path, stages=["train"], metrics=["val_acc"])[0]
    assert fewer.key == grid_run.key
    assert fewer.row_in({whole.key: whole}) == whole
    assert grid_run.row_in({whole.key: row(fewer, val_acc=0.9, test_acc=0.8)}) is None


def test_a_configuration_is_known_by_what_mlflow_keeps_of_it(tmp_path: Path):
    grid_run = planned(tmp_path)[0]
    as_logged = {"training.epochs": "1", "seed": "3", "precision.policy": "mixed_bfloat16"}
    asked = {"training.epochs": 1, "seed": 0, "precision.policy": "auto"}
    assert configuration_key(as_logged, "d") == configuration_key(asked, "d")
    assert configuration_key(as_logged | {"training.epochs": "2"}, "d") != configuration_key(asked, "d")
    assert (
        grid_run.configuration != planned(tmp_path, fixed={"data": "optdigits", "training.epochs": 2})[0].configuration
    )


def test_a_number_format_that_was_asked_for_is_part_of_a_configuration(tmp_path: Path):
    automatic, float32, bfloat16 = (
        planned(tmp_path, fixed={"data": "optdigits", "model": "cnn", **chosen}, grid={"aug": ["off"]})[0]
        for chosen in ({}, {"precision": "float32"}, {"precision": "bfloat16"})
    )
    assert len({automatic.configuration, float32.configuration, bfloat16.configuration}) == 3
    config = identity(float32.config, "float32")
    about = {"code_sha": "c", "git_commit": "g", "machine": "m"}
    run = RunMetadata(
        run_id="r",
        experiment="optdigits",
        name="cnn-off-s0",
        key="k",
        data_sha=float32.data_sha,
        **about,
        config=config,
    )
    assert run.tags["configuration"] == automatic.configuration  # on a machine where auto comes to float32
    assert run.model_copy(update={"policy": "float32"}).tags["configuration"] == float32.configuration


DISTILLED: dict[str, Any] = {
    "grid": {"network": {"wide": {"model": "cnn"}, "pupil": {"model": "dense", "training.teacher.runs": ["@wide"]}}},
    "seeds": [0, 1],
    "stages": ["train"],
    "metrics": ["val_acc"],
}


def test_a_student_learns_from_the_grid_run_of_its_own_seed(tmp_path: Path):
    grid_runs = {grid_run.name: grid_run for grid_run in planned(tmp_path, **DISTILLED)}
    for seed in (0, 1):
        teacher, student = grid_runs[f"network=wide seed={seed}"], grid_runs[f"network=pupil seed={seed}"]
        assert student.config.training.teacher.runs == (teacher.folder.relative_to(ROOT).as_posix(),)
        assert (teacher.teachers, student.teachers) == ((), (teacher.key,))
    assert len({grid_run.configuration for grid_run in grid_runs.values()}) == 2
    # In another study's folder it is the same grid run, and with another teacher another.
    elsewhere = {grid_run.name: grid_run for grid_run in planned(tmp_path / "08-elsewhere", **DISTILLED)}
    assert all(elsewhere[name].key == grid_run.key for name, grid_run in grid_runs.items())
    deeper = {**DISTILLED["grid"]["network"], "wide": {"model": "cnn", "training.epochs": 7}}
    assert (
        planned(tmp_path, **{**DISTILLED, "grid": {"network": deeper}})[2].key != grid_runs["network=pupil seed=0"].key
    )


def test_a_teacher_comes_before_its_student(tmp_path: Path):
    grid = {"network": {"pupil": {"model": "dense", "training.teacher.runs": ["@wide"]}, "wide": {"model": "cnn"}}}
    with pytest.raises(UserError, match="0 grid runs before it are called wide"):
        planned(tmp_path, **{**DISTILLED, "grid": grid})


def test_every_value_but_those_of_run_is_part_of_the_key(tmp_path: Path):
    fixed = {"data": "optdigits", "training.epochs": 1}
    first = planned(tmp_path, fixed=fixed)[0].key
    for name, value in (("training.label_smoothing", 0.1), ("training.fold", 3), ("training.teacher.weight", 0.1)):
        assert planned(tmp_path, fixed={**fixed, name: value})[0].key != first


def test_without_its_digits_a_grid_run_has_those_of_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second, *_ = planned(tmp_path)
    made = replace(row(first), data_sha="a" * 64), replace(row(second), data_sha="b" * 64)
    monkeypatch.setattr(planning, "path_of", lambda value: tmp_path / "absent.npz")
    again = plan(study(tmp_path), {one.key: one for one in made})
    assert [one.data_sha[0] for one in again[:2]] == ["a", "b"]
    assert {one.data_sha[0] for one in again[2:]} == {"b"}  # no row: that of a dataset of the same name
    assert again[0].key != again[1].key and all(one.key == "" for one in planned(tmp_path))
