"""Write files whole or not at all: to a temporary name, then rename. Also SHA-256 of files, and YAML."""

import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from inkproof.runtime.errors import UserError

_OURS = f".scratch-{socket.gethostname()}-"  # and the process's id: who is asked whether a scratch folder is still used


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it replaces `path`, on failure it is removed.

    The temporary name keeps the suffix of `path`, because writers such as Keras choose the format by it.
    The yielded path does not exist yet and may become a file or a folder. What killed processes of this machine left in
    the folder is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _collect(path.parent)
    scratch = Path(tempfile.mkdtemp(prefix=f"{_OURS}{os.getpid()}-", dir=path.parent))
    try:
        temporary = scratch / path.name
        yield temporary
        _sync(temporary)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@cache  # once in a process: a folder may get thousands of files
def _collect(folder: Path) -> None:
    """Remove the scratch folders of processes that have ended without removing them."""
    for scratch in folder.glob(f"{_OURS}*"):
        if process := re.match(r"\d+(?=-)", scratch.name.removeprefix(_OURS)):
            try:
                os.kill(int(process[0]), 0)  # only asks whether it runs
            except ProcessLookupError:
                shutil.rmtree(scratch, ignore_errors=True)
            except OSError:
                pass  # it runs, and is another user's


def _sync(path: Path) -> None:
    """Bring a file, or the files of a folder, to the disk: after a power cut the new name could have no content."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


def write_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all; `mode` is what a new file may be used for at most."""
    with replacing(path) as temporary:
        temporary.touch(mode=mode)
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_yaml(path: Path) -> Any:
    """Return what the file `path` holds in YAML 1.2, as DVC reads it: on and off are words, 1e-3 is a number.

    Raises FileNotFoundError or NotADirectoryError if it does not exist, and UserError if it cannot be read.
    """
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError) as error:  # the last: nested too deeply
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
