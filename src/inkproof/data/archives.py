"""The archives of preprocessed images: src/preprocess.py writes them for a dataset, and later stages read them."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing


@dataclass(frozen=True)
class PreprocessedSet:
    """One set: ids, writers and labels (N,), and by method the preprocessed images, uint8 (N, 28, 28)."""

    ids: NDArray[np.str_]
    writers: NDArray[np.str_]
    labels: NDArray[np.int64]
    methods: dict[str, NDArray[np.uint8]]


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name as one compressed NumPy archive, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def read_arrays(path: Path) -> Iterator[NpzFile]:
    """Open an archive `<dataset's folder>/<file>.npz`; raises UserError, then or later, if it cannot be read."""
    again = f"`python src/preprocess.py data={path.parent.name}`"
    try:
        with np.load(path) as arrays:
            yield arrays
    except FileNotFoundError:
        raise UserError(f"{path}: not made yet; run {again} first") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and run {again} again") from error


def write_preprocessed(path: Path, sets: Mapping[str, PreprocessedSet]) -> None:
    """Write sets by name as one NumPy archive, whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, one in sets.items():
        arrays |= {f"{name}/ids": one.ids, f"{name}/writers": one.writers, f"{name}/labels": one.labels}
        arrays |= {f"{name}/method/{method}": images for method, images in one.methods.items()}
    write_arrays(path, arrays)


def read_preprocessed(path: Path) -> Iterator[tuple[str, PreprocessedSet]]:
    """Yield (name, set) of an archive that `write_preprocessed` wrote; raises UserError if it cannot be read."""
    with read_arrays(path) as arrays:
        for name in dict.fromkeys(key.partition("/")[0] for key in arrays.files):
            methods = [key for key in arrays.files if key.startswith(f"{name}/method/")]
            ids, writers, labels = (arrays[f"{name}/{part}"] for part in ("ids", "writers", "labels"))
            yield name, PreprocessedSet(ids, writers, labels, {key.rpartition("/")[2]: arrays[key] for key in methods})


def write_corruptions(
    path: Path,
    labels: NDArray[np.integer],
    preprocessed: Iterable[Mapping[str, NDArray[np.uint8]]],
    writers: NDArray[np.integer] | None = None,
) -> None:
    """Write `labels` and, if known, `writers` (N,), and what `preprocessed_corruptions` returned for each name.

    The file is written whole or not at all.
    """
    arrays: dict[str, NDArray[np.generic]] = {"labels": labels.astype(np.int64)}
    if writers is not None:
        arrays["writers"] = writers
    for images in preprocessed:
        arrays.update(images)
    write_arrays(path, arrays)


class CorruptedDigits(NamedTuple):
    """N digits: labels (N,), writers (N,) or None if unknown, and by corruption and severity uint8 (N, 28, 28)."""

    labels: NDArray[np.int64]
    writers: NDArray[np.integer] | None
    images: dict[tuple[str, int], NDArray[np.uint8]]


def read_corruptions(path: Path) -> CorruptedDigits:
    """Return what `write_corruptions` wrote; raises UserError if the file is missing or cannot be read."""
    with read_arrays(path) as arrays:
        names = [name for name in arrays.files if "/" in name]
        images = {(name.partition("/")[0], int(name.partition("/")[2])): arrays[name] for name in names}
        return CorruptedDigits(arrays["labels"], arrays.get("writers"), images)
