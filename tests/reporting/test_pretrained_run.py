"""What may become models/pretrained: a whole run, small enough, whose files belong together."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.exporting.verify import check_same_network
from inkproof.reporting.pretrained import LIMITS, check_files, check_readings
from inkproof.runtime.errors import UserError
from support.pretrained_run import RULE, change, lite_file, load, write_keras, write_run

DVC = r"run `dvc repro drawn@mnist_plus_strokes-vgg_bn evaluate@mnist_plus_strokes-vgg_bn export@mnist_plus_strokes-vgg_bn` first$"


@pytest.fixture
def typed(tmp_path: Path) -> dict[str, str]:
    return write_run(tmp_path)


def test_a_whole_run_is_read(typed: dict[str, str]):
    run = load(typed)
    assert run.metadata["threshold"] == RULE.threshold and run.record.config["seed"] == 3
    assert run.drawn["pens"]["writers"] == 14 and run.timing["canvas_us"] == 2345.0
    check_files(run)
    (Path(typed["report"]) / "timing.json").unlink()
    assert load(typed).timing == {}


@pytest.mark.parametrize(
    "name", ["run/model.keras", "run/run.json", "exports/canvas.tflite", "report/drawn.json", "report/rejection.json"]
)
def test_a_missing_file_is_named_with_what_to_do(typed: dict[str, str], name: str):
    folder, file = name.split("/")
    (Path(typed[folder]) / file).unlink()
    with pytest.raises(UserError, match=rf"{file} is missing; {DVC}"):
        load(typed)


def test_of_many_missing_files_one_is_named(typed: dict[str, str]):
    for folder in ("run", "exports", "report"):
        shutil.rmtree(typed[folder])
    with pytest.raises(UserError, match=rf"model\.keras and 7 more files are missing; {DVC}"):
        load(typed)


@pytest.mark.parametrize(
    ("file", "changed", "stage"),
    [
        ("run/run.json", {"metrics__best_epoch": 18}, "evaluate"),
        ("run/run.json", {"metrics__val_accuracy": 0.8750001}, "evaluate"),
        ("run/run.json", {"config__data": {"name": "mnist"}}, "train"),
        ("report/test.json", {"seed": 4}, "evaluate"),
        ("report/test.json", {"parameters": 7}, "evaluate"),
        ("report/export.json", {"canvas__kb": 1.0}, "export"),
        ("report/export.json", {"canvas__rule": "margin"}, "export"),
        ("report/export.json", {"canvas": {}}, "export"),
        ("report/rejection.json", {"threshold": 4.4}, "export"),
        ("report/rejection.json", {"temperature": 1.0}, "export"),
    ],
)
def test_a_report_of_another_model_is_refused(typed: dict[str, str], file: str, changed: dict[str, Any], stage: str):
    folder, name = file.split("/")
    change(Path(typed[folder]) / name, **changed)
    with pytest.raises(
        UserError, match=rf"not of the same model .*; run `dvc repro {stage}@mnist_plus_strokes-vgg_bn`$"
    ) as caught:
        load(typed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changed", [{"model": "mnist-cnn"}, {"threshold": 4.4}, {"temperature": 1.0}])
def test_a_file_of_another_model_is_refused(typed: dict[str, str], changed: dict[str, Any]):
    path = Path(typed["exports"]) / "canvas.tflite"
    path.write_bytes(lite_file(**changed))
    change(Path(typed["report"]) / "export.json", canvas__kb=round(path.stat().st_size / 1024, 1))
    with pytest.raises(UserError, match=r"not of the same model .*; run `dvc repro export@mnist_plus_strokes-vgg_bn`$"):
        load(typed)


def test_files_may_be_as_large_as_git_should_keep_them():
    assert LIMITS == {"canvas.tflite": 2_000_000, "model.keras": 4_000_000}


def test_a_file_over_its_limit_is_refused(typed: dict[str, str]):
    weights = Path(typed["run"]) / "model.keras"
    write_keras(weights)
    frame = weights.stat().st_size - len(b"weights")
    write_keras(weights, weights=bytes(4_000_000 - frame))
    assert weights.stat().st_size == 4_000_000
    check_files(load(typed))
    write_keras(weights, weights=bytes(4_000_001 - frame))
    with pytest.raises(
        UserError, match=r"model\.keras: 4,000,001 bytes, more than the 4,000,000 that models/pretrained"
    ):
        check_files(load(typed))


def test_a_large_canvas_file_is_refused(typed: dict[str, str]):
    path = Path(typed["exports"]) / "canvas.tflite"
    path.write_bytes(path.read_bytes() + bytes(2_000_000))
    change(Path(typed["report"]) / "export.json", canvas__kb=round(path.stat().st_size / 1024, 1))
    with pytest.raises(UserError, match=r"canvas\.tflite: 2,000,\d+ bytes, more than the 2,000,000"):
        check_files(load(typed))


def test_weights_with_an_optimizer_or_of_another_kind_are_refused(typed: dict[str, str]):
    weights = Path(typed["run"]) / "model.keras"
    write_keras(weights, compiled={"optimizer": "adam"})
    with pytest.raises(UserError, match=r"model\.keras: holds an optimizer, too"):
        check_files(load(typed))
    weights.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"model\.keras: not a readable Keras model"):
        check_files(load(typed))


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)])
def test_drawn_json_has_to_have_what_the_file_reads(typed: dict[str, str], more: int, fits: bool):
    labels = np.arange(270) // 27
    read = np.where(np.arange(270) < 3 + more, (labels + 1) % 10, labels)  # drawn.json has three misread
    run = load(typed)
    if fits:
        check_readings(run, read, labels)
        return
    said = rf"drawn\.json: has 267 of 270 drawings .* reads {267 - more} of 270; run `dvc repro drawn@mnist_plus_strokes-vgg_bn`$"
    with pytest.raises(UserError, match=said):
        check_readings(run, read, labels)


def test_drawn_json_of_another_set_is_refused(typed: dict[str, str]):
    with pytest.raises(UserError, match=r"drawn\.json: has 267 of 270"):
        check_readings(load(typed), np.zeros(267), np.zeros(267))
    change(Path(typed["report"]) / "drawn.json", starter={"n": 0})
    with pytest.raises(UserError, match=r"drawn\.json: has 0 of 0"):
        check_readings(load(typed), np.zeros(270), np.zeros(270))


def test_two_networks_that_differ_by_more_than_rounding_are_two():
    check_same_network({"n": 270, "max_difference": 1e-5})
    for difference in (0.0011, float("nan")):
        with pytest.raises(UserError, match=r"on 270 drawings .* are not the same network, export it again$"):
            check_same_network({"n": 270, "max_difference": difference})
