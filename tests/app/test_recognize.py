"""POST /api/recognise: three ways to send a drawing, with the same prediction."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from inkproof.exporting.predictors import CanvasPredictor
from support.web_app import PRETRAINED, canvas_of, make_app, png, starter

DRAWINGS = starter()[::27]  # one of each digit
BESIDE = {"strokes": [[[400, 20], [400, 200]]]}  # beside the paper


def upload(client: FlaskClient, content: bytes, **fields: str):
    return client.post("/api/recognise", data={"image": (io.BytesIO(content), "digit.png"), **fields})


def test_image_and_strokes_have_the_prediction_of_the_file(client: FlaskClient):
    predictor = CanvasPredictor(PRETRAINED)
    for drawing in DRAWINGS:
        canvas = canvas_of(drawing)
        expected = predictor.predict(canvas[np.newaxis])
        text = base64.b64encode(png(canvas)).decode()
        answers = [
            upload(client, png(canvas)).json,
            client.post("/api/recognise", json={"image": text, "canvas": None}).json,
            client.post("/api/recognise", json={"image": f"data:image/png;base64,{text}"}).json,
            client.post("/api/recognise", json={"strokes": drawing.strokes, "canvas": list(drawing.canvas)}).json,
        ]
        for answer in answers:
            assert answer["digit"] == drawing.label == expected.probabilities[0].argmax()
            assert np.array_equal(np.float32(answer["probabilities"]), expected.probabilities[0])
            assert answer["ink"] is True and answer["accepted"] is bool(expected.accepted[0])
            assert np.float32(answer["score"]) == expected.score[0]
            seen = np.frombuffer(base64.b64decode(answer["seen"]), np.uint8).reshape(28, 28)
            assert np.array_equal(seen, expected.seen[0])
            assert answer["model"] == "pretrained" and len(answer["version"]) == 12
            assert 0 < answer["milliseconds"] < 10_000


def test_a_point_may_carry_time_and_pressure_and_a_dot_is_a_stroke(client: FlaskClient):
    plain = [[[100.0, 40.0], [150.0, 240.0]], [[20.0, 20.0]]]
    full = [[[x, y, 17, 0.75] for x, y in stroke] for stroke in plain]
    answers = [client.post("/api/recognise", json={"strokes": strokes}).json for strokes in (plain, full)]
    assert answers[0]["probabilities"] == answers[1]["probabilities"]


@pytest.mark.parametrize("asked", [{"image": base64.b64encode(png(np.full((90, 90), 255, np.uint8))).decode()}, BESIDE])
def test_a_blank_has_no_ink(asked: dict, client: FlaskClient):
    answer = client.post("/api/recognise", json=asked).json
    assert (answer["ink"], answer["digit"], answer["accepted"]) == (False, None, False)
    assert len(answer["probabilities"]) == 10 and not any(base64.b64decode(answer["seen"]))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF", "WEBP"])
def test_every_format_of_predict_is_read(kind: str, client: FlaskClient):
    file = io.BytesIO()
    Image.fromarray(canvas_of(DRAWINGS[4])).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert upload(client, file.getvalue()).json["digit"] == 4
    assert "GIF" in upload(client, b"%PDF-1.7 no image").json["error"], "it lists the formats"


def test_a_transparent_drawing_has_a_white_background(client: FlaskClient):
    canvas = canvas_of(DRAWINGS[3])
    layers = np.zeros((280, 280, 4), np.uint8)
    layers[..., 3] = 255 - canvas
    answer, plain = upload(client, png(layers)).json, upload(client, png(canvas)).json
    assert answer["digit"] == 3 and np.allclose(answer["probabilities"], plain["probabilities"], atol=1e-3)


def test_the_model_is_chosen_by_name(database: Path, stand_in: Path):
    both = {"stand-in": stand_in / "canvas.tflite", "pretrained": PRETRAINED}
    client = make_app(database, both).test_client()
    image = png(canvas_of(DRAWINGS[0]))
    assert upload(client, image).json["model"] == "pretrained"
    assert upload(client, image, model="stand-in").json["model"] == "stand-in"
    refused = client.post("/api/recognise", json={"strokes": [[[1, 1]]], "model": "../../etc/passwd"})
    assert refused.status_code == 404 and "pretrained, stand-in" in refused.json["error"]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({}, 400, "either image or strokes"),
        ({"image": "", "strokes": [[[1, 2]]]}, 400, "either image or strokes"),
        ({"image": 3}, 422, "image=3: expected a text"),
        ({"image": "@@@@"}, 422, "base64"),
        ({"image": ""}, 422, "empty"),
        ({"image": "data:image/png;base64"}, 422, "empty"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, 422, "the image cannot be read"),
        ({"strokes": []}, 422, "no point"),
        ({"strokes": [[]]}, 422, "no point"),
        ({"strokes": [[[1]]]}, 422, "strokes[0][0]: expected at least 2 of them"),
        ({"strokes": [[[1, True]]]}, 422, "strokes[0][0][1]=True: expected a number"),
        ({"strokes": [[[1, "2"]]]}, 422, "strokes[0][0][1]=2"),
        ({"strokes": [[[1, 10**400]]]}, 422, "strokes[0][0][1]=1000"),
        ({"strokes": [[[1, 100_001]]]}, 422, "too far"),
        ({"strokes": [[[1, 2, -1]]]}, 422, "too far"),
        ({"strokes": [[[1, 2]]] * 51}, 422, "more than 50 strokes"),
        ({"strokes": [[[1, 2]] * 2001]}, 422, "2000 points"),
        ({"strokes": [[[0, 0], [280, 0]] * 60]}, 422, "longer than 100 sides"),
        ({"strokes": [[[0, 0], [9, 0]] * 10], "canvas": [1, 1]}, 422, "longer than 100 sides"),
        ({"strokes": [[[1, 2]]], "canvas": [0, 280]}, 422, "canvas"),
        ({"strokes": [[[1, 2]]], "canvas": [280]}, 422, "canvas"),
        (
            {"strokes": [[[1, 2]]], "brush": 9},
            400,
            "brush: unknown key; the keys are image, strokes,",
        ),
        ({"strokes": [[[1, 2]]], "\ud800": 9}, 422, "unicode"),
        ({"strokes": [[[1, 2]]], "model": 7}, 404, "unknown model"),
    ],
)
def test_invalid_input_is_an_error_with_a_reason(asked: dict, status: int, words: str, client: FlaskClient):
    refused = client.post("/api/recognise", json=asked)
    assert refused.status_code == status, refused.text
    assert words in refused.json["error"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"{", "application/json", 400, "cannot be read"),
        pytest.param(b"[" * 100_000, "application/json", 400, "nested too deeply", id="deep"),
        (b'{"strokes": [[[NaN, 1]]]}', "application/json", 400, "NaN"),
        (b'{"strokes": [[[1e999, 1]]]}', "application/json", 422, "too far"),
        pytest.param(b'{"a": %s}' % (b"9" * 5000), "application/json", 400, "cannot be read", id="long"),
        (b"\xff\xfe\x00", "application/json", 400, "cannot be read"),
        (b"[]", "application/json", 400, "JSON object"),
        (b"", "application/json", 400, "cannot be read"),
        (b"{}", "text/plain", 415, "application/json"),
        (b"x", "multipart/form-data; boundary=b", 400, "'image'"),
        (b"x", "multipart/form-data", 400, "'image'"),
    ],
)
def test_a_body_of_another_type_is_an_error(body: bytes, kind: str, status: int, words: str, client: FlaskClient):
    refused = client.post("/api/recognise", data=body, content_type=kind)
    assert refused.status_code == status, refused.text
    assert words in refused.json["error"]


def test_a_body_or_image_above_the_limit_is_an_error(client: FlaskClient):
    refused = upload(client, bytes(1_000_001))
    assert refused.status_code == 413 and "more than 976 KB" in refused.json["error"]
    assert client.post("/api/recognise", json={"image": "A" * 1_000_001}).status_code == 413
    refused = upload(client, png(np.zeros((1001, 1000), np.uint8)))
    assert refused.status_code == 413 and "1000 x 1001 pixels" in refused.json["error"]


def blank_png(side: int) -> bytes:
    """A black PNG of one bit a pixel, which Pillow takes several times as long to write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = zlib.compress(bytes(side * (1 + (side + 7) // 8)))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_blank_png_is_one() -> None:
    with Image.open(io.BytesIO(blank_png(30))) as image:
        assert (image.size, image.mode, image.getextrema()) == ((30, 30), "1", (0, 0))


def test_a_decompression_bomb_is_an_error_before_decoding(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    bomb = blank_png(30_000)
    assert len(bomb) < 200_000
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("decoded"))
    refused = upload(client, bomb)
    assert refused.status_code == 413 and "pixels" in refused.json["error"]


def test_a_truncated_image_is_an_error(client: FlaskClient):
    whole = png(canvas_of(DRAWINGS[8]))
    for length in (8, 20, 40, len(whole) // 2):
        refused = upload(client, whole[:length])
        assert refused.status_code == 422 and "read" in refused.json["error"]
