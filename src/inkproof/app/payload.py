"""The payload of requests: types of its fields, limits, and errors as JSON."""

import base64
import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Annotated, Any, Self

from flask import Flask, Response, jsonify, request
from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, WrapValidator
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from inkproof.config.stages import Limits
from inkproof.config.validation import mistake
from inkproof.data.drawings import must

SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing


class RequestError(Exception):
    """A request that cannot be served; `status` is 4xx, or 503 if the cause is the server."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def errors_as_json(app: Flask) -> None:
    """Send {"error": reason} for every RequestError and every HTTP error that Flask raises."""

    @app.errorhandler(RequestError)
    def request_error(error: RequestError) -> tuple[Response, int]:
        return jsonify(error=error.reason), error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        reason = " ".join((error.description or error.name).split())
        if isinstance(error, RequestEntityTooLarge):
            size, parts = app.config["MAX_CONTENT_LENGTH"] // 1024, app.config["MAX_FORM_PARTS"]
            reason = f"the body has more than {size:,} KB or {parts} parts; send a smaller one"
        elif isinstance(error, NotFound):
            reason = "nothing at this address"
        response = jsonify(error=reason)
        response.status_code = error.code or 400
        for name, value in error.get_headers():
            if name != "Content-Type":  # such as Allow, for a method that is not allowed
                response.headers[name] = value
        return response


class Gate:
    """Requests that compute or write: `running` of them at once, and `waiting` more wait for their turn."""

    def __init__(self, running: int, waiting: int) -> None:
        self._running, self._places = threading.Semaphore(running), threading.Semaphore(running + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn; raises RequestError if too many wait already."""
        if not self._places.acquire(blocking=False):
            raise RequestError(503, "too many requests at once; try again in a moment")
        try:
            with self._running:
                yield
        finally:
            self._places.release()


def json_object() -> dict[str, Any]:
    """Return the request's JSON object; raises RequestError for anything else."""
    if request.mimetype != "application/json":
        raise RequestError(415, "send JSON with Content-Type: application/json")
    try:
        value = parsed(request.get_data())
    except ValueError as error:
        raise RequestError(400, str(error)) from None
    if not isinstance(value, dict):
        raise RequestError(400, "send a JSON object {...}")
    return value


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text; raises ValueError, also for NaN and Infinity and for deep nesting."""
    try:
        return json.loads(text, parse_constant=_not_a_number)
    except RecursionError:
        raise ValueError("the JSON cannot be read: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the JSON cannot be read: {' '.join(str(error).split())}") from None


def _not_a_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


FARTHEST = 100_000  # canvas pixels; strokes may leave the canvas, which cuts them off
_STATUS = {"extra_forbidden": 400, "missing": 400, "consent": 403}  # every other mistake gets 422


class Payload(BaseModel, extra="forbid"):
    """The fields of a request. An unknown field is an error."""

    @classmethod
    def of(cls, fields: dict[str, Any], limits: Limits) -> Self:
        """Return the validated `fields`, checked against `limits`; raises RequestError for the first mistake."""
        try:
            return cls.model_validate(fields, context=limits)
        except ValidationError as error:
            kind, reason = mistake(error, cls)
            raise RequestError(_STATUS.get(kind, 422), reason) from None


def decoded(image: str) -> bytes:
    """Return the bytes of a base64 text, with or without the prefix of a data: URL."""
    content = image.partition(",")[2] if image.startswith("data:") else image
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except ValueError as error:
        raise RequestError(422, f"image is not base64: {error}") from None


def _line(value: str, info: ValidationInfo[Limits]) -> str:
    if not value.strip() or len(value) > info.context.text or not value.isprintable():
        raise ValueError(f"not a line of 1 to {info.context.text} characters")
    return value.strip()


def _near(point: list[float]) -> bool:
    return max(map(abs, point[:2])) <= FARTHEST and all(0 <= number <= 1e9 for number in point[2:])


def _drawn(value: Any, check: Callable[[Any], Any], info: ValidationInfo[Limits]) -> list[list[list[float]]]:
    limits = info.context
    if isinstance(value, list):  # counted before the points are checked: there may be millions
        points = sum(len(stroke) for stroke in value if isinstance(stroke, list))
        if len(value) > limits.strokes or points > limits.points:
            raise ValueError(f"more than {limits.strokes} strokes or {limits.points} points")
    strokes = [stroke for stroke in check(value) if stroke]
    if not strokes:
        raise ValueError("no point")
    return strokes


def not_too_long(payload: Any, info: ValidationInfo[Limits]) -> Any:
    """Return the payload; ValueError if its strokes are too long, since the time to draw them grows with the length."""
    far = info.context.length * max(payload.canvas)
    if sum(math.dist(*ends) for stroke in payload.strokes for ends in pairwise(p[:2] for p in stroke)) > far:
        raise ValueError(f"strokes: longer than {info.context.length} sides of the canvas in total")
    return payload


# One line of text, not empty, stripped of surrounding spaces.
Name = Annotated[str, AfterValidator(_line)]
Side = Annotated[int, Field(strict=True, ge=1, le=FARTHEST)]
# [width, height] of the canvas that strokes were drawn on.
Canvas = Annotated[list[Side], Field(min_length=2, max_length=2)]
_Number = Annotated[float, Field(strict=True)]
_Point = Annotated[list[_Number], Field(min_length=2, max_length=4), must(_near, "too far away")]
Stroke = Annotated[list[_Point], Field(fail_fast=True)]
# Lists of points [x, y], [x, y, t] or [x, y, t, pressure], with at least one point in total.
Strokes = Annotated[list[Stroke], Field(fail_fast=True), WrapValidator(_drawn)]
