"""MNIST's four files in small, made up here, with a configuration whose hashes are theirs."""

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np

from inkproof.config.schema import DataConfig
from inkproof.data.download import Patience
from inkproof.data.mnist import MnistSource

# Fast enough for a test, slow enough for a busy machine.
HASTY = Patience(connect=5, silence=0.5, deadline=3, floor=2000, tries=3, pause=0.01)

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


FILES = {
    role: {"name": name, "array": key, "sha256": hashlib.sha256(CONTENT[name]).hexdigest()}
    for role, (name, key, _) in ARRAYS.items()
}


def source(*mirrors: str, files: dict[str, dict[str, str | int]] | None = None) -> MnistSource:
    return MnistSource.model_validate(
        {
            "split_seed": 3,
            "files": files or FILES,
            "mirrors": mirrors,
            "offline": ["mnist/{name}.gz", "mnist/mnist.npz"],
        }
    )


def config(
    *mirrors: str, val: int = 10, files: dict[str, dict[str, str | int]] | None = None, folder: str = "tiny"
) -> DataConfig:
    return DataConfig.model_validate(
        {
            "name": "tiny",
            "title": "tiny",
            "folder": folder,
            "val": val,
            "repeat": 1,
            "compare_with": [],
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
    (folder / "mnist").mkdir(parents=True)
    for name, body in PACKED.items():
        (folder / "mnist" / f"{name}.gz").write_bytes(body)
    return folder
