"""The page and its files, loaded into memory at the start, so that no path in a request reaches the file system."""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
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
# No inline scripts and styles. Compiling WebAssembly needs a permission of its own.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the page: its bytes, which are compressed if `packed`, its media type and its ETag."""

    content: bytes
    kind: str
    tag: str
    packed: bool

    @property
    def plain(self) -> bytes:
        """The uncompressed bytes."""
        return gzip.decompress(self.content) if self.packed else self.content


def pages() -> Blueprint:
    """Return a route for each file of the page."""
    routes = Blueprint("pages", __name__)
    for address, part in read_parts().items():
        routes.add_url_rule(address, f"part {address.replace('.', ' ')}", lambda part=part: _response(part))
    return routes


def read_parts(
    catalog: str = "api/models", changes: Mapping[str, Callable[[str], str]] | None = None
) -> dict[str, Part]:
    """Return the files by their path in the URL; "/" is the page itself.

    Args:
        catalog: the address of the list of models, relative to the page.
        changes: by path, a function from the text of this file to the text that replaces it.
    """
    parts: dict[str, Part] = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in _TYPES:
            parts[f"/{path.relative_to(STATIC).as_posix()}"] = _part(path)
    for path in sorted(LITERT.glob("*")):
        if path.suffix in (".js", ".gz"):
            parts[f"/litertjs/{path.name.removesuffix('.gz')}"] = _part(path)
    parts["/"] = parts.pop("/index.html")
    for address, change in (changes or {}).items():
        parts[address] = _tagged(change(parts[address].content.decode()).encode(), parts[address].kind)
    return {**parts, _WORKER: _worker(parts, catalog)}


def _part(path: Path) -> Part:
    packed = path.suffix == ".gz"
    kind = _TYPES[path.with_suffix("").suffix if packed else path.suffix]
    return _tagged(path.read_bytes(), kind, packed)


def _tagged(content: bytes, kind: str, packed: bool = False) -> Part:
    return Part(content, kind, hashlib.sha256(content).hexdigest()[:16], packed)


def _worker(parts: dict[str, Part], catalog: str) -> Part:
    """Return the service worker: its code after constants with the page's edition and its files with their SHA-256."""
    kept = {f".{address}": hashlib.sha256(parts[address].plain).hexdigest() for address in sorted({*parts} - {_WORKER})}
    edition = hashlib.sha256(json.dumps([catalog, kept]).encode()).hexdigest()[:12]
    known = {"EDITION": edition, "PARTS": kept, "CATALOG": catalog}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in known.items())
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
