"""The JSON API of kept drawings: keep one, look through them, correct, delete."""

import datetime
import reprlib

from flask import Blueprint, Response, jsonify, request

from inkproof.app import payload
from inkproof.app.drawing_store import DrawingStore, Kept, as_json, new_id
from inkproof.app.payload import Limits, Refusal, Strokes

DEVICES = ("phone", "tablet", "desktop")
POINTERS = ("touch", "pen", "mouse", "keyboard")
_FIELDS = (*("consent", "label", "writer", "strokes", "canvas", "predicted", "model", "version", "device", "pointer"),)


def drawings_api(store: DrawingStore, limits: Limits) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("drawings", __name__)

    @routes.post("/api/drawings")
    def keep() -> tuple[Response, int]:
        asked = payload.json_object()
        payload.only(asked, _FIELDS)
        missing = [field for field in _FIELDS if field not in asked]
        if missing:
            raise Refusal(400, f"{missing[0]!r} is missing")
        if asked["consent"] is not True:
            raise Refusal(403, 'a drawing is kept only with its drawer\'s consent, stated by "consent": true')
        width, height = payload.canvas_size(asked["canvas"])
        drawing = Kept(
            id=new_id(),
            label=payload.digit(asked["label"], "label"),
            writer=payload.text(asked["writer"], "writer", limits),
            strokes=_short(payload.strokes(asked["strokes"], limits)),
            width=width,
            height=height,
            predicted=payload.digit(asked["predicted"], "predicted"),
            model=payload.text(asked["model"], "model", limits),
            version=payload.text(asked["version"], "version", limits),
            device=payload.choice(asked["device"], "device", DEVICES),
            pointer=payload.choice(asked["pointer"], "pointer", POINTERS),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        store.add(drawing)
        return jsonify(as_json(drawing)), 201

    @routes.get("/api/drawings")
    def browse() -> Response:
        asked = request.args.to_dict()
        payload.only(asked, ("label", "wrong", "writer", "before", "most"))
        most = _number(asked.get("most"), "most")
        page = store.find(
            label=_label(asked.get("label")),
            wrong=payload.choice(asked.get("wrong", "0"), "wrong", ("0", "1")) == "1",
            writer=payload.text(asked["writer"], "writer", limits) if "writer" in asked else None,
            before=_number(asked.get("before"), "before"),
            most=limits.drawings if most is None else min(limits.drawings, most),
        )
        return jsonify(drawings=[as_json(one) for one in page.drawings], before=page.before, counts=store.counts())

    @routes.get("/api/drawings/<name>")
    def show(name: str) -> Response:
        return jsonify(as_json(_known(name)))

    @routes.patch("/api/drawings/<name>")
    def correct(name: str) -> Response:
        asked = payload.json_object()
        payload.only(asked, ("label", "writer"))
        known = _known(name)
        label = payload.digit(asked["label"], "label") if "label" in asked else known.label
        writer = payload.text(asked["writer"], "writer", limits) if "writer" in asked else known.writer
        if not asked:
            raise Refusal(400, "send label or writer")
        store.correct(name, label, writer)
        return jsonify(as_json(_known(name)))

    @routes.delete("/api/drawings/<name>")
    def delete(name: str) -> Response:
        _known(name)
        store.delete(name)
        return Response(status=204)

    def _known(name: str) -> Kept:
        drawing = store.get(name)
        if drawing is None:
            raise Refusal(404, "there is no such drawing")
        return drawing

    return routes


def _short(strokes: Strokes) -> Strokes:
    """Coordinates to a tenth of a pixel, as the one form of drawings keeps them; time and pressure to a thousandth."""
    return [
        [[round(number, 1) for number in point[:2]] + [round(number, 3) for number in point[2:]] for point in stroke]
        for stroke in strokes
    ]


def _label(value: str | None) -> int | str | None:
    choices = (*map(str, range(10)), "none")
    if value is None or payload.choice(value, "label", choices) == "none":
        return value
    return int(value)


def _number(value: str | None, field: str) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise Refusal(422, f"{field} is {reprlib.repr(value)}, not a whole number")
    return int(value)
