"""Random malformed requests, the same for the same seed."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from support.web_app import canvas_of, png, starter, to_keep


@dataclass
class Request:
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


_ODD: list = [None, True, -1, 10**400, 1.5, 1e308, "", "7", "\ud800", "\x00", "x" * 5000, [], {}, [[]], [[[]]], [[[1]]]]
_ODD += [[[[0, "a"]]], {"a": {"b": []}}, [None] * 50, "data:,", "%00", "../../etc/passwd", "' OR 1=1 --", -0.0, 10**12]
_PATHS = ["/api/recognise", "/api/drawings", "/api/drawings/x", "/api/models", "/healthz", "/", "/sw.js", "/models/a/b"]
_KINDS = ["application/json", "multipart/form-data; boundary=edge", "text/plain", "image/png", "", "application/json;;"]
_METHODS = ["POST"] * 6 + ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]


def malformed(count: int, seed: int) -> Iterator[Request]:
    """Yield requests that may neither cause a 5xx status nor keep a drawing."""
    rng = random.Random(seed)
    image = png(canvas_of(starter()[0]))
    makers = (_odd_object, _odd_field, _broken_json, _broken_image, _broken_form, _noise, _odd_path)
    for _ in range(count):
        yield rng.choice(makers)(rng, image)


def _json(path: str, value: object) -> Request:
    return Request("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _odd_object(rng: random.Random, _: bytes) -> Request:
    keys = ["image", "strokes", "canvas", "model", "label", "consent", "writer", "é", ""]
    return _json(rng.choice(_PATHS), {rng.choice(keys): rng.choice(_ODD) for _ in range(rng.randrange(4))})


def _odd_field(rng: random.Random, _: bytes) -> Request:
    asked = to_keep()
    asked["consent"] = rng.choice([False, None, 1, "true"])  # even if the rest is valid
    asked[rng.choice([*asked, "more"])] = rng.choice(_ODD)
    asked["consent"] = False if asked["consent"] is True else asked["consent"]
    return _json("/api/drawings", asked)


def _broken_json(rng: random.Random, _: bytes) -> Request:
    text = bytearray(json.dumps(to_keep()).encode())
    for _ in range(rng.randrange(1, 4)):
        text[rng.randrange(len(text))] = rng.choice(b'{}[]",:\x00\xff9e')
    text = text[: rng.randrange(len(text))]  # never complete, so never a drawing to keep
    return Request("POST", "/api/drawings", bytes(text), {"Content-Type": "application/json"})


def _broken_image(rng: random.Random, image: bytes) -> Request:
    content = bytearray(image)
    for _ in range(rng.randrange(1, 30)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    content = content[: rng.randrange(1, len(content) + 1)]
    text = base64.b64encode(content).decode()
    return _json("/api/recognise", {"image": text[: rng.choice([len(text), rng.randrange(len(text) + 1)])]})


def _broken_form(rng: random.Random, image: bytes) -> Request:
    parts = [b"--edge\r\n", b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n', b"\r\n", image]
    parts += [b"\r\n--edge\r\n", b'Content-Disposition: form-data; name="model"\r\n\r\n', rng.randbytes(9), b"\r\n"]
    parts += [b"--edge--\r\n"]
    kept = [part for part in parts if rng.random() < 0.8]
    rng.random() < 0.3 and rng.shuffle(kept)
    return Request("POST", "/api/recognise", b"".join(kept), {"Content-Type": _KINDS[1]})


def _noise(rng: random.Random, _: bytes) -> Request:
    kind = rng.choice(_KINDS)
    return Request(rng.choice(_METHODS), rng.choice(_PATHS), rng.randbytes(rng.randrange(400)), {"Content-Type": kind})


def _odd_path(rng: random.Random, _: bytes) -> Request:
    signs = ["..", "%2e%2e", "%2f", "%00", "/", "a", "%ff", "?", "&", "=", "label", "before", "wrong", "9" * 30, "é"]
    tail = "".join(rng.choice(signs) for _ in range(rng.randrange(1, 8))).encode().decode("ascii", "replace")
    tail = tail.replace("\ufffd", "%c3%a9")
    path = rng.choice(["/", "/api/drawings?", "/api/drawings/", "/models/", "/js/", "/litertjs/"]) + tail
    return Request(rng.choice(["GET", "HEAD", "DELETE", "PATCH"]), path, b"{}", {"Content-Type": "application/json"})
