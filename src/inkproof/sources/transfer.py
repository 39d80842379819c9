"""One body over HTTP, with every way a server can fail it put into words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from inkproof.sources.progress import meter

# Asked for plainly: a body compressed on the way would no longer have the length that the server announces.
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "inkproof"}
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a mirror; seconds, but for `floor` (bytes a second) and `tries`.

    `connect` bounds the connection, `silence` the wait for the next byte. A server that sends, but fewer than
    `floor` bytes a second over a `window`, counts as stalled too. A passing fault is tried `tries` times with
    pauses of `pause`, twice that, four times that.
    """

    connect: float = 10.0
    silence: float = 15.0
    window: float = 20.0
    floor: float = 500.0
    tries: int = 3
    pause: float = 1.0


PATIENCE = Patience()


class Fault(Exception):
    """Why a mirror did not serve a file, in words; `passing` says whether asking again may help."""

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def download(address: str, label: str, patience: Patience = PATIENCE) -> bytes:
    """Return the body at `address` as it was sent, showing its progress under `label`. Raises Fault."""
    with _in_words(patience), requests.Session() as session:
        answer = session.get(address, stream=True, headers=HEADERS, timeout=(patience.connect, patience.silence))
        with answer:
            if answer.status_code != requests.codes.ok:
                passing = answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests
                raise Fault(f"the server answered {answer.status_code} {answer.reason}", passing)
            return _body(answer, label, patience)


def _body(answer: requests.Response, label: str, patience: Patience) -> bytes:
    announced = answer.headers.get("Content-Length", "")
    total = int(announced) if announced.isdecimal() else None
    body = bytearray()
    with meter(label, total) as advance:
        try:
            for piece in _pieces(answer, patience):
                body += piece
                advance(len(piece))
        except ReadTimeoutError as error:
            raise Fault(f"stalled: no byte came for {patience.silence:g} s") from error
        except HTTPError as error:
            whole = "an unknown number of" if total is None else f"{total:,}"
            raise Fault(f"truncated: {len(body):,} of {whole} bytes came", passing=True) from error
    return bytes(body)


def _pieces(answer: requests.Response, patience: Patience) -> Iterator[bytes]:
    """Yield what has arrived as soon as it has: waiting for a full piece would hide a mere trickle."""
    began, arrived = time.monotonic(), 0
    while piece := answer.raw.read1(PIECE, decode_content=False):
        yield piece
        arrived += len(piece)
        elapsed = time.monotonic() - began
        if elapsed >= patience.window:
            if arrived < patience.floor * elapsed:
                raise Fault(f"stalled: only {arrived:,} bytes in {elapsed:.3g} s")
            began, arrived = time.monotonic(), 0


@contextmanager
def _in_words(patience: Patience) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.ConnectTimeout as error:
        # Not a passing fault: within that time the system has already knocked several times.
        raise Fault(f"no connection within {patience.connect:g} s") from error
    except requests.exceptions.ReadTimeout as error:
        raise Fault(f"stalled: no answer for {patience.silence:g} s") from error
    except requests.exceptions.SSLError as error:
        raise Fault("its certificate was not accepted") from error
    except requests.exceptions.ProxyError as error:
        raise Fault("the proxy did not let the request through", passing=True) from error
    except requests.exceptions.ConnectionError as error:
        raise Fault(_why_not_connected(error), passing=True) from error
    except requests.exceptions.TooManyRedirects as error:
        raise Fault("it redirects without end") from error
    except (requests.exceptions.RequestException, ValueError) as error:
        raise Fault(f"not an address that can be asked ({error})") from error


def _why_not_connected(error: requests.exceptions.ConnectionError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NameResolutionError):
            return "its host name was not found (is this machine offline?)"
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return f"no connection ({cause.strerror.lower()})"
        reason = getattr(cause.args[0], "reason", None) if cause.args else None
        cause = reason if isinstance(reason, BaseException) else cause.__cause__ or cause.__context__
    return "the connection was closed without an answer"
