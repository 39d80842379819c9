"""The page and its files, loaded into memory at the start, so that no path in a request reaches the file system."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, request

STATIC = Path(__file__).parent / "static"
LITERT = Path(__file__).parent / "vendor" / "litertjs"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
}
_WORKER = "/sw.js"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the page: its bytes, which are compressed if `packed`, its media type and its ETag."""

    content: bytes
    kind: str
    tag: str
    packed: bool


def pages() -> Blueprint:
    """Return a route for each file of the page."""
    routes = Blueprint("pages", __name__)
    for address, part in read_parts().items():
        routes.add_url_rule(address, f"part {address.replace('.', ' ')}", lambda part=part: _response(part))
    return routes


def read_parts() -> dict[str, Part]:
    """Return the files by their path in the URL; "/" is the page itself."""
    parts: dict[str, Part] = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in _TYPES:
            parts[f"/{path.relative_to(STATIC).as_posix()}"] = _part(path)
    for path in sorted(LITERT.glob("*")):
        if path.suffix in (".js", ".gz"):
            parts[f"/litertjs/{path.name.removesuffix('.gz')}"] = _part(path)
    parts["/"] = parts.pop("/index.html")
    return {**parts, _WORKER: _worker(parts)}


def _part(path: Path) -> Part:
    packed = path.suffix == ".gz"
    kind = _TYPES[path.with_suffix("").suffix if packed else path.suffix]
    return _tagged(path.read_bytes(), kind, packed)


def _tagged(content: bytes, kind: str, packed: bool = False) -> Part:
    return Part(content, kind, hashlib.sha256(content).hexdigest()[:16], packed)


def _worker(parts: dict[str, Part]) -> Part:
    """The service worker, with a list of the files to keep for offline use and the edition of the page."""
    kept = sorted(address for address in parts if address != _WORKER)
    edition = hashlib.sha256("".join(f"{name} {parts[name].tag} " for name in kept).encode()).hexdigest()[:12]
    head = f"const EDITION = {json.dumps(edition)};\nconst PARTS = {json.dumps(kept)};\n"
    source = parts[_WORKER]
    return _tagged(head.encode() + source.content, source.kind)


def _response(part: Part) -> Response:
    content = part.content
    headers = {"Cache-Control": "no-cache"}  # the browser asks each time and gets 304 while the file is the same
    if part.packed:
        headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings["gzip"]:
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    response = Response(content, content_type=part.kind, headers=headers)
    response.set_etag(part.tag if "Content-Encoding" in headers or not part.packed else f"{part.tag}-plain")
    response.make_conditional(request)
    return response
