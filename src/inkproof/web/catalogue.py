"""The models that the server has, and reading canvases with them."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkproof.errors import UserError
from inkproof.exporting.canvas_reader import CanvasReader, Readings

PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Model:
    """One `canvas.tflite`, opened.

    Attributes:
        name: what it is called on the page and in requests.
        content: the file.
        version: the head of the SHA-256 of `content`.
    """

    name: str
    content: bytes
    version: str
    _reader: CanvasReader
    _one: threading.Lock = field(default_factory=threading.Lock)

    def read(self, canvas: NDArray[np.uint8]) -> Readings:
        """Read a canvas uint8 (280, 280)."""
        with self._one:  # an interpreter has one set of tensors
            return self._reader.read(canvas[np.newaxis])

    def describe(self) -> dict[str, Any]:
        """Return what `GET /api/models` says of it: what a page needs to read with the file as the server does."""
        about = self._reader.metadata
        described: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "file": f"/models/{self.name}/{self.version}.tflite",
            "kb": round(len(self.content) / 1024),
            "threshold": self._reader.threshold,
        }
        return described | {key: about[key] for key in ("rule", "temperature", "labels", "model") if key in about}


class Catalogue:
    """The files that `find` returns by name, opened when they are first asked for and again when they change."""

    def __init__(self, find: Callable[[], dict[str, Path]]) -> None:
        self._find = find
        self._opened: dict[str, tuple[tuple[int, int], Model | None]] = {}
        self._one = threading.Lock()

    def models(self) -> dict[str, Model]:
        """Return the models by name, the pretrained one first; unreadable and doubled files are left out."""
        with self._one:
            found = self._find()
            names = sorted(found, key=lambda name: (name != PRETRAINED, name))
            self._opened = {name: self._current(name, found[name]) for name in names}
            models = [model for _, model in self._opened.values() if model is not None]
            # The pretrained file is the export of some run: the same file is not offered under two names.
            first = {model.version: model.name for model in reversed(models)}
            return {model.name: model for model in models if first[model.version] == model.name}

    def _current(self, name: str, path: Path) -> tuple[tuple[int, int], Model | None]:
        try:
            state = path.stat()
            key = state.st_mtime_ns, state.st_size
            known = self._opened.get(name)
            if known is not None and known[0] == key:
                return known
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            return key, Model(name, content, version, CanvasReader(path))
        except (UserError, OSError):
            return (0, 0), None  # such as one that the pipeline is just now replacing
