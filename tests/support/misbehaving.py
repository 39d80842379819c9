"""A real HTTP server on this machine whose every address misbehaves in its own way."""

import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Behavior = Callable[[BaseHTTPRequestHandler, "Server"], None]


class Server:
    """`routes` maps a path to how it behaves; `asked` counts the requests for each path."""

    def __init__(self) -> None:
        self.routes: dict[str, Behavior] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                server.asked[path] += 1
                server.routes.get(path, status(404))(self, server)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients hang up on this server with good reason."""


def _head(
    handler: BaseHTTPRequestHandler, kind: str = "application/octet-stream", code: int = 200, **headers: object
) -> None:
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()


def good(body: bytes) -> Behavior:
    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, Content_Length=len(body))
        handler.wfile.write(body)

    return behave


def status(code: int) -> Behavior:
    return lambda handler, server: handler.send_error(code)


def html(handler: BaseHTTPRequestHandler, server: Server) -> None:
    body = b"\n<!DOCTYPE html><html><body>Please accept the terms of this network.</body></html>"
    _head(handler, "text/html", Content_Length=len(body))
    handler.wfile.write(body)


def truncated(body: bytes) -> Behavior:
    """Announce the whole body, send half."""

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, Content_Length=len(body))
        handler.wfile.write(body[: len(body) // 2])

    return behave


def cut_without_length(body: bytes) -> Behavior:
    """Send half and close, having announced no length: only the form of the body can show it."""

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler)
        handler.wfile.write(body[: len(body) // 2])

    return behave


def silent(handler: BaseHTTPRequestHandler, server: Server) -> None:
    """Take the request and never respond."""
    server.closing.wait(30)


def stops(body: bytes) -> Behavior:
    """Send half of the body, then nothing more, and keep the connection open."""

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, Content_Length=len(body))
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        server.closing.wait(30)

    return behave


def trickles(body: bytes) -> Behavior:
    """Send a byte now and then: the connection is never silent for long, and never done."""

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, Content_Length=len(body))
        for byte in body:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            if server.closing.wait(0.05):
                return

    return behave


def drips(head: bytes) -> Behavior:
    """Send `head`, then a byte now and then of a line that never ends."""

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        handler.wfile.write(head)
        while not server.closing.wait(0.05):
            handler.wfile.write(b"0")
            handler.wfile.flush()

    return behave


def endless(code: int = 200, chunked: bool = False, **headers: object) -> Behavior:
    """Send zeros as fast as they are taken, for as long as the connection is held."""
    piece = bytes(1 << 20)

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, code=code, **({"Transfer_Encoding": "chunked"} if chunked else {}), **headers)
        while not server.closing.is_set():
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)

    return behave


def hangs_up(handler: BaseHTTPRequestHandler, server: Server) -> None:
    handler.close_connection = True


def gzip_on_the_way(body: bytes) -> Behavior:
    """Compress the body once more for the transfer, though nobody asked for that."""
    import gzip

    packed = gzip.compress(body)

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        _head(handler, Content_Encoding="gzip", Content_Length=len(packed))
        handler.wfile.write(packed)

    return behave


def moved_to(path: str) -> Behavior:
    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        handler.send_response(302)
        handler.send_header("Location", path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def in_turn(*behaviors: Behavior) -> Behavior:
    """Behave in each way once, then in the last way for good."""
    rest = list(behaviors)

    def behave(handler: BaseHTTPRequestHandler, server: Server) -> None:
        (rest.pop(0) if len(rest) > 1 else rest[0])(handler, server)

    return behave
