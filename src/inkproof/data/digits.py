"""The digits file, `data/D/digits.npz`: images (N, 28, 28) and labels (N,) for train, val and test.

Pixels are uint8, white ink on black. The file is not compressed, so that training starts at once.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

SPLITS = ("train", "val", "test")
IMAGE_SIDE = 28  # pixels a side of a digit as networks take it
NOT_A_DIGIT = 10  # the label of training images that a network is to be unsure of: no digit is more likely than others
SHA = "sha256"


class Digits(NamedTuple):
    """One split: images uint8 (N, 28, 28), white ink on black, and labels uint8 (N,), 0 to 9.

    The train split may have images of `NOT_A_DIGIT`.
    """

    images: np.ndarray
    labels: np.ndarray


def digits_file(path: Path) -> Path:
    """Return the digits file that `path`, a dataset's folder or the file itself, refers to."""
    return path if path.suffix == ".npz" else path / "digits.npz"


def write_digits(path: Path, splits: Mapping[str, Digits], extra: Mapping[str, np.ndarray] | None = None) -> None:
    """Write the three splits to `path` (folder or file), whole or not at all; equal digits, equal bytes.

    `extra` holds further arrays by name, such as where each digit came from; the functions here ignore them.
    Raises UserError for images that are not uint8 (N, 28, 28), and for labels that are not N whole numbers of 0 to 9.
    """
    target = digits_file(path)
    arrays = dict(extra or {})
    for split in SPLITS:
        images, labels = (np.asarray(array) for array in splits[split])
        mistake = _mistake(split, images, labels)
        if mistake is not None:
            raise UserError(f"{target}: {mistake}; correct the function that makes this dataset")
        arrays[f"{split}_images"] = np.ascontiguousarray(images)
        arrays[f"{split}_labels"] = np.ascontiguousarray(labels, np.uint8)
    # The hash is part of a run's identity. It is stored, so that a file that was changed afterwards is noticed.
    sha = {SHA: np.array(_sha_of(arrays))}
    with replacing(target) as temporary:
        np.savez(temporary, **arrays, **sha)  # type: ignore[arg-type]


def load_digits(path: Path, split: str) -> Digits:
    """Return the `train` or `val` split of the digits file at `path` (folder or file).

    Raises UserError where the file is missing or broken, and ValueError for the test split, which has a
    function of its own.
    """
    if split not in ("train", "val"):
        raise ValueError(f"load_digits returns train or val, not {split!r}; the test split has load_test_split")
    return _load(digits_file(path), split)


def load_training(path: Path) -> tuple[Digits, Digits]:
    """Return (train, val) of the digits file at `path` (folder or file); the test arrays stay unread."""
    return load_digits(path, "train"), load_digits(path, "val")


def load_test_split(path: Path) -> Digits:
    """Return the test split; only the stages that report (evaluate, export, drawn) may call this."""
    return _load(digits_file(path), "test")


def load_test_writers(path: Path) -> np.ndarray | None:
    """Return who wrote each test digit; see `writers_of`. For the stages that report, as `load_test_split` is."""
    return _writers(digits_file(path), "test")


def writers_of(path: Path, split: str) -> np.ndarray | None:
    """Return who wrote each digit of the `train` or `val` split: int32 (N,), a number per writer; None if unknown.

    Raises UserError where the file is missing or broken.
    """
    if split not in ("train", "val"):
        raise ValueError(f"writers_of returns those of train or val, not {split!r}; the test split has its own")
    return _writers(digits_file(path), split)


def sources_of(path: Path, split: str) -> list[str]:
    """Return the names (N,) of what each digit of the `train` or `val` split was made from; [] in a file without."""
    name = f"{split}_source"
    with _reading(digits_file(path)) as archive:
        return [source.decode() for source in archive[name].tolist()] if name in archive else []


def data_sha(path: Path) -> str:
    """Return the SHA-256 of what the digits file holds, whatever the zip around it looks like.

    It is computed from all arrays. Raises UserError if the file carries another one.
    """
    target = digits_file(path)
    with _reading(target):
        return _sha_of_file(target, *_state(target))


def _state(target: Path) -> tuple[int, ...]:
    found = target.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


@cache
def _sha_of_file(target: Path, *_state: int) -> str:
    """The hash of all arrays, those for testing too, which go no further; once a process for each state of a file."""
    with np.load(target, allow_pickle=False) as archive:
        sha = _sha_of(archive)
        if SHA in archive and str(archive[SHA]) != sha:
            raise _broken(target, "its arrays are not those that its SHA-256 was computed from")
    return sha


def _sha_of(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(set(arrays) - {SHA}):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


@contextmanager
def _reading(target: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Yield the open file, whose content agrees with the hash it carries; arrays are read as they are asked for."""
    if not target.is_file():
        raise UserError(
            f"{target}: no such digits file; make it with `python src/download.py data={target.parent.name}`"
        )
    try:
        if not zipfile.is_zipfile(target):
            raise _broken(target, "it is no npz file, or was cut short")
        _sha_of_file(target, *_state(target))
        with np.load(target, allow_pickle=False) as archive:
            yield archive
    except KeyError as error:
        raise _broken(target, str(error.args[0])) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(target, str(error)) from error


def _load(target: Path, split: str) -> Digits:
    with _reading(target) as archive:
        images, labels = archive[f"{split}_images"], archive[f"{split}_labels"]
    mistake = _mistake(split, images, labels)
    if mistake is not None:
        raise _broken(target, mistake)
    return Digits(images, labels.astype(np.uint8, copy=False))


def _mistake(split: str, images: np.ndarray, labels: np.ndarray) -> str | None:
    """Return what is wrong with the arrays of a split, or None."""
    if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        return f"{split}_images is {images.dtype} {images.shape}, not uint8 (N, 28, 28)"
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        return f"{split}_labels is {labels.dtype} {labels.shape}, not whole numbers ({len(images)},)"
    greatest = NOT_A_DIGIT if split == "train" else 9
    if len(labels) and not 0 <= labels.min() <= labels.max() <= greatest:
        return f"{split}_labels holds {labels.min()} to {labels.max()}, not digits from 0 to 9"
    return None


def _writers(target: Path, split: str) -> np.ndarray | None:
    name = f"{split}_writers"
    with _reading(target) as archive:
        if name not in archive:
            return None
        writers, labels = archive[name], archive[f"{split}_labels"]
    if writers.dtype != np.int32 or writers.shape != labels.shape:
        raise _broken(target, f"{name} is {writers.dtype} {writers.shape}, not int32 {labels.shape}")
    return writers


def _broken(target: Path, why: str) -> UserError:
    return UserError(f"{target}: broken digits file ({why}); delete it and run the download again")
