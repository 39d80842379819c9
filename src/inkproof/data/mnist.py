"""MNIST as published: 60,000 training and 10,000 test digits, 28 x 28, and who wrote each.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proceedings of the
IEEE 86, 1998. Yadav, Bottou, "Cold Case: The Lost MNIST Digits", NeurIPS 2019, found the writers.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np

from inkproof.config.schema import DataConfig, Natural
from inkproof.config.validation import validated
from inkproof.data.digits import IMAGE_SIDE, Digits, write_digits
from inkproof.data.download import PATIENCE, Fetcher, Patience, PublishedSource, validation_digits
from inkproof.data.splits import cut
from inkproof.data.unpack import read_idx
from inkproof.runtime.errors import UserError

LABEL, WRITER = 0, 2  # columns of QMNIST's extended labels; the others say where in NIST's collection a digit is


class QmnistSource(PublishedSource):
    """The extended labels of QMNIST: a row for each training digit of MNIST, and for more than its test digits."""

    roles: ClassVar[tuple[str, ...]] = ("train", "test")


class MnistSource(PublishedSource):
    """`source` of conf/data/mnist.yaml: the four files, the seed of the cut, and where to find the writers.

    With `writers` None they are not fetched, and the digits file does not have them.
    """

    roles: ClassVar[tuple[str, ...]] = ("train_images", "train_labels", "test_images", "test_labels")

    split_seed: Natural
    writers: QmnistSource | None


def prepare(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch MNIST and its writers and write `out/digits.npz`, `data.val` of the training digits as val.

    `data` is `conf/data/mnist.yaml`. The cut is stratified and seeded by `split_seed`. A `val` of 0 keeps every
    training digit and leaves the val arrays empty. The extra arrays `train_writers`, `val_writers` and `test_writers`,
    int32 (N,), number the writer of each digit as NIST does. Raises UserError if no mirror has a file, or if the
    labels that come with the writers are not those of the digits.
    """
    source = validated(MnistSource, data.source.arguments, "data.source")
    fetcher = Fetcher(data.name, source, mirror, patience)
    train = _pair(fetcher, "train")
    test = _pair(fetcher, "test")
    rest, val = cut(train.labels, validation_digits(data), source.split_seed)
    writers = {}
    if source.writers is not None:
        fetcher = Fetcher(data.name, source.writers, mirror, patience)
        wrote = _writers(fetcher, "train", train.labels)
        writers = {"train_writers": wrote[rest], "val_writers": wrote[val]}
        writers["test_writers"] = _writers(fetcher, "test", test.labels)
    splits = {
        "train": Digits(train.images[rest], train.labels[rest]),
        "val": Digits(train.images[val], train.labels[val]),
        "test": test,
    }
    write_digits(out, splits, writers)


def _pair(fetcher: Fetcher, split: str) -> Digits:
    images = _array(fetcher, f"{split}_images", 3)
    labels = _array(fetcher, f"{split}_labels", 1)
    if images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE) or len(images) != len(labels):
        raise UserError(
            f"{fetcher.data}: {split} images {images.shape} and labels {labels.shape} do not go together; "
            f"check conf/data/{fetcher.data}.yaml"
        )
    return Digits(images, labels)


def _writers(fetcher: Fetcher, split: str, labels: np.ndarray) -> np.ndarray:
    """Who wrote each digit: the first rows of the extended labels are MNIST's digits in MNIST's order."""
    rows = _array(fetcher, split, 2)[: len(labels)]
    if rows.shape[1] <= WRITER or not np.array_equal(rows[:, LABEL], labels):
        raise UserError(
            f"{fetcher.data}: {fetcher.wanted[split].name}: its labels are not those of the {split} digits, so its "
            f"writers are not theirs; check conf/data/{fetcher.data}.yaml"
        )
    return rows[:, WRITER].astype(np.int32)


def _array(fetcher: Fetcher, role: str, rank: int) -> np.ndarray:
    """Return one fetched array; content that passed its hash is only wrong where the configuration is."""
    content = fetcher.fetch(role)
    try:
        array = read_idx(content)
        if array.ndim != rank:
            raise ValueError(f"{array.ndim} dimensions where {rank} belong")
    except ValueError as error:
        name = fetcher.wanted[role].name
        raise UserError(f"{fetcher.data}: {name}: {error}; check conf/data/{fetcher.data}.yaml") from error
    return array
