"""How a request is turned down: an HTTP status and one line that says what to mend, as JSON."""

import base64
import binascii
import json
import reprlib
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge


class Refusal(Exception):
    """A request that is not served; `status` is 4xx, or 503 where the machine and not the request is at fault."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def refuse_in_json(app: Flask) -> None:
    """Answer every refusal, and every error of HTTP that Flask raises, with {"error": reason}."""

    @app.errorhandler(Refusal)
    def refused(error: Refusal) -> tuple[Response, int]:
        return jsonify(error=error.reason), error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        reason = " ".join((error.description or error.name).split())
        if isinstance(error, RequestEntityTooLarge):
            size, parts = app.config["MAX_CONTENT_LENGTH"] // 1024, app.config["MAX_FORM_PARTS"]
            reason = f"the body has more than {size:,} KB or {parts} parts; send a smaller one"
        elif isinstance(error, NotFound):
            reason = "there is nothing at this address"
        response = jsonify(error=reason)
        response.status_code = error.code or 400
        for name, value in error.get_headers():
            if name != "Content-Type":  # such as Allow, for a method that is not
                response.headers[name] = value
        return response


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server; conf/app.yaml holds their values.

    Attributes:
        body_bytes: of a request, whatever it holds.
        pixels: of a picture, by the size it states before anything is decoded.
        strokes, points: of a drawing, `points` over all its strokes.
        text: characters of a name.
        drawings: returned at a time.
    """

    body_bytes: int
    pixels: int
    strokes: int
    points: int
    text: int
    drawings: int


FARTHEST = 100_000.0  # canvas pixels; what is drawn outside of the canvas is cut off, wherever it is
Strokes = list[list[list[float]]]


def json_object() -> dict[str, Any]:
    """Return the request's JSON object; raises Refusal where it holds anything else."""
    if request.mimetype != "application/json":
        raise Refusal(415, "send JSON with Content-Type: application/json")
    try:
        value = json.loads(request.get_data(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise Refusal(400, f"the JSON cannot be read: {reason}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "send a JSON object {...}")
    return value


def only(value: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Raise Refusal for a field that would be ignored."""
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise Refusal(400, f"unknown field {reprlib.repr(unknown[0])}; there are {', '.join(fields)}")


def digit(value: Any, field: str, none: bool = True) -> int | None:
    """Return a digit, 0 to 9, or None for "not a digit" where `none` allows it."""
    if value is None and none:
        return None
    if type(value) is not int or not 0 <= value <= 9:
        raise Refusal(422, f"{field} is {reprlib.repr(value)}, not a digit from 0 to 9{' or null' if none else ''}")
    return value


def text(value: Any, field: str, limits: Limits) -> str:
    """Return a name: one line of text that is not empty, without the spaces around it."""
    if not isinstance(value, str) or not value.strip() or len(value) > limits.text or not value.isprintable():
        raise Refusal(422, f"{field} is {reprlib.repr(value)}, not a line of 1 to {limits.text} characters")
    return value.strip()


def choice(value: Any, field: str, choices: tuple[str, ...]) -> str:
    """Return one of `choices`."""
    if value not in choices:
        raise Refusal(422, f"{field} is {reprlib.repr(value)}; choose one of {', '.join(choices)}")
    return str(value)


def canvas_size(value: Any) -> tuple[int, int]:
    """Return [width, height] of the canvas that strokes were drawn on."""
    sides = isinstance(value, list) and len(value) == 2
    if not sides or any(type(side) is not int or not 1 <= side <= FARTHEST for side in value):
        raise Refusal(422, f"canvas is {reprlib.repr(value)}, not [width, height] in whole pixels")
    return value[0], value[1]


def strokes(value: Any, limits: Limits) -> Strokes:
    """Return strokes: lists of points [x, y], [x, y, t] or [x, y, t, pressure], at least one point in all."""
    if not isinstance(value, list) or not all(isinstance(stroke, list) for stroke in value):
        raise Refusal(422, "strokes is not a list of lists of points")
    count = sum(map(len, value))
    if len(value) > limits.strokes or count > limits.points:
        raise Refusal(422, f"more than {limits.strokes} strokes or {limits.points} points")
    if not count:
        raise Refusal(422, "strokes holds no point")
    return [[_point(point) for point in stroke] for stroke in value if stroke]


def decoded(value: Any) -> bytes:
    """Return the bytes of a text in base64, with or without the head of a data: URL."""
    if not isinstance(value, str):
        raise Refusal(422, "image is not a text in base64")
    content = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(422, f"image is not base64: {error}") from None


def _point(point: Any) -> list[float]:
    whole = isinstance(point, list) and 2 <= len(point) <= 4
    if not whole or any(type(number) not in (int, float) for number in point):
        raise Refusal(422, f"a point is {reprlib.repr(point)}, not [x, y], [x, y, t] or [x, y, t, pressure]")
    # Compared before it is converted: a whole number of JSON may be larger than any float.
    if not all(-FARTHEST <= number <= FARTHEST for number in point[:2]) or not all(
        0 <= number <= 1e9 for number in point[2:]
    ):
        raise Refusal(422, f"the point {reprlib.repr(point)} is too far away")
    return [float(number) for number in point]


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
