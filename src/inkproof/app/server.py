"""The web server: settings, the application, and who may ask."""

import errno
import logging
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from waitress.server import create_server

from inkproof.app.api import Catalog, api
from inkproof.app.drawing_store import DrawingStore
from inkproof.app.drawings_api import drawings_api
from inkproof.app.pages import pages
from inkproof.app.payload import RequestError, refuse_in_json
from inkproof.config.compose import path_of
from inkproof.config.schema import App, Limits
from inkproof.inference.find_model import exported_canvases
from inkproof.runtime.errors import UserError

_READING = ("GET", "HEAD", "OPTIONS")
# No inline script or style anywhere; WebAssembly is compiled, which has a permission of its own.
_POLICY = {
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
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def guard(app: Flask, hosts: list[str]) -> None:
    """Serve requests for `hosts` alone, writes from their own pages alone, and every answer with `HEADERS`.

    A page of another site can make a browser send requests here, and, by letting its name point to this machine (DNS
    rebinding), even read the answers. The first carry the other site's origin, the second its host.
    """
    # Werkzeug's own check of the Host header: with any other, the request ends with 400.
    app.config["TRUSTED_HOSTS"] = hosts

    @app.before_request
    def same_origin() -> None:
        if request.method in _READING:
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        # Programs such as curl send neither.
        if site not in ("same-origin", "none") or (origin is not None and not _is_own(origin)):
            raise RequestError(403, "only pages of this server may send this")

    @app.after_request
    def secured(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _is_own(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host and origin != "null"
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is made of.

    Attributes:
        find_models: returns the files of the models by name.
        database: where drawings are kept; made with the first.
        hosts: names under which the server may be asked, without ports.
        limits: how much a request may hold.
        brush: diameter of the brush in pixels of a 280 x 280 canvas.
    """

    find_models: Callable[[], dict[str, Path]]
    database: Path
    hosts: list[str]
    limits: Limits
    brush: float


def create_app(settings: Settings) -> Flask:
    """Return the application, for waitress or for tests."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = settings.limits.body_kb * 1024
    app.config["MAX_FORM_PARTS"] = 8
    app.json.sort_keys = False  # type: ignore[attr-defined]
    refuse_in_json(app)
    guard(app, settings.hosts)

    @app.errorhandler(UserError)
    @app.errorhandler(sqlite3.OperationalError)
    def machine_denies(error: Exception) -> tuple[Response, int]:
        """The disk is full, the database locked or none: nothing was kept, and the request may be sent again."""
        print(f"{settings.database}: {error}", file=sys.stderr, flush=True)
        return jsonify(error="the drawings cannot be reached; the server's terminal says why"), 503

    app.register_blueprint(pages())
    app.register_blueprint(api(Catalog(settings.find_models), settings.limits, settings.brush))
    app.register_blueprint(drawings_api(DrawingStore(settings.database), settings.limits))
    return app


LOCAL = ["127.0.0.1", "localhost", "[::1]"]
_THREADS = 8


def serve(app: Flask, host: str, port: int, limits: Limits) -> None:
    """Answer requests until the process is interrupted.

    Raises:
        UserError: the port is taken, or the machine has no such address.
    """
    # It warns of every request that waits for a thread, as those of one page do.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=_THREADS,
            ident=None,
            # More, so that the application can say in JSON that a body is too large. One far larger is cut off here.
            max_request_body_size=4096 * limits.body_kb + 65_536,
            max_request_header_size=32_768,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port={port}: in use by another program; choose another, as port={port + 1}") from None
        raise UserError(f"host={host} port={port}: cannot be served on ({error.strerror})") from None
    except (OverflowError, ValueError) as error:
        raise UserError(f"host={host} port={port}: cannot be served on ({error})") from None
    shown = "127.0.0.1" if host == "0.0.0.0" else host
    print(f"Draw on http://{shown}:{server.effective_port} (Ctrl-C ends the server)", flush=True)
    try:
        server.run()
    finally:
        server.close()


def serve_page(app: App, brush: float) -> None:
    """Serve the page until interrupted; `brush` is the diameter in pixels of a 280 x 280 canvas."""
    hosts = [*LOCAL, app.host, *app.hosts]
    settings = Settings(exported_canvases, path_of(app.database), hosts, app, brush)
    serve(create_app(settings), app.host, app.port, app)
