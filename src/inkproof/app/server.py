"""The web server: settings, the application, and which requests it accepts."""

import errno
import logging
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from waitress.server import create_server

from inkproof.app.api import Catalog, api
from inkproof.app.drawing_store import DrawingStore
from inkproof.app.drawings_api import drawings_api
from inkproof.app.pages import pages
from inkproof.app.payload import RequestError, errors_as_json
from inkproof.config.compose import path_of
from inkproof.config.schema import AppConfig, Limits
from inkproof.inference.find_model import exported_canvases
from inkproof.runtime.errors import UserError

_SAFE = ("GET", "HEAD", "OPTIONS")
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
    """Accept requests for `hosts` only, accept writes from its own pages only, and add `HEADERS` to every response.

    A page of another site can make a browser send requests here. By pointing its name to this machine (DNS rebinding)
    it can even read the responses. Requests of the first kind carry the other site's origin, those of the second its
    host.
    """
    # Werkzeug checks the Host header: any other host gets 400.
    app.config["TRUSTED_HOSTS"] = hosts

    @app.before_request
    def same_origin() -> None:
        if request.method in _SAFE:
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        # Programs such as curl send neither header.
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


def create_app(
    find_models: Callable[[], dict[str, Path]], database: Path, hosts: list[str], limits: Limits, brush: float
) -> Flask:
    """Return the Flask application, for waitress or for tests.

    Args:
        find_models: returns the model files by name.
        database: where drawings are kept. The first drawing creates it.
        hosts: host names that the server accepts, without ports.
        limits: how much a request may hold.
        brush: brush diameter in pixels of a 280 x 280 canvas.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = limits.body_kb * 1024
    app.config["MAX_FORM_PARTS"] = 8
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors_as_json(app)
    guard(app, hosts)

    @app.errorhandler(UserError)
    @app.errorhandler(sqlite3.OperationalError)
    def database_failed(error: Exception) -> tuple[Response, int]:
        """The disk is full, or the database is locked or broken. Nothing was kept, and the client may try again."""
        print(f"{database}: {error}", file=sys.stderr, flush=True)
        return jsonify(error="the database of drawings failed; the server's terminal shows why"), 503

    app.register_blueprint(pages())
    app.register_blueprint(api(Catalog(find_models), limits, brush))
    app.register_blueprint(drawings_api(DrawingStore(database), limits))
    return app


LOCAL = ["127.0.0.1", "localhost", "[::1]"]
_THREADS = 8


def serve_page(config: AppConfig) -> None:
    """Serve the page until interrupted, with the brush of the set `mine`, to which its drawings go.

    Raises:
        UserError: the port is taken, or the machine does not have this address.
    """
    host, port = config.host, config.port
    hosts = [*LOCAL, host, *config.hosts]
    app = create_app(exported_canvases, path_of(config.database), hosts, config, config.sets["mine"].brush)
    # Waitress warns about every request that waits for a thread, and one page sends enough requests for that.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=_THREADS,
            ident=None,
            # Larger than the limit, so that the application can reject a body in JSON. Waitress cuts off the rest.
            max_request_body_size=4096 * config.body_kb + 65_536,
            max_request_header_size=32_768,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port={port}: in use by another program; choose another, as port={port + 1}") from None
        raise UserError(f"host={host} port={port}: cannot serve there ({error.strerror})") from None
    except (OverflowError, ValueError) as error:
        raise UserError(f"host={host} port={port}: cannot serve there ({error})") from None
    shown = "127.0.0.1" if host == "0.0.0.0" else host
    print(f"Draw on http://{shown}:{server.effective_port} (Ctrl-C stops the server)", flush=True)
    try:
        server.run()
    finally:
        server.close()
