"""The models that the server has, and reading canvases with them."""

import base64
import hashlib
import io
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from flask import Blueprint, Response, jsonify, request
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from inkproof.app.payload import Asked, Canvas, RequestError, Strokes, decoded, json_object
from inkproof.config.schema import Limits
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.exporting.readers import CanvasReader, Readings
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError

PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Model:
    """One `canvas.tflite`, opened.

    Attributes:
        name: what it is called on the page and in requests.
        content: the file.
        version: the head of the SHA-256 of `content`.
    """

    name: str
    content: bytes
    version: str
    _reader: CanvasReader
    _one: threading.Lock = field(default_factory=threading.Lock)

    def read(self, canvas: NDArray[np.uint8]) -> Readings:
        """Read a canvas uint8 (280, 280)."""
        with self._one:  # an interpreter has one set of tensors
            return self._reader.read(canvas[np.newaxis])

    def describe(self) -> dict[str, Any]:
        """Return what `GET /api/models` says of it: what a page needs to read with the file as the server does."""
        about = self._reader.metadata
        described: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "file": f"/models/{self.name}/{self.version}.tflite",
            "kb": round(len(self.content) / 1024),
            "threshold": self._reader.threshold,
        }
        return described | {key: about[key] for key in ("rule", "temperature", "labels", "model") if key in about}


class Catalog:
    """The files that `find` returns by name, opened when they are first asked for and again when they change."""

    def __init__(self, find: Callable[[], dict[str, Path]]) -> None:
        self._find = find
        self._opened: dict[str, tuple[tuple[int, int], Model | None]] = {}
        self._one = threading.Lock()

    def models(self) -> dict[str, Model]:
        """Return the models by name, the pretrained one first; unreadable and doubled files are left out."""
        with self._one:
            found = self._find()
            names = sorted(found, key=lambda name: (name != PRETRAINED, name))
            self._opened = {name: self._current(name, found[name]) for name in names}
            models = [model for _, model in self._opened.values() if model is not None]
            # The pretrained file is the export of some run: the same file is not offered under two names.
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
            return key, Model(name, content, version, CanvasReader(path))
        except (UserError, OSError):
            return (0, 0), None  # such as one that the pipeline is just now replacing


def recognize(model: Model, canvas: NDArray[np.uint8]) -> dict[str, Any]:
    """Return what `model` reads on a canvas uint8 (280, 280), ready for JSON.

    `digit` is the best guess whether accepted or not; `seen` is base64 of the 28 x 28 gray levels that the network saw,
    row by row, white on black; `milliseconds` is the time of the reading alone.
    """
    started = time.perf_counter()
    read = model.read(canvas)
    milliseconds = (time.perf_counter() - started) * 1000
    probabilities = read.probabilities[0]
    return {
        "digit": int(probabilities.argmax()),
        "probabilities": probabilities.tolist(),
        "accepted": bool(read.accepted[0]),
        "score": float(read.score[0]),
        "seen": base64.b64encode(read.seen[0].tobytes()).decode(),
        "model": model.name,
        "version": model.version,
        "milliseconds": round(milliseconds, 3),
    }


_FORMATS = ("PNG", "JPEG")
# Decoded one at a time: an image takes some ten bytes a pixel on the way, and the server answers several requests.
_one = threading.Lock()


def canvas_of(content: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Return the canvas uint8 (280, 280) of a PNG or JPEG; raises RequestError where it is too large or cannot be read."""
    if not content:
        raise RequestError(422, "the image is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        raise RequestError(413, f"the image has more than {limits.pixels:,} pixels; send it smaller") from None
    except Exception:
        # Pillow's readers meet broken heads with OSError, SyntaxError, ValueError, struct.error, ...
        raise RequestError(422, "the image is no PNG or JPEG that can be read") from None
    if width * height > limits.pixels:
        raise RequestError(413, f"{width} x {height} pixels are more than {limits.pixels:,}; send the image smaller")
    try:
        with _one:
            return to_canvas(content, "the image")
    except UserError as error:
        raise RequestError(422, str(error)) from None


class ToRecognize(Asked):
    """A drawing to read, as an image in base64 or as strokes, and by which model."""

    image: str = ""
    strokes: Strokes = Field(default=[])
    canvas: Canvas = Field(default=[CANVAS_SIDE, CANVAS_SIDE])
    model: Any = None


def api(catalog: Catalog, limits: Limits, brush: float) -> Blueprint:
    """Return the routes; `brush` is the diameter of the brush for strokes, in pixels of a 280 x 280 canvas."""
    routes = Blueprint("api", __name__)

    @routes.post("/api/recognise")
    def recognize_one() -> Response:
        if request.mimetype == "multipart/form-data":
            upload = request.files.get("image")
            if upload is None:
                raise RequestError(400, "send the image as a file in the form's field 'image'")
            name = request.form.get("model")
            canvas = canvas_of(upload.read(), limits)
        else:
            fields = json_object()
            if ("image" in fields) == ("strokes" in fields):
                found = "both are there" if "image" in fields else "neither is there"
                raise RequestError(400, f"send either image or strokes; {found}")
            if "image" in fields:
                fields.pop("canvas", None)  # an image has a size of its own
            asked = ToRecognize.of(fields, limits)
            name, (width, height) = asked.model, asked.canvas
            if asked.strokes:  # without time and pressure
                canvas = render([[point[:2] for point in stroke] for stroke in asked.strokes], (width, height), brush)
            else:
                canvas = canvas_of(decoded(asked.image), limits)
        return jsonify(recognize(chosen(catalog, name), canvas))

    @routes.get("/api/models")
    def models() -> Response:
        found = catalog.models()
        return jsonify(models=[model.describe() for model in found.values()], brush=brush)

    @routes.get("/models/<name>/<version>.tflite")
    def model_file(name: str, version: str) -> Response:
        model = catalog.models().get(name)
        if model is None or model.version != version:
            raise RequestError(404, "unknown file of a model; GET /api/models lists those there are")
        answer = Response(model.content, mimetype="application/octet-stream")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer

    @routes.get("/healthz")
    def health() -> Response:
        count = len(catalog.models())
        if not count:
            raise RequestError(503, "no model can be read; `make pretrained` or `dvc repro` makes some")
        return jsonify(status="ok", models=count)

    return routes


def chosen(catalog: Catalog, name: Any) -> Model:
    """Return the model that a request names, the first where it names none."""
    found = catalog.models()
    if name is None and found:
        return next(iter(found.values()))
    if not isinstance(name, str) or name not in found:
        raise RequestError(404 if found else 503, f"unknown model; choose one of: {', '.join(found) or 'none'}")
    return found[name]
