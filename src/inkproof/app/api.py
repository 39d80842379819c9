"""The models of the server, and predictions with them."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from flask import Blueprint, Response, jsonify, request
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, model_validator

from inkproof.app.payload import (
    Canvas,
    Gate,
    Payload,
    RequestError,
    Strokes,
    decoded,
    json_object,
    not_too_long,
)
from inkproof.config.stages import Limits
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.data.images import image_size
from inkproof.exporting.predictors import CanvasPredictor, Predictions
from inkproof.inference.number import Number, gray_levels, read_image, read_strokes, shows_several
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError

PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Model:
    """One loaded `canvas.tflite`.

    Attributes:
        name: its name on the page and in requests.
        content: the bytes of the file.
        version: the first digits of the SHA-256 of `content`.
    """

    name: str
    content: bytes
    version: str
    _interpreter: CanvasPredictor
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def threshold(self) -> float:
        """A canvas is accepted as a digit if its score is this or more."""
        return self._interpreter.threshold

    def predict(self, canvases: NDArray[np.uint8]) -> Predictions:
        """Classify canvases uint8 (N, 280, 280)."""
        with self._lock:  # an interpreter has one set of tensors
            return self._interpreter.predict(canvases)

    def describe(self, prefix: str = "") -> dict[str, Any]:
        """Return its entry in `GET /api/models`: what a page needs to predict with the file as the server does.

        `prefix` is the path in front of all addresses.
        """
        metadata = self._interpreter.metadata
        described: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "file": f"{prefix}/models/{self.name}/{self.version}.tflite",
            "kb": round(len(self.content) / 1024),
            "threshold": self._interpreter.threshold,
        }
        return described | {key: metadata[key] for key in ("rule", "temperature", "labels", "model") if key in metadata}


class Catalog:
    """The model files that `find` returns by name, loaded when first needed and again when they change."""

    def __init__(self, find: Callable[[], dict[str, Path]]) -> None:
        self._find = find
        self._opened: dict[str, tuple[tuple[int, int], Model | None]] = {}
        self._lock = threading.Lock()

    def models(self) -> dict[str, Model]:
        """Return the models by name, the pretrained one first, without unreadable and duplicate files."""
        with self._lock:
            found = self._find()
            names = sorted(found, key=lambda name: (name != PRETRAINED, name))
            self._opened = {name: self._current(name, found[name]) for name in names}
            models = [model for _, model in self._opened.values() if model is not None]
            # The pretrained file is the export of some run. The page offers the same file under one name only.
            first = {model.version: model.name for model in reversed(models)}
            return {model.name: model for model in models if first[model.version] == model.name}

    def _current(self, name: str, path: Path) -> tuple[tuple[int, int], Model | None]:
        try:
            state = path.stat()
            key = state.st_mtime_ns, state.st_size
            known = self._opened.get(name)
            if known is not None and known[0] == key:
                return known
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            return key, Model(name, content, version, CanvasPredictor(path))
        except (UserError, OSError):
            return (0, 0), None  # such as a file that the pipeline is replacing now


def recognize(model: Model, canvas: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the prediction of `model` for a canvas uint8 (280, 280), ready for JSON.

    `ink` is false for a blank drawing. `digit` is then None, otherwise the most probable digit, whether accepted or
    not. `several` is true if a drawing that is not accepted shows several digits. `seen` is base64 of the 28 x 28 gray
    levels that the network saw, row by row, white on black. `milliseconds` is the time of this one prediction, without
    the check for several digits.
    """
    started = time.perf_counter()
    prediction = model.predict(canvas[np.newaxis])
    milliseconds = (time.perf_counter() - started) * 1000
    probabilities = prediction.probabilities[0]
    ink = bool(prediction.seen[0].any())  # a prediction for a blank means nothing
    return {
        "digit": int(probabilities.argmax()) if ink else None,
        "probabilities": probabilities.tolist(),
        "accepted": ink and bool(prediction.accepted[0]),
        "ink": ink,
        "several": ink and shows_several(prediction, canvas, model),
        "score": float(prediction.score[0]),
        "seen": base64.b64encode(prediction.seen[0].tobytes()).decode(),
        "model": model.name,
        "version": model.version,
        "milliseconds": round(milliseconds, 3),
    }


def recognize_number(model: Model, read: Callable[[Model], Number]) -> dict[str, Any]:
    """Return the number that `read` finds with `model`, ready for JSON.

    `number` has "?" for digits that are not accepted. `digits` are in reading order. A `box` is left, top, right and
    bottom, in pixels of the image or in units of the strokes. `milliseconds` is the time of all predictions.

    Raises:
        RequestError: the digits are not in one line, there is too much ink, or the model has no ink mask.
    """
    started = time.perf_counter()
    try:
        found = read(model)
    except UserError as error:
        raise RequestError(422, str(error)) from None
    if found.problem:
        raise RequestError(422, found.problem)
    return {
        "number": found.text,
        "digits": [asdict(one) for one in found.digits],
        "accepted": found.accepted,
        "ink": bool(found.digits),
        "model": model.name,
        "version": model.version,
        "milliseconds": round((time.perf_counter() - started) * 1000, 3),
    }


def levels_of(
    content: bytes, limits: Limits, read: Callable[[bytes, str], NDArray[np.uint8]] = to_canvas
) -> NDArray[np.uint8]:
    """Return the gray levels that `read` makes of an image file, uint8, by default a canvas (280, 280).

    Raises RequestError for an image that is empty, too large or unreadable.
    """
    if not content:
        raise RequestError(422, "the image is empty")
    try:
        width, height = image_size(content, "the image")
        if width * height > limits.pixels:
            raise RequestError(413, f"{width} x {height} pixels are more than {limits.pixels:,}; send it smaller")
        return read(content, "the image")
    except Image.DecompressionBombError:
        raise RequestError(413, f"the image has more than {limits.pixels:,} pixels; send it smaller") from None
    except UserError as error:
        raise RequestError(422, str(error)) from None


# Images are decoded one at a time, because decoding takes much memory. So many more may wait.
_DECODING = 8


class ToRecognize(Payload):
    """A drawing to classify, as an image in base64 or as strokes, the name of the model, and whether it is a number."""

    image: str = ""
    strokes: Strokes = Field(default=[])
    canvas: Canvas = Field(default=[CANVAS_SIDE, CANVAS_SIDE])
    model: Any = None
    number: Annotated[bool, Field(strict=True)] = False
    _bounded = model_validator(mode="after")(not_too_long)


def api(catalog: Catalog, limits: Limits, brush: float, gate: Gate) -> Blueprint:
    """Return the routes; `brush` is the brush diameter for strokes, in pixels of a 280 x 280 canvas."""
    routes = Blueprint("api", __name__)
    decoding = Gate(1, _DECODING)
    decoder = ThreadPoolExecutor(1)  # one thread: C's allocator reuses the memory of a thread only for that thread

    @routes.post("/api/recognise")
    def recognize_one() -> Response:
        strokes: list[list[list[float]]] = []
        if request.mimetype == "multipart/form-data":
            upload = request.files.get("image")
            if upload is None:
                raise RequestError(400, "send the image as a file in the form's field 'image'")
            name, word = request.form.get("model"), request.form.get("number", "false")
            if word not in ("true", "false"):
                raise RequestError(422, f"number: expected true or false, not {word[:20]!r}")
            number = word == "true"
            content = upload.read()
        else:
            with gate.turn():
                payload = _payload()
                name, content, number = payload.model, decoded(payload.image), payload.number
                strokes = [[point[:2] for point in stroke] for stroke in payload.strokes]  # no time and pressure
                if strokes and not number:
                    canvas = render(strokes, (payload.canvas[0], payload.canvas[1]), brush)
        if not strokes:
            with decoding.turn():
                canvas = decoder.submit(levels_of, content, limits, gray_levels if number else to_canvas).result()
        model = chosen(catalog, name)
        # A number takes up to several hundred predictions, and so does whether there are several digits.
        with gate.turn():
            if not number:
                return jsonify(recognize(model, canvas))
            read = partial(read_strokes, strokes) if strokes else partial(read_image, canvas)
            return jsonify(recognize_number(model, read))

    def _payload() -> ToRecognize:
        fields = json_object()
        if ("image" in fields) == ("strokes" in fields):
            found = "has both" if "image" in fields else "has neither"
            raise RequestError(400, f"send either image or strokes; the request {found}")
        if "image" in fields:
            fields.pop("canvas", None)  # the image has its own size
        return ToRecognize.of(fields, limits)

    @routes.get("/api/models")
    def models() -> Response:
        found = catalog.models()
        return jsonify(models=[model.describe(request.script_root) for model in found.values()], brush=brush)

    @routes.get("/models/<name>/<version>.tflite")
    def model_file(name: str, version: str) -> Response:
        model = catalog.models().get(name)
        if model is None or model.version != version:
            raise RequestError(404, "unknown model file; GET /api/models lists the model files")
        response = Response(model.content, mimetype="application/octet-stream")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    @routes.get("/healthz")
    def health() -> Response:
        count = len(catalog.models())
        if not count:
            raise RequestError(503, "there is no readable model; run `make pretrained` or `dvc repro`")
        return jsonify(status="ok", models=count)

    return routes


def chosen(catalog: Catalog, name: Any) -> Model:
    """Return the model that a request names, or the first if it names none; RequestError for an unknown name."""
    found = catalog.models()
    if name is None and found:
        return next(iter(found.values()))
    if not isinstance(name, str) or name not in found:
        raise RequestError(404 if found else 503, f"unknown model; choose one of: {', '.join(found) or 'none'}")
    return found[name]
