"""The web server: settings, the application, and which requests it accepts."""

import errno
import logging
import re
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, request
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer, create_server

from inkproof.app.api import Catalog, api
from inkproof.app.drawing_store import DrawingStore
from inkproof.app.drawings_api import drawings_api
from inkproof.app.pages import POLICY, pages
from inkproof.app.payload import SAFE, Gate, RequestError, errors_as_json
from inkproof.config.compose import path_of
from inkproof.config.stages import AppConfig, Limits
from inkproof.inference.find_model import exported_canvases
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
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
    trusted = {host.lower().strip("[]") for host in hosts}

    # Werkzeug's own list of trusted hosts knows neither IPv6 addresses nor capital letters.
    @app.before_request
    def own_host() -> None:
        if _place(request.host)[0] not in trusted:
            raise RequestError(400, f"the host {request.host!r} is not this server's; the key hosts adds it")

    @app.before_request
    def same_origin() -> None:
        if request.method in SAFE:
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


def _place(address: str) -> tuple[str | None, int | None]:
    """Return host and port of "host:port", both None if it is malformed."""
    try:
        found = urlsplit(f"//{address}")
        return found.hostname, found.port
    except ValueError:
        return None, None


def _is_own(origin: str) -> bool:
    scheme, _, address = origin.partition("://")
    return scheme in ("http", "https") and _place(address) == _place(request.host)


def create_app(
    find_models: Callable[[], dict[str, Path]],
    database: Path,
    hosts: list[str],
    limits: Limits,
    brush: float,
    token: str | None = None,
) -> Flask:
    """Return the Flask application, for waitress or for tests.

    Args:
        find_models: returns the model files by name.
        database: where drawings are kept. The first drawing creates it.
        hosts: host names that the server accepts, without ports.
        limits: how much a request may hold.
        brush: brush diameter in pixels of a 280 x 280 canvas.
        token: what requests that change drawings must have; None if everybody may.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = limits.body_kb * 1024
    app.config["MAX_FORM_PARTS"] = 8
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors_as_json(app)
    guard(app, hosts)

    @app.before_request
    def page_has_a_slash() -> Any:
        # The page's addresses are relative. Without a slash, those of /digits would be beside it.
        return None if request.environ["PATH_INFO"] else redirect(f"{request.script_root}/", 308)

    @app.errorhandler(UserError)
    @app.errorhandler(sqlite3.Error)
    @app.errorhandler(OSError)
    @app.errorhandler(MemoryError)
    def system_failed(error: Exception) -> tuple[Response, int]:
        """The disk is full, or the database is locked or broken. Nothing was kept, and the client may try again."""
        where = f"{database}: " if isinstance(error, sqlite3.Error) else ""
        print(where + " ".join((str(error) or type(error).__name__).split()), file=sys.stderr, flush=True)
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if full or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return jsonify(error="the disk of the server is full; nothing was kept"), 507
        return jsonify(error="the server failed, and nothing was kept; the server's terminal shows why"), 503

    gate = Gate(_RUNNING, _WAITING)
    app.register_blueprint(pages())
    app.register_blueprint(api(Catalog(find_models), limits, brush, gate))
    app.register_blueprint(drawings_api(DrawingStore(database), limits, gate, token))
    return app


LOCAL = ["127.0.0.1", "localhost", "::1"]
# How many requests compute at once, how many wait, and the threads. The other threads answer all other requests.
_RUNNING, _WAITING, _THREADS = 2, 16, 32
_SPARE = 32  # connections above the limit, for those whose requests are all being served
_IDLE = 30  # seconds until a connection without a request is closed


class _Parser(HTTPRequestParser):
    """The head of a request; an address that cannot be split, such as http://[, gets 400, as other mistakes do."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError(str(error)) from None


class _Channel(HTTPChannel):
    """A connection. At the limit, a new one closes the one that has had no complete request for longest.

    So idle connections and slow headers cannot block others. Waitress alone would accept no new ones for minutes.
    """

    parser_class = _Parser

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: dict[int, Any]) -> None:
        others = [one for one in map.values() if isinstance(one, _Channel) and not one.will_close]
        super().__init__(server, sock, addr, adj, map)
        self.served = time.monotonic()
        idle = [one for one in others if not one.requests]
        if len(others) >= adj.connection_limit - _SPARE and idle:
            min(idle, key=lambda one: one.served).will_close = True  # waitress closes it in its next round

    def service(self) -> None:
        super().service()
        self.served = time.monotonic()


def read_token(path: Path) -> str:
    """Return the token in the file `path`, after making the file, for its owner alone, if there is none.

    Raises UserError if the file has no token.
    """
    if not path.exists():
        write_text(path, secrets.token_urlsafe(24) + "\n", mode=0o600)
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(r"[\w-]+", token, re.ASCII):
        raise UserError(f"{path}: not a token; delete the file, and the next start makes a new one")
    return token


def serve_page(config: AppConfig) -> None:
    """Serve the page until interrupted, with the brush of the set `mine`, to which its drawings go.

    Raises:
        UserError: the port is taken, the machine does not have this address, or the database cannot be read.
    """
    host, port, database = config.host, config.port, path_of(config.database)
    hosts = [*LOCAL, host, *config.hosts]
    DrawingStore(database).check()
    token = read_token(database.with_suffix(".token")) if config.token else None
    app = create_app(exported_canvases, database, hosts, config, config.sets["mine"].brush, token)
    # Waitress warns about every request that waits for a thread, and one page sends enough requests for that.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    sockets: dict[int, Any] = {}
    try:
        server = create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=_THREADS,
            ident=None,
            url_prefix=config.prefix,
            connection_limit=config.connections + _SPARE,
            channel_timeout=_IDLE,
            cleanup_interval=_IDLE // 3,
            asyncore_use_poll=True,  # select fails above 1,024 open files
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
    # A name such as localhost may have several addresses, with a listener each.
    listeners = [one for one in sockets.values() if isinstance(one, TcpWSGIServer)]
    for listener in listeners:
        listener.channel_class = _Channel
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    # A browser keeps what follows # to itself: no log has the token.
    where = f"{config.prefix}/#token={token}" if token else config.prefix
    print(f"Draw on http://{shown}:{listeners[0].effective_port}{where} (Ctrl-C stops the server)", flush=True)
    try:
        server.run()
    finally:
        server.close()
