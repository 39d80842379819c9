"""The JSON API: recognise, models, health. Drawings that are kept have a module of their own."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from inkproof.web import payload
from inkproof.web.catalogue import Catalogue, Model
from inkproof.web.limits import Limits
from inkproof.web.pictures import canvas_of
from inkproof.web.recognition import draw, recognise
from inkproof.web.refusal import Refusal

_FIELDS = ("image", "strokes", "canvas", "model")


def api(catalogue: Catalogue, limits: Limits, brush: float) -> Blueprint:
    """Return the routes; `brush` is the diameter of the brush for strokes, in pixels of a 280 x 280 canvas."""
    routes = Blueprint("api", __name__)

    @routes.post("/api/recognise")
    def recognise_one() -> Response:
        if request.mimetype == "multipart/form-data":
            upload = request.files.get("image")
            if upload is None:
                raise Refusal(400, "send the picture as a file in the form's field 'image'")
            asked: dict[str, Any] = {"model": request.form["model"]} if "model" in request.form else {}
            canvas = canvas_of(upload.read(), limits)
        else:
            asked = payload.json_object()
            payload.only(asked, _FIELDS)
            if ("image" in asked) == ("strokes" in asked):
                found = "both are there" if "image" in asked else "neither is there"
                raise Refusal(400, f"send either image or strokes; {found}")
            if "image" in asked:
                canvas = canvas_of(payload.decoded(asked["image"]), limits)
            else:
                size = payload.canvas_size(asked.get("canvas", [280, 280]))
                canvas = draw(payload.strokes(asked["strokes"], limits), size, brush)
        return jsonify(recognise(chosen(catalogue, asked.get("model")), canvas))

    @routes.get("/api/models")
    def models() -> Response:
        found = catalogue.models()
        return jsonify(models=[model.describe() for model in found.values()], brush=brush)

    @routes.get("/models/<name>/<version>.tflite")
    def model_file(name: str, version: str) -> Response:
        model = catalogue.models().get(name)
        if model is None or model.version != version:
            raise Refusal(404, "there is no such file of a model; GET /api/models lists those there are")
        answer = Response(model.content, mimetype="application/octet-stream")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer

    @routes.get("/healthz")
    def health() -> Response:
        count = len(catalogue.models())
        if not count:
            raise Refusal(503, "no model can be read; `make pretrained` or `dvc repro` makes some")
        return jsonify(status="ok", models=count)

    return routes


def chosen(catalogue: Catalogue, name: Any) -> Model:
    """Return the model that a request names, the first where it names none."""
    found = catalogue.models()
    if name is None and found:
        return next(iter(found.values()))
    if not isinstance(name, str) or name not in found:
        raise Refusal(404 if found else 503, f"there is no such model; choose one of: {', '.join(found) or 'none'}")
    return found[name]
