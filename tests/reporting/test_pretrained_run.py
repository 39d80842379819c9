"""A run for models/pretrained: complete, small enough, and with files that belong together."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.evaluation.results import CanvasAgreement
from inkproof.exporting.verify import check_same_network
from inkproof.reporting.pretrained import LIMITS, check_files, check_predictions, command
from inkproof.runtime.errors import UserError
from support.pretrained_run import RULE, change, lite_file, load, write_keras, write_run

AGAIN = r"run `make pretrained` first$"


@pytest.fixture
def typed(tmp_path: Path) -> dict[str, str]:
    return write_run(tmp_path)


def test_a_complete_run_is_loaded(typed: dict[str, str]):
    run = load(typed)
    assert run.rule == RULE and run.metadata.config.seed == 3
    assert run.drawn["pens"].writers == 14
    assert run.timing is not None and run.timing.median("canvas") == 2345.0
    check_files(run)
    (Path(typed["report"]) / "timing.json").unlink()
    assert load(typed).timing is None


@pytest.mark.parametrize(
    "name", ["run/model.keras", "run/run.json", "exports/canvas.tflite", "report/drawn.json", "report/rejection.json"]
)
def test_a_missing_file_is_named_with_what_to_do(typed: dict[str, str], name: str):
    folder, file = name.split("/")
    (Path(typed[folder]) / file).unlink()
    with pytest.raises(UserError, match=rf"{file} is missing; {AGAIN}"):
        load(typed)


def test_one_of_many_missing_files_is_named(typed: dict[str, str]):
    for folder in ("run", "exports", "report"):
        shutil.rmtree(typed[folder])
    with pytest.raises(UserError, match=rf"model\.keras and 7 more files are missing; {AGAIN}"):
        load(typed)


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("run/run.json", {"metrics__best_epoch": 18}),
        ("run/run.json", {"metrics__val_acc": 0.8750001}),
        ("run/run.json", {"config__data__name": "mnist"}),
        ("report/test.json", {"seed": 4}),
        ("report/test.json", {"parameters": 7}),
        ("report/export.json", {"canvas__kb": 1.0}),
        ("report/export.json", {"canvas__rule": "margin"}),
        ("report/rejection.json", {"threshold": 4.4}),
        ("report/rejection.json", {"temperature": 1.0}),
    ],
)
def test_a_report_of_another_model_is_an_error(typed: dict[str, str], file: str, changed: dict[str, Any]):
    folder, name = file.split("/")
    change(Path(typed[folder]) / name, **changed)
    with pytest.raises(UserError, match=r"not of the same model .*; run `make pretrained`$") as caught:
        load(typed)
    assert "\n" not in str(caught.value)


def test_a_run_of_the_pipeline_is_made_again_by_its_stages():
    assert command("mnist-cnn", "export", "drawn") == "dvc repro export@mnist-cnn drawn@mnist-cnn"


def test_a_report_without_the_canvas_file_is_an_error(typed: dict[str, str]):
    change(Path(typed["report"]) / "export.json", canvas={"kb": 3.0})
    with pytest.raises(UserError, match=r"export\.json: lacks canvas\.tflite; run `make pretrained`$"):
        load(typed)


@pytest.mark.parametrize("changed", [{"model": "mnist-cnn"}, {"threshold": 4.4}, {"temperature": 1.0}])
def test_a_file_of_another_model_is_an_error(typed: dict[str, str], changed: dict[str, Any]):
    path = Path(typed["exports"]) / "canvas.tflite"
    path.write_bytes(lite_file(**changed))
    change(Path(typed["report"]) / "export.json", canvas__kb=round(path.stat().st_size / 1024, 1))
    with pytest.raises(UserError, match=r"not of the same model .*; run `make pretrained`$"):
        load(typed)


def test_the_limits_suit_git():
    assert LIMITS == {"canvas.tflite": 3_000_000, "model.keras": 4_000_000}


def test_a_file_above_its_limit_is_an_error(typed: dict[str, str]):
    weights = Path(typed["run"]) / "model.keras"
    write_keras(weights)
    overhead = weights.stat().st_size - len(b"weights")
    write_keras(weights, weights=bytes(4_000_000 - overhead))
    assert weights.stat().st_size == 4_000_000
    check_files(load(typed))
    write_keras(weights, weights=bytes(4_000_001 - overhead))
    with pytest.raises(
        UserError, match=r"model\.keras: 4,000,001 bytes, more than the 4,000,000 that models/pretrained allows"
    ):
        check_files(load(typed))


def test_a_large_canvas_file_is_an_error(typed: dict[str, str]):
    path = Path(typed["exports"]) / "canvas.tflite"
    path.write_bytes(path.read_bytes() + bytes(3_000_000))
    change(Path(typed["report"]) / "export.json", canvas__kb=round(path.stat().st_size / 1024, 1))
    with pytest.raises(UserError, match=r"canvas\.tflite: 3,000,\d+ bytes, more than the 3,000,000"):
        check_files(load(typed))


def test_weights_with_an_optimizer_or_of_another_format_are_an_error(typed: dict[str, str]):
    weights = Path(typed["run"]) / "model.keras"
    write_keras(weights, compiled={"optimizer": "adam"})
    with pytest.raises(UserError, match=r"model\.keras: includes an optimizer"):
        check_files(load(typed))
    weights.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"model\.keras: not a readable Keras model"):
        check_files(load(typed))


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)])
def test_drawn_json_agrees_with_the_predictions_of_the_file(typed: dict[str, str], more: int, fits: bool):
    labels = np.arange(270) // 27
    predicted = np.where(np.arange(270) < 3 + more, (labels + 1) % 10, labels)  # drawn.json has three errors
    run = load(typed)
    if fits:
        check_predictions(run, predicted, labels)
        return
    found = rf"has 267 correct of 270 drawings .* classifies {267 - more} of 270 correctly"
    with pytest.raises(UserError, match=rf"drawn\.json: {found}; run `make pretrained`$"):
        check_predictions(run, predicted, labels)


def test_drawn_json_of_another_set_is_an_error(typed: dict[str, str]):
    with pytest.raises(UserError, match=r"drawn\.json: has 267 correct of 270"):
        check_predictions(load(typed), np.zeros(267), np.zeros(267))
    change(Path(typed["report"]) / "drawn.json", starter={"n": 0})
    with pytest.raises(UserError, match=r"drawn\.json: has 0 correct of 0"):
        check_predictions(load(typed), np.zeros(270), np.zeros(270))


def test_networks_that_differ_by_more_than_rounding_are_an_error():
    same = CanvasAgreement(n=270, agreement=1.0, max_difference=1e-5, accuracy=0.9, accuracy_difference=0.0)
    check_same_network(same)
    for difference in (0.0011, float("nan")):
        with pytest.raises(UserError, match=r"on 270 drawings .* are not the same network, export it again$"):
            check_same_network(same.model_copy(update={"max_difference": difference}))
