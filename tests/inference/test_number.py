"""Numbers of several digits from images and strokes, with the pretrained model and the shared vectors."""

import base64
import csv
import dataclasses
import io
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkproof.data.drawings import read_drawings
from inkproof.exporting.predictors import CanvasPredictor, ImagePredictor
from inkproof.inference.number import (
    SEVERAL_LINES,
    TOO_LONG,
    Digit,
    Number,
    Run,
    cheapest,
    cost_of,
    groups_of,
    read_image,
    read_strokes,
    shows_several,
)
from inkproof.inference.predict import NumberPrediction, line, predict_image, predict_images
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.digit_strings import digit_string, on_white
from support.number_vectors import FILE

VECTORS = json.loads(FILE.read_text())
PLACES = range(len(VECTORS["images"]))


@pytest.fixture(scope="module")
def model() -> CanvasPredictor:
    return CanvasPredictor(ROOT / "models" / "pretrained" / "canvas.tflite")


def image(place: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(VECTORS["images"][place]["png"]))))


@pytest.mark.parametrize("place", PLACES)
def test_an_image_has_the_number_and_boxes_of_the_vectors(place: int, model: CanvasPredictor):
    vector, found = VECTORS["images"][place], read_image(image(place), model)
    assert found.text == vector["number"] == "".join(map(str, vector["labels"]))
    assert found.accepted and np.allclose([one.box for one in found.digits], vector["boxes"], atol=2)


@pytest.mark.parametrize("place", PLACES)
def test_strokes_have_the_order_number_and_boxes_of_the_vectors(place: int, model: CanvasPredictor):
    vector = VECTORS["strokes"][place]
    groups = [[vector["strokes"].index(one) for one in group] for group in groups_of(vector["strokes"])]
    assert groups == vector["groups"]
    found = read_strokes(vector["strokes"], model)
    assert found.text == vector["number"] == VECTORS["images"][place]["number"]
    assert np.allclose([one.box for one in found.digits], vector["boxes"], atol=0.1)


def test_light_digits_on_dark_and_large_images_are_read(model: CanvasPredictor):
    for levels in (255 - image(0), image(1).repeat(5, 0).repeat(5, 1), np.pad(image(0), 90, constant_values=255)):
        assert read_image(levels, model).text in {one["number"] for one in VECTORS["images"]}


@pytest.mark.parametrize("vector", VECTORS["costs"])
def test_costs_are_those_of_the_vectors(vector: dict):
    p = vector["probability"]
    digit = Digit((0, 0, 1, 1), 1, (0.0, p, *[(1 - p) / 8] * 8), vector["score"], True)
    run = Run(vector["width"], vector["height"], digit, vector["cut"])
    assert cost_of(run, vector["threshold"]) == pytest.approx(vector["cost"])


@pytest.mark.parametrize("vector", VECTORS["paths"])
def test_the_cheapest_runs_are_those_of_the_vectors(vector: dict):
    costs = {(start, end): cost for start, end, cost in vector["costs"]}
    assert cheapest(vector["pieces"], costs) == [tuple(run) for run in vector["runs"]]


def test_a_late_bar_goes_to_its_digit_and_a_dot_goes():
    seven, one, dot = [[0, 0], [60, 0], [30, 100]], [[100, 0], [100, 100]], [[80, 90], [81, 91]]
    middle, right = [[20, 50], [50, 50]], [[40, 50], [75, 50]]
    assert groups_of([seven, one, dot, middle]) == [[seven, middle], [one]]
    assert groups_of([seven, one, right]) == [[seven], [right], [one]]
    assert groups_of([]) == groups_of([[]]) == []


def test_nothing_is_no_number(model: CanvasPredictor):
    assert read_image(np.full((60, 200), 255, np.uint8), model) == read_strokes([], model) == Number()
    assert Number().text == "" and not Number().accepted


def test_several_lines_are_not_read(model: CanvasPredictor):
    two = np.vstack([image(0), image(0)])
    assert read_image(two, model) == Number(problem=SEVERAL_LINES)
    strokes = VECTORS["strokes"][0]["strokes"]
    below = [[[x, y + 150] for x, y in stroke] for stroke in strokes]
    assert read_strokes([*strokes, *below], model) == Number(problem=SEVERAL_LINES)
    bar, hook = [[20, 0], [60, 0]], [[20, 5], [20, 40], [60, 60], [20, 100]]
    assert len(read_strokes([bar, hook], model).digits) == 1, "a bar above its 5"


def test_scribbles_are_not_drawn_again_and_again(model: CanvasPredictor):
    zigzag = [[[40 * number + step / 10, 100 * (step % 2)] for step in range(150)] for number in range(40)]
    began = time.monotonic()
    assert read_strokes(zigzag, model) == Number(problem=TOO_LONG)
    assert time.monotonic() - began < 1


def test_a_line_of_one_row_takes_no_memory_for_280(model: CanvasPredictor):
    tracemalloc.start()
    assert read_image(np.full((1, 500_000), 255, np.uint8), model) == Number()
    assert read_image(np.full((500_000, 1), 255, np.uint8), model) == Number()
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


def test_letters_cut_into_strokes_are_not_accepted(model: CanvasPredictor):
    sides = [[[60, 60], [60, 220]], [[220, 60], [220, 220]]]
    m = [[[60, 220], [60, 60], [140, 160], [220, 60], [220, 220]]]
    h = [*sides, [[60, 140], [220, 140]]]
    found = [read_image(render(strokes, brush=14.0), model) for strokes in (m, h)]
    assert not any(one.accepted for one in found), [one.text for one in found]


def test_many_digits_that_are_apart_are_read(model: CanvasPredictor):
    digits = [one for one in read_drawings(ROOT / "data" / "drawn" / "starter") if one.label is not None]
    string = digit_string(digits, 24, "loose", np.random.default_rng(2))
    found = [one.digit for one in read_image(on_white(string, 70), model).digits]
    assert len(found) == 24 and sum(one == label for one, label in zip(found, string.labels, strict=True)) > 20


def test_one_of_several_digits_may_be_rejected():
    digits = tuple(Digit((0, 0, 1, 1), 4, (0.1,) * 10, 0.0, accepted) for accepted in (True, False))
    assert Number(digits).text == "4?" and not Number(digits).accepted
    assert line(NumberPrediction("a.png", Number(digits)), 8) == "a.png     4?  not all are digits"
    assert line(NumberPrediction("a.png", Number(digits[:1]))) == "a.png  4   10.0%"


def test_a_model_without_an_ink_mask_is_an_error(stand_in: Path):
    with pytest.raises(UserError, match="has no ink mask"):
        read_image(image(0), ImagePredictor(stand_in / "model.tflite"))


def test_several_digits_where_one_is_expected_are_said_and_not_accepted(model: CanvasPredictor, tmp_path: Path):
    Image.fromarray(image(0)).save(tmp_path / "three.png")
    found = predict_image(str(tmp_path / "three.png"), model)
    assert found.several and not found.accepted
    assert line(found, 0).endswith("three.png  several digits: use --number")


@pytest.mark.parametrize("folder", ["border", "ruled", "on_a_table", "base_line", "red_margin", "scan_edge"])
def test_one_digit_on_a_page_is_never_several(folder: str, model: CanvasPredictor):
    paths = sorted(map(str, (ROOT / "tests" / "data" / "cases" / folder).iterdir()))[::2]
    assert not any(one.several for one in predict_images(paths, ROOT / "models" / "pretrained" / "canvas.tflite"))


def test_a_canvas_accepted_as_one_digit_is_never_several(model: CanvasPredictor):
    canvas = to_canvas(image(0))
    found = model.predict(canvas[np.newaxis])
    assert shows_several(found, canvas, model)
    accepted = dataclasses.replace(found, accepted=np.array([True]))
    assert not shows_several(accepted, canvas, model), "no digit that is accepted today is lost to this check"


def test_a_canvas_without_a_mask_is_never_several(stand_in: Path):
    predictor = ImagePredictor(stand_in / "model.tflite")
    canvas = np.full((280, 280), 255, np.uint8)
    assert not shows_several(predictor.predict(canvas[np.newaxis]), canvas, predictor)


def test_the_command_prints_numbers_and_writes_a_table(tmp_path: Path):
    for place in PLACES:
        Image.fromarray(image(place)).save(tmp_path / f"{place}.png")
    command = [sys.executable, "src/predict.py", str(tmp_path), "--number", "--csv", str(tmp_path / "out.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    numbers = [one["number"] for one in VECTORS["images"]]
    assert [text.split()[1] for text in done.stdout.splitlines()] == numbers
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == numbers and {row["accepted"] for row in rows} == {"true"}
    assert list(rows[0]) == ["path", "number", "accepted", "probability", "boxes"]
    assert [len(row["boxes"].split(";")) for row in rows] == [3] * len(rows)
    sheet = tmp_path / "sheet.png"
    subprocess.run([*command, "--show", str(sheet)], cwd=ROOT, capture_output=True, check=True)
    with Image.open(sheet) as page:
        assert page.size == (640, 40 + 2 * (100 + 62))
