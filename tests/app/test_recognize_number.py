"""POST /api/recognise with "number": several digits of an image or of strokes."""

import base64
import io
import json

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from support.number_vectors import FILE
from support.web_app import png

VECTORS = json.loads(FILE.read_text())
IMAGE, STROKES = VECTORS["images"][0], VECTORS["strokes"][0]


def test_image_and_strokes_have_digits_with_boxes(client: FlaskClient):
    content = base64.b64decode(IMAGE["png"])
    form = {"image": (io.BytesIO(content), "number.png"), "number": "true"}
    answers = [
        client.post("/api/recognise", data=form).json,
        client.post("/api/recognise", json={"image": IMAGE["png"], "number": True}).json,
        client.post("/api/recognise", json={"strokes": STROKES["strokes"], "number": True}).json,
    ]
    for answer, boxes in zip(answers, (IMAGE["boxes"], IMAGE["boxes"], STROKES["boxes"]), strict=True):
        assert answer["number"] == IMAGE["number"] and answer["accepted"] is True and answer["ink"] is True
        assert [str(one["digit"]) for one in answer["digits"]] == list(IMAGE["number"])
        assert all(len(one["probabilities"]) == 10 and one["accepted"] and one["score"] > 0 for one in answer["digits"])
        assert np.allclose([one["box"] for one in answer["digits"]], boxes, atol=2)
        assert answer["model"] == "pretrained" and answer["milliseconds"] > 0


def test_several_digits_where_one_is_expected_are_said(client: FlaskClient):
    answer = client.post("/api/recognise", json={"image": IMAGE["png"]}).json
    assert answer["several"] is True and answer["accepted"] is False


@pytest.mark.parametrize("number", ["yes", "1", "True", ""])
def test_a_form_says_true_or_false(number: str, client: FlaskClient):
    form = {"image": (io.BytesIO(base64.b64decode(IMAGE["png"])), "number.png"), "number": number}
    answer = client.post("/api/recognise", data=form)
    assert answer.status_code == 422 and answer.json == {"error": f"number: expected true or false, not {number!r}"}


def test_no_ink_is_no_number(client: FlaskClient):
    blank = base64.b64encode(png(np.full((60, 150), 255, np.uint8))).decode()
    answer = client.post("/api/recognise", json={"image": blank, "number": True}).json
    assert (answer["number"], answer["digits"], answer["accepted"], answer["ink"]) == ("", [], False, False)


@pytest.mark.parametrize(("number", "error"), [(True, "several lines of digits"), ("yes", "number")])
def test_what_cannot_be_read_is_one_line(number: object, error: str, client: FlaskClient):
    line = np.asarray(Image.open(io.BytesIO(base64.b64decode(IMAGE["png"]))))
    lines = base64.b64encode(png(np.vstack([line, line]))).decode()
    done = client.post("/api/recognise", json={"image": lines, "number": number})
    assert done.status_code == 422 and error in done.json["error"]
