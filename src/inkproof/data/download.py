"""A dataset is made by the function that its configuration names, from files that pooch asks mirrors for in turn.

Size and time of a download are limited; its content is known by its SHA-256.
"""

import hashlib
import inspect
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self, TypeVar

import pooch
import requests
from pydantic import Field, model_validator
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ReadTimeoutError

from inkproof.config.schema import Config, DataConfig, Positive, Text
from inkproof.config.validation import named
from inkproof.data.unpack import PIECE, ZIP, DownloadError, read_whole, sha256_of_files, unpack, unpack_tar
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT
from inkproof.runtime.progress import meter, say

MIRROR_VARIABLE = "INKPROOF_MIRROR"
# Asked for plainly: a body compressed on the way would no longer have the length that the server announces.
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "inkproof"}


def prepare(data: DataConfig, out: Path, mirror: str | None = None) -> None:
    """Make the dataset `data` in the folder `out`.

    `data.source.target` names the function that does it, and that function checks `data.source.arguments`. So a new
    dataset is a new configuration and, where no present function fits, a new module. `digits.npz` or `drawings.jsonl`
    appears in `out` whole or not at all. Two processes may call this at once, and either may be killed. `mirror`, or
    else the environment variable INKPROOF_MIRROR, is a folder or an http(s) address that is then the only mirror
    asked. Raises UserError for whatever the user or the network can get wrong.
    """
    make, mirror = _maker(data), mirror or os.environ.get(MIRROR_VARIABLE) or None
    try:
        make(data, out, mirror)
    except OSError as error:
        reason, file = error.strerror or error, Path(os.fsdecode(error.filename or out))
        if file.is_relative_to(out) or out.is_relative_to(file):  # a full disk or a forbidden folder
            raise UserError(f"{out}: cannot be written ({reason}); fix it and run again") from error
        raise UserError(
            f"{file}: cannot be read ({reason}); put it there, or correct conf/data/{data.name}.yaml or its function"
        ) from error


def _maker(data: DataConfig) -> Callable[..., None]:
    """Return the function that makes the dataset; raises UserError if there is none of that name and arguments."""
    where = f"conf/data/{data.name}.yaml: source._target_ {data.source.target!r}"
    make = named(data.source.target, where)
    try:
        inspect.signature(make).bind(data, Path(), None)
    except TypeError as error:
        raise UserError(f"{where} is called with (data, out, mirror), but does not fit ({error})") from error
    except ValueError:  # a function in C, without a signature
        pass
    return make


def prepare_absent(data: DataConfig, file: Path, mirror: str | None = None) -> bool:
    """Make the dataset `data` if `file`, which belongs into its folder, is absent. Return whether it was absent.

    With `data.val=0` a run trains on the validation digits too. A file without them would be of no use to the next
    run and have its digits in another order. So as many are cut off as `conf/data` sets. Raises UserError as `prepare`
    does.
    """
    if file.exists():
        return False
    conf = ROOT / "conf" / "data" / f"{data.name}.yaml"
    if data.val == 0 and conf.exists():
        data = data.model_copy(update={"val": read_yaml(conf).get("val", 0)})
    prepare(data, file.parent, mirror)
    return True


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a mirror; seconds, but for `floor` (bytes a second) and `tries`.

    `connect` bounds the connection, `silence` the wait for the next byte, `deadline` the whole body: MNIST's
    largest file, 10 MB, then needs 16 kB a second. `total` bounds all requests of a `Fetcher` together. A server that
    has sent fewer than `floor` bytes a second once `silence` is over counts as stalled too. After a passing error a
    request is repeated, `tries` times in all, with pauses of `pause`, twice that, four times that.
    """

    connect: float = 10.0
    silence: float = 15.0
    deadline: float = 600.0
    total: float = 1800.0
    floor: float = 500.0
    tries: int = 3
    pause: float = 1.0


PATIENCE = Patience()

# Why a request failed: the first kind that fits what requests raised, in words; whether asking again may help.
FAILURES: tuple[tuple[type[Exception], str, bool], ...] = (
    (requests.ConnectTimeout, "no connection within {0.connect:g} s", False),  # the system has knocked several times
    (requests.ReadTimeout, "stalled: no answer for {0.silence:g} s", False),
    (requests.exceptions.SSLError, "its certificate was not accepted", False),
    (requests.exceptions.ProxyError, "the proxy did not let the request through", True),
    (requests.TooManyRedirects, "it redirects without end", False),
    (requests.ConnectionError, "the connection was closed without a response", True),
)


def download(address: str, label: str, patience: Patience, limit: int) -> bytes:
    """Return the body at `address` as it was sent, showing its progress under `label`.

    Raises DownloadError, also for a body of more than `limit` bytes. It is held in memory, so a killed process leaves
    no file.
    """
    with ExitStack() as shown:
        transfer = _Transfer(label, patience, limit, shown)
        # A line of the header, or of a chunk's length, may come byte by byte, and is waited for inside of libraries.
        # Only another thread can give it up. Left alone, it ends with the process.
        asking = threading.Thread(target=transfer.ask, args=(address,), daemon=True)
        asking.start()
        asking.join(patience.deadline + patience.silence)
        if asking.is_alive():
            transfer.given_up = True
            raise DownloadError(f"stalled: not finished after {patience.deadline + patience.silence:g} s")
    if transfer.error is not None:
        raise transfer.error
    return transfer.body.getvalue()


def _in_words(error: Exception, patience: Patience) -> DownloadError:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        code = error.response.status_code
        passing = code >= 500 or code == requests.codes.too_many_requests
        return DownloadError(f"the server answered {code} {error.response.reason}", passing)
    reason = next((getattr(argument, "reason", None) for argument in error.args), None)  # what urllib3 gave up for
    if isinstance(reason, NameResolutionError):
        return DownloadError("its host name was not found (is this machine offline?)", passing=True)
    if isinstance(reason, NewConnectionError) and isinstance(reason.__cause__, OSError):
        return DownloadError(f"no connection ({str(reason.__cause__.strerror).lower()})", passing=True)
    for kind, words, passing in FAILURES:
        if isinstance(error, kind):
            return DownloadError(words.format(patience), passing)
    return DownloadError(f"the request failed ({error})")


class _Transfer:
    """A body on its way, read in place of requests' own: that one waits for a full piece, so a trickle would hide."""

    def __init__(self, label: str, patience: Patience, limit: int, shown: ExitStack) -> None:
        self.label, self.patience, self.limit, self.shown = label, patience, limit, shown
        self.body, self.open = io.BytesIO(), ExitStack()
        self.error: Exception | None = None
        self.given_up = False

    def ask(self, address: str) -> None:
        """Put the body at `address` into `body`, or what went wrong into `error`."""
        ask = pooch.HTTPDownloader(
            chunk_size=PIECE,
            headers=HEADERS,
            timeout=(self.patience.connect, self.patience.silence),
            hooks={"response": self.begin},
        )
        try:
            with self.open:
                ask(address, self.body, None)
        except (requests.RequestException, ValueError) as error:
            self.error = _in_words(error, self.patience)
            self.error.__cause__ = error
        except Exception as error:  # the thread that waits raises it
            self.error = error

    def begin(self, answer: requests.Response, **_: object) -> None:
        """Take over the body of `answer`; requests calls this for every answer, redirects among them."""
        self.open.callback(answer.raw.close)
        if answer.is_redirect:
            answer.raw.close()  # requests would read the body to its end, and it may have none
        elif answer.ok:
            announced = answer.headers.get("Content-Length", "")
            self.total = int(announced) if announced.isdecimal() else None
            if self.given_up:
                raise DownloadError("stalled")
            self.advance = self.shown.enter_context(meter(self.label, self.total))
            self.raw, answer.raw = answer.raw, self
            self.began, self.arrived = time.monotonic(), 0

    def read(self, size: int) -> bytes:
        """Return what has arrived, at most `size` bytes, none at the end; raises DownloadError at a limit or break."""
        try:
            piece: bytes = self.raw.read1(size, decode_content=False)
        except ReadTimeoutError as error:
            raise DownloadError(f"stalled: no byte came for {self.patience.silence:g} s") from error
        except HTTPError as error:
            whole = "an unknown number of" if self.total is None else f"{self.total:,}"
            raise DownloadError(f"truncated: {self.arrived:,} of {whole} bytes came", passing=True) from error
        if self.given_up:
            raise DownloadError("stalled")
        self.arrived += len(piece)
        self.advance(len(piece))
        if max(self.arrived, self.total or 0) > self.limit:
            raise DownloadError(f"too large: more than {self.limit:,} bytes")
        elapsed = time.monotonic() - self.began
        trickles = elapsed > self.patience.silence and self.arrived < self.patience.floor * elapsed
        if piece and (trickles or elapsed > self.patience.deadline):
            raise DownloadError(f"stalled: only {self.arrived:,} bytes in {elapsed:.3g} s")
        return piece


def validation_digits(data: DataConfig) -> int:
    """Return `data.val`, the number of validation digits to cut off; raises UserError if it is null."""
    if data.val is None:
        raise UserError(f"data.val=null: {data.name} has digits to train on; write how many of them validate, or 0")
    return data.val


class PublishedFile(Config):
    """A published file: its name, the SHA-256 of its decompressed bytes, and its array's name in an npz.

    A tar has `members`, patterns of the paths that are wanted of it, and the SHA-256 is that of
    `unpack.sha256_of_files`. `also` are the SHA-256 of the same digits as another place publishes them.
    """

    name: Text
    sha256: Text
    also: tuple[Text, ...] = ()
    array: Text | None = None
    members: tuple[Text, ...] = ()


class PublishedSource(Config):
    """The `source` of a published dataset: its files by role, and the places that may have them.

    `mirrors` are addresses with `{name}` for the file's name. `offline` are paths below a mirror of the user's own.
    `limit` is the most bytes of one file as sent (an archive with other files in it, too) and as unpacked.
    """

    roles: ClassVar[tuple[str, ...]]

    files: dict[str, PublishedFile]
    mirrors: tuple[str, ...]
    offline: tuple[str, ...] = Field(min_length=1)
    limit: Positive

    @model_validator(mode="after")
    def _has_all_files(self) -> Self:
        if set(self.files) != set(self.roles):
            raise ValueError(f"files: expected the keys {', '.join(self.roles)}")
        return self


Content = TypeVar("Content")
Opened = Callable[[bytes, PublishedFile, int], tuple[Content, str]]


def _file(body: bytes, wanted: PublishedFile, limit: int) -> tuple[bytes, str]:
    content = unpack(body, wanted.name, wanted.array, limit)
    return content, hashlib.sha256(content).hexdigest()


def _files(body: bytes, wanted: PublishedFile, limit: int) -> tuple[dict[str, bytes], str]:
    files = unpack_tar(body, wanted.members, limit)
    return files, sha256_of_files(files)


class Fetcher:
    """Fetches the files of the dataset `name`; the mirror that served one file is asked first for the next.

    A `mirror` of the user's own, a folder or an address, replaces the mirrors of `source`. Raises UserError if such
    a folder is missing.
    """

    def __init__(self, name: str, source: PublishedSource, mirror: str | None, patience: Patience = PATIENCE) -> None:
        self.data, self.wanted, self.offline, self.patience = name, source.files, source.offline, patience
        self.limit = source.limit
        self.own = f"{mirror.removeprefix('file://').rstrip('/')}/" if mirror else ""
        if self.own and not _is_web(self.own) and not Path(self.own).expanduser().is_dir():
            raise UserError(f"{name}: {mirror}: no such folder; set INKPROOF_MIRROR to an absolute path")
        self.mirrors = source.offline if self.own else source.mirrors
        self.ends = time.monotonic() + patience.total
        self._archives: dict[str, bytes] = {}

    def fetch(self, role: str) -> bytes:
        """Return the decompressed content of this role's file; raises UserError if no mirror has it."""
        return self._fetch(role, _file)

    def fetch_files(self, role: str) -> dict[str, bytes]:
        """Return by path the wanted files of this role's tar; raises UserError if no mirror has it."""
        return self._fetch(role, _files)

    def _fetch(self, role: str, opened: Opened[Content]) -> Content:
        wanted = self.wanted[role]
        failures: list[str] = []
        for mirror in self.mirrors:
            if failures and not self.own:
                say(f"{self.data}: {failures[-1]}; asking the next mirror")
            place = mirror.replace("{name}", wanted.name)
            try:
                content = self._patiently(self.own + place, wanted, opened)
            except DownloadError as error:
                failures.append(f"{place}: {error}")
                continue
            if not self.own:
                self.mirrors = (mirror, *(other for other in self.mirrors if other != mirror))
            return content
        raise UserError(self._nowhere(wanted, failures))

    def _patiently(self, address: str, wanted: PublishedFile, opened: Opened[Content]) -> Content:
        for attempt in range(1, self.patience.tries + 1):
            try:
                content, digest = opened(self._body(address), wanted, self.limit)
                break
            except DownloadError as error:
                self._archives.pop(address, None)
                if not error.passing or not _is_web(address):
                    raise
                if attempt == self.patience.tries:
                    raise DownloadError(f"{error} ({attempt} tries)") from error
                pause = self.patience.pause * 2 ** (attempt - 1)
                say(f"{self.data}: {error}; trying again in {pause:g} s")
                time.sleep(pause)
        if digest not in (wanted.sha256, *wanted.also):
            raise DownloadError(f"wrong content: SHA-256 {digest[:12]}... where {wanted.sha256[:12]}... is published")
        return content

    def _body(self, address: str) -> bytes:
        if address in self._archives:
            return self._archives[address]
        if _is_web(address):
            label = f"{self.data}: {address.rsplit('/', 1)[-1]} from {address.split('/')[2]}"
            left = self.ends - time.monotonic()
            if left <= 0:
                raise DownloadError(f"not asked: the {self.patience.total:g} s for all requests are over")
            patience = replace(self.patience, deadline=min(self.patience.deadline, left))
            body = download(address, label, patience, self.limit)
        else:
            try:
                with Path(address).expanduser().open("rb") as file:
                    body = read_whole(file, self.limit)
            except OSError as error:
                missing = isinstance(error, FileNotFoundError)
                raise DownloadError("no such file" if missing else f"cannot be read ({error.strerror})") from error
        if body.startswith(ZIP):
            self._archives = {address: body}  # it holds the next wanted file too
        return body

    def _nowhere(self, wanted: PublishedFile, failures: Sequence[str]) -> str:
        if self.own:
            failures = [f"{self.own.rstrip('/')}: {'; '.join(failures)}"]
            advice = "INKPROOF_MIRROR is set, so nothing else was asked. Unset it, or let it hold these files:"
        else:
            advice = "Offline? Put these files into a folder and set INKPROOF_MIRROR to its absolute path:"
        single = [form for form in self.offline if "{name}" in form]
        layout = [" or ".join(form.replace("{name}", each.name) for form in single) for each in self.wanted.values()]
        layout += [f"or, for all of them, {form}" for form in self.offline if form not in single]
        head = f"{self.data}: no mirror served {wanted.name}"
        return f"{head} ({'; '.join(failures)}). {advice} {'; '.join(layout)}"


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))
