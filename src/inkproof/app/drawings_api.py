"""The JSON API of kept drawings: keep one, look through them, correct, delete."""

import datetime
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import AfterValidator, Field

from inkproof.app.drawing_store import DrawingStore, Kept, as_json, new_id
from inkproof.app.payload import Asked, Canvas, Name, RequestError, Strokes, json_object
from inkproof.config.schema import Limits
from inkproof.data.drawings import Digit, must


def _short(strokes: Strokes) -> Strokes:
    """Coordinates to a tenth of a pixel, as the one form of drawings keeps them; time and pressure to a thousandth."""
    return [
        [[round(number, 1) for number in point[:2]] + [round(number, 3) for number in point[2:]] for point in stroke]
        for stroke in strokes
    ]


_CONSENT = 'a drawing is kept only with its drawer\'s consent, stated by "consent": true'


class ToKeep(Asked):
    """A drawing to keep; `predicted` is None where no digit was read."""

    consent: Annotated[Any, must(lambda given: given is True, _CONSENT, kind="consent")]
    label: Digit | None
    writer: Name
    strokes: Annotated[Strokes, AfterValidator(_short)]
    canvas: Canvas
    predicted: Digit | None
    model: Name
    version: Name
    device: Literal["phone", "tablet", "desktop"]
    pointer: Literal["touch", "pen", "mouse", "keyboard"]


# Not the whole numbers of pydantic, which reads " 1_0 " as 10.
_Whole = Annotated[str, Field(pattern="^[0-9]{1,18}$")]


class Filter(Asked):
    """Which drawings to look through, from an address, where everything is text."""

    label: Annotated[str, Field(pattern="^([0-9]|none)$")] | None = None
    wrong: Literal["0", "1"] = "0"
    writer: Name | None = None
    before: _Whole | None = None
    most: _Whole | None = None


class Correction(Asked):
    """What to change; a field that is not there stays as it is."""

    label: Digit | None = None
    writer: Name = ""


def drawings_api(store: DrawingStore, limits: Limits) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("drawings", __name__)

    @routes.post("/api/drawings")
    def keep() -> tuple[Response, int]:
        asked = ToKeep.of(json_object(), limits)
        width, height = asked.canvas
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        said = asked.model_dump(exclude={"consent", "canvas"})
        drawing = Kept(id=new_id(), width=width, height=height, created=created, **said)
        store.add(drawing)
        return jsonify(as_json(drawing)), 201

    @routes.get("/api/drawings")
    def browse() -> Response:
        asked = Filter.of(request.args.to_dict(), limits)
        page = store.find(
            label=int(asked.label) if asked.label and asked.label != "none" else asked.label,
            wrong=asked.wrong == "1",
            writer=asked.writer,
            before=int(asked.before) if asked.before else None,
            most=min(limits.drawings, int(asked.most or limits.drawings)),
        )
        return jsonify(drawings=[as_json(one) for one in page.drawings], before=page.before, counts=store.counts())

    @routes.get("/api/drawings/<name>")
    def show(name: str) -> Response:
        return jsonify(as_json(_known(name)))

    @routes.patch("/api/drawings/<name>")
    def correct(name: str) -> Response:
        fields, known = json_object(), _known(name)
        changed = Correction.of(fields, limits).model_dump(exclude_unset=True)
        if not changed:
            raise RequestError(400, "send label or writer")
        store.correct(name, changed.get("label", known.label), changed.get("writer", known.writer))
        return jsonify(as_json(_known(name)))

    @routes.delete("/api/drawings/<name>")
    def delete(name: str) -> Response:
        _known(name)
        store.delete(name)
        return Response(status=204)

    def _known(name: str) -> Kept:
        drawing = store.get(name)
        if drawing is None:
            raise RequestError(404, "unknown drawing")
        return drawing

    return routes
