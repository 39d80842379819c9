"""Downloads: mirrors asked in turn, broken transfers resumed, archives unpacked, content known by its SHA-256."""

import gzip
import hashlib
import io
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from inkproof.data.idx import write_idx
from inkproof.runtime.errors import UserError
from inkproof.runtime.progress import meter, say

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


GZIP, COMPRESS, ZIP = b"\x1f\x8b", b"\x1f\x9d", b"PK\x03\x04"


def is_archive(body: bytes) -> bool:
    """Say whether `body` is a zip (an npz is one too) that may hold further wanted files."""
    return body.startswith(ZIP)


def unpack(body: bytes, name: str, array: str | None = None) -> bytes:
    """Return the content of the file `name` out of `body`; raises Fault where it is not there or broken.

    The first bytes tell the form, not the address: servers undo or add gzip as they like. From a zip the
    member `name`, `name.Z` or `name.gz` is taken; from an npz the array called `array`, as the bytes of the
    IDX file that holds the same numbers, so that one content hash serves both forms.
    """
    if body.startswith(GZIP):
        return unpack(_gunzip(body), name, array)
    if body.startswith(COMPRESS):
        return unpack(_uncompress(body), name, array)
    if body.startswith(ZIP):
        return _member(body, name, array)
    if body[:256].lstrip().startswith(b"<"):
        raise Fault("an HTML page came in place of the data")
    if not body:
        raise Fault("an empty body came", passing=True)
    return body


def _gunzip(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except EOFError as error:
        raise Fault("truncated: the gzip data ends early", passing=True) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Fault(f"corrupt gzip data ({error})") from error


def _uncompress(body: bytes) -> bytes:
    import uncompresspy

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the library only warns of a stream that ends early
        try:
            with uncompresspy.LZWFile(io.BytesIO(body)) as stream:
                return bytes(stream.read())
        except (ValueError, RuntimeWarning) as error:
            raise Fault(f"corrupt or truncated .Z data ({error})", passing=True) from error


def _member(body: bytes, name: str, array: str | None) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {member.rsplit("/")[-1]: member for member in archive.namelist()}
            for wanted in (name, f"{name}.Z", f"{name}.gz"):
                if wanted in members:
                    return unpack(archive.read(members[wanted]), name)
            if array is not None and f"{array}.npy" in members:
                with archive.open(members[f"{array}.npy"]) as stream:
                    return write_idx(np.lib.format.read_array(stream, allow_pickle=False))
    except zipfile.BadZipFile as error:
        raise Fault(f"corrupt or truncated zip ({error})", passing=True) from error
    except (EOFError, ValueError, zlib.error, RuntimeError) as error:
        raise Fault(f"corrupt member in the zip ({error})") from error
    raise Fault(f"the zip holds no {name}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A published file: its name, the SHA-256 of its decompressed bytes, and its array's name in an npz."""

    name: str
    sha256: str
    array: str | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place to ask: `base` (a folder, an http(s) address, or empty) and the `forms` a file may have there.

    A form is a path below the base, or a whole address where the base is empty; `{name}` in it stands for the
    file's name.
    """

    base: str
    forms: tuple[str, ...]


@dataclass(slots=True)
class Fetcher:
    """Fetches the files of one data set; a mirror that served one file is asked first for the next.

    `offline` is the layout of a user's own mirror, as forms; it is told to the user when all mirrors fail.
    Files are held in memory (the largest is 47 MB): a process killed in a download leaves nothing behind.
    """

    data: str
    mirrors: Sequence[Mirror]
    wanted: Mapping[str, Wanted]
    offline: Sequence[str]
    patience: Patience = PATIENCE
    _archives: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any], mirror: str | None, patience: Patience = PATIENCE) -> "Fetcher":
        """Read the files and mirrors of a data configuration; `mirror`, if given, replaces its mirrors."""
        wanted = {role: Wanted(**entry) for role, entry in data["files"].items()}
        if mirror:
            mirrors = [Mirror(mirror.removeprefix("file://").rstrip("/") or "/", tuple(data["offline"]))]
        else:
            mirrors = [Mirror("", (address,)) for address in data["mirrors"]]
        return cls(data["name"], mirrors, wanted, data["offline"], patience)

    def fetch(self, role: str) -> bytes:
        """Return the decompressed content of this role's file; raises UserError if no mirror has it."""
        wanted = self.wanted[role]
        failures: list[str] = []
        for mirror in self.mirrors:
            if failures:
                say(f"{self.data}: {failures[-1]}; asking the next mirror")
            if mirror.base and not _is_web(mirror.base) and not Path(mirror.base).expanduser().is_dir():
                failures.append(f"{mirror.base}: no such folder (give its absolute path)")
                continue
            faults = []
            for form in mirror.forms:
                place = form.replace("{name}", wanted.name)
                try:
                    content = self._patiently(mirror.base, place, wanted)
                except Fault as fault:
                    faults.append(f"{place}: {fault}")
                    continue
                self.mirrors = [mirror, *(other for other in self.mirrors if other is not mirror)]
                return content
            failures.append(" ".join((*([f"{mirror.base}:"] if mirror.base else []), "; ".join(faults))))
        raise UserError(self._nowhere(wanted, failures))

    def _patiently(self, base: str, place: str, wanted: Wanted) -> bytes:
        for attempt in range(1, self.patience.tries + 1):
            try:
                content = unpack(self._body(base, place), wanted.name, wanted.array)
                break
            except Fault as fault:
                self._archives.clear()
                if not fault.passing or not _is_web(base or place):
                    raise
                if attempt == self.patience.tries:
                    raise Fault(f"{fault} ({attempt} tries)") from fault
                pause = self.patience.pause * 2 ** (attempt - 1)
                say(f"{self.data}: {fault}; trying again in {pause:g} s")
                time.sleep(pause)
        digest = hashlib.sha256(content).hexdigest()
        if digest != wanted.sha256:
            raise Fault(f"wrong content: SHA-256 {digest[:12]}... where {wanted.sha256[:12]}... is published")
        return content

    def _body(self, base: str, place: str) -> bytes:
        address = f"{base}/{place}" if base else place
        if address in self._archives:
            return self._archives[address]
        if _is_web(address):
            label = f"{self.data}: {address.rsplit('/', 1)[-1]} from {address.split('/')[2]}"
            body = download(address, label, self.patience)
        else:
            body = _read(Path(address))
        if is_archive(body):
            self._archives[address] = body  # it holds the next wanted file too
        return body

    def _nowhere(self, wanted: Wanted, failures: Sequence[str]) -> str:
        own = any(mirror.base for mirror in self.mirrors)
        advice = (
            "INKPROOF_MIRROR is set, so nothing else was asked. Unset it, or let it hold these files:"
            if own
            else "Offline? Put these files into a folder and set INKPROOF_MIRROR to its absolute path:"
        )
        single = [form for form in self.offline if "{name}" in form]
        layout = [" or ".join(form.replace("{name}", each.name) for form in single) for each in self.wanted.values()]
        layout += [f"or, for all of them, {form}" for form in self.offline if form not in single]
        head = f"{self.data}: no mirror served {wanted.name}"
        return "\n  ".join((head, *failures)) + "\n" + "\n  ".join((advice, *layout))


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except FileNotFoundError as error:
        raise Fault("no such file") from error
    except OSError as error:
        raise Fault(f"cannot be read ({error.strerror})") from error
