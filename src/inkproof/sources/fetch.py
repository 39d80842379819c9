"""A named file from the first mirror that serves it right, checked by hash; or every reason why not."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkproof.errors import UserError
from inkproof.sources.progress import say
from inkproof.sources.transfer import PATIENCE, Fault, Patience, download
from inkproof.sources.unpack import is_archive, unpack


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
