"""MNIST's four files in small, made up here, with a configuration whose hashes are theirs."""

import gzip
import hashlib
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from inkproof.config.schema import DataConfig
from inkproof.data.download import Patience
from inkproof.data.mnist import MnistSource

# Fast enough for a test, slow enough for a busy machine.
HASTY = Patience(connect=5, silence=0.5, deadline=3, floor=2000, tries=3, pause=0.01)

LIMIT = 64_000_000  # as conf/data/mnist.yaml has it

_random = np.random.default_rng(5)
TRAIN_LABELS = np.repeat(np.arange(10), [8, 4, 4, 4, 4, 4, 4, 4, 2, 2]).astype(np.uint8)
TEST_LABELS = np.arange(10, dtype=np.uint8)
TRAIN_IMAGES = _random.integers(0, 256, (40, 28, 28), dtype=np.uint8)
TEST_IMAGES = _random.integers(0, 256, (10, 28, 28), dtype=np.uint8)

ARRAYS = {
    "train_images": ("train-images-idx3-ubyte", "x_train", TRAIN_IMAGES),
    "train_labels": ("train-labels-idx1-ubyte", "y_train", TRAIN_LABELS),
    "test_images": ("t10k-images-idx3-ubyte", "x_test", TEST_IMAGES),
    "test_labels": ("t10k-labels-idx1-ubyte", "y_test", TEST_LABELS),
}
NAMES = [name for name, _, _ in ARRAYS.values()]


def idx(array: np.ndarray) -> bytes:
    dimensions = b"".join(struct.pack(">i", size) for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + dimensions + array.tobytes()


CONTENT = {name: idx(array) for name, _, array in ARRAYS.values()}
PACKED = {name: gzip.compress(content) for name, content in CONTENT.items()}
FIRST = NAMES[0]


def npz(**changes: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{key: changes.get(key, array) for _, key, array in ARRAYS.values()})
    return stream.getvalue()


# QMNIST's extended labels: the label, NIST's series, the writer and five more columns. Four training digits a writer,
# in no order; the test digits have rows of others after them.
WRITERS = 100 + _random.permutation(np.repeat(np.arange(10), 4)).astype(np.int32)
TEST_WRITERS = np.repeat([200, 201], 5).astype(np.int32)


def extended(labels: ArrayLike, writers: ArrayLike) -> bytes:
    """The IDX file of extended labels."""
    rows = np.zeros((len(np.asarray(labels)), 8), ">i4")
    rows[:, 0], rows[:, 2] = labels, writers
    return bytes([0, 0, 12, 2]) + struct.pack(">ii", *rows.shape) + rows.tobytes()


EXTENDED = {
    "train": ("qmnist-train-labels-idx2-int", extended(TRAIN_LABELS, WRITERS)),
    "test": ("qmnist-test-labels-idx2-int", extended([*TEST_LABELS, 7, 7], [*TEST_WRITERS, 9, 9])),
}


def writers(**changes: bytes) -> dict[str, Any]:
    """`source.writers` of extended labels, of which `changes` may replace the content."""
    files = {
        role: {"name": name, "sha256": hashlib.sha256(changes.get(role, content)).hexdigest()}
        for role, (name, content) in EXTENDED.items()
    }
    return {"limit": LIMIT, "files": files, "mirrors": [], "offline": ["qmnist/{name}.gz"]}


FILES = {
    role: {"name": name, "array": key, "sha256": hashlib.sha256(CONTENT[name]).hexdigest()}
    for role, (name, key, _) in ARRAYS.items()
}


def source(*mirrors: str, files: dict[str, dict[str, str]] | None = None, limit: int = LIMIT) -> MnistSource:
    return MnistSource.model_validate(
        {
            "split_seed": 3,
            "limit": limit,
            "files": files or FILES,
            "mirrors": mirrors,
            "offline": ["mnist/{name}.gz", "mnist/mnist.npz"],
            "writers": None,
        }
    )


def config(
    *mirrors: str, val: int = 10, files: dict[str, dict[str, str]] | None = None, folder: str = "tiny"
) -> DataConfig:
    return DataConfig.model_validate(
        {
            "name": "tiny",
            "title": "tiny",
            "folder": folder,
            "val": val,
            "split": "digit",
            "repeat": 1,
            "compare_with": [],
            "credit": None,
            "eval_data": None,
            "evaluation": None,
            "source": {
                "_target_": "inkproof.data.mnist.prepare",
                **source(*mirrors, files=files).model_dump(exclude_unset=True),
            },
        }
    )


def as_folder(folder: Path) -> Path:
    """Lay the files out as INKPROOF_MIRROR holds them; returns `folder`."""
    for name in ("mnist", "qmnist"):
        (folder / name).mkdir(parents=True)
    for name, content in EXTENDED.values():
        (folder / "qmnist" / f"{name}.gz").write_bytes(gzip.compress(content))
    for name, body in PACKED.items():
        (folder / "mnist" / f"{name}.gz").write_bytes(body)
    return folder
