"""The JSON API of kept drawings: keep, list, correct and delete them."""

import datetime
import hmac
from dataclasses import asdict
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import AfterValidator, Field, model_validator

from inkproof.app.drawing_store import Damaged, DrawingStore, Kept, as_json, new_id
from inkproof.app.payload import SAFE, Canvas, Gate, Name, Payload, RequestError, Strokes, json_object, not_too_long
from inkproof.config.stages import Limits
from inkproof.data.drawings import Digit, must


def _short(strokes: Strokes) -> Strokes:
    """Round coordinates to a tenth of a pixel, as sets of drawings do, and time and pressure to a thousandth."""
    return [
        [[round(number, 1) for number in point[:2]] + [round(number, 3) for number in point[2:]] for point in stroke]
        for stroke in strokes
    ]


_CONSENT = 'a drawing is kept only with the consent of its writer: send "consent": true'


class ToKeep(Payload):
    """A drawing to keep; `predicted` is None if it was rejected as not a digit.

    A page that may send it again gives it an `id`, so that it is kept once.
    """

    id: Annotated[str, Field(pattern="^page-[0-9a-f]{16}$")] | None = None
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
    _bounded = model_validator(mode="after")(not_too_long)


# pydantic's own integers are too lenient: they accept " 1_0 " as 10.
_Whole = Annotated[str, Field(pattern="^[0-9]{1,18}$")]


class Filter(Payload):
    """Which drawings to list. The values come from the query string, where everything is text."""

    label: Annotated[str, Field(pattern="^([0-9]|none)$")] | None = None
    wrong: Literal["0", "1"] = "0"
    writer: Name | None = None
    before: _Whole | None = None
    most: _Whole | None = None


class Correction(Payload):
    """What to change; a missing field stays unchanged."""

    label: Digit | None = None
    writer: Name = ""


def drawings_api(store: DrawingStore, limits: Limits, gate: Gate, token: str | None) -> Blueprint:
    """Return the routes of `/api/drawings`. With a `token`, requests that change drawings must have it."""
    routes = Blueprint("drawings", __name__)

    @routes.before_request
    def may_write() -> None:
        if token is None or request.method in SAFE:
            return
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent.encode(), token.encode()):
            raise RequestError(401, "this needs the link with a token that the server's terminal shows")

    @routes.post("/api/drawings")
    def keep() -> tuple[Response, int]:
        with gate.turn():
            payload = ToKeep.of(json_object(), limits)
            width, height = payload.canvas
            created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            fields = payload.model_dump(exclude={"id", "consent", "canvas"})
            drawing = Kept(id=payload.id or new_id(), width=width, height=height, created=created, **fields)
            if not store.add(drawing):
                if drawing.id in store.deleted():
                    raise RequestError(409, "this drawing was kept, and has been deleted since")
                return jsonify(as_json(_known(drawing.id))), 200
        return jsonify(as_json(drawing)), 201

    @routes.get("/api/drawings")
    def browse() -> Response:
        wanted = Filter.of(request.args.to_dict(), limits)
        with gate.turn():
            page = store.find(
                label=int(wanted.label) if wanted.label and wanted.label != "none" else wanted.label,
                wrong=wanted.wrong == "1",
                writer=wanted.writer,
                before=int(wanted.before) if wanted.before else None,
                most=min(limits.drawings, int(wanted.most or limits.drawings)),
            )
            drawings, damaged = [as_json(one) for one in page.drawings], [asdict(one) for one in page.damaged]
            return jsonify(drawings=drawings, damaged=damaged, before=page.before, counts=store.counts())

    @routes.get("/api/drawings/<name>")
    def show(name: str) -> Response:
        return jsonify(as_json(_known(name)))

    @routes.patch("/api/drawings/<name>")
    def correct(name: str) -> Response:
        with gate.turn():
            fields, known = json_object(), _known(name)
            changed = Correction.of(fields, limits).model_dump(exclude_unset=True)
            if not changed:
                raise RequestError(400, "send label or writer")
            store.correct(name, changed.get("label", known.label), changed.get("writer", known.writer))
        return jsonify(as_json(_known(name)))

    @routes.delete("/api/drawings/<name>")
    def delete(name: str) -> Response:
        if not store.delete(name):
            raise RequestError(404, "unknown drawing")
        return Response(status=204)

    def _known(name: str) -> Kept:
        drawing = store.get(name)
        if drawing is None:
            raise RequestError(404, "unknown drawing")
        if isinstance(drawing, Damaged):
            raise RequestError(409, f"this drawing is damaged ({drawing.error}); it can only be deleted")
        return drawing

    return routes
