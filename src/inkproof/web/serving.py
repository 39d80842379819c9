"""Serving the application with waitress."""

import errno
import logging

from flask import Flask

from inkproof.errors import UserError
from inkproof.web.limits import Limits

LOCAL = ["127.0.0.1", "localhost", "[::1]"]
_THREADS = 8


def serve(app: Flask, host: str, port: int, limits: Limits) -> None:
    """Answer requests until the process is interrupted.

    Raises:
        UserError: the port is taken, or the machine has no such address.
    """
    from waitress.server import create_server

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
            max_request_body_size=4 * limits.body_bytes + 65_536,
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
