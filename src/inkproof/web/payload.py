"""What a request holds: JSON objects, and the values in them, checked one by one."""

import base64
import binascii
import json
import reprlib
from typing import Any

from flask import request

from inkproof.web.limits import Limits
from inkproof.web.refusal import Refusal

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
