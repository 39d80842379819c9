"""MNIST as published: 60,000 training and 10,000 test digits, 28 x 28.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proceedings of the
IEEE 86, 1998.
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


class MnistSource(PublishedSource):
    """`source` of conf/data/mnist.yaml: the four files, and the seed of the cut."""

    roles: ClassVar[tuple[str, ...]] = ("train_images", "train_labels", "test_images", "test_labels")

    split_seed: Natural


def prepare(data: DataConfig, out: Path, mirror: str | None, patience: Patience = PATIENCE) -> None:
    """Fetch the four MNIST files and write `out/digits.npz`, `data.val` of the training digits as val.

    `data` is `conf/data/mnist.yaml`. The cut is stratified and seeded by `split_seed`. A `val` of 0 keeps every
    training digit and leaves the val arrays empty. Raises UserError if no mirror has a file.
    """
    source = validated(MnistSource, data.source.arguments, "data.source")
    fetcher = Fetcher(data.name, source, mirror, patience)
    train = _pair(fetcher, "train")
    test = _pair(fetcher, "test")
    try:
        rest, val = cut(train.labels, validation_digits(data), source.split_seed)
    except ValueError as error:
        raise UserError(f"data.val: {error}; choose a smaller number") from error
    write_digits(
        out,
        {
            "train": Digits(train.images[rest], train.labels[rest]),
            "val": Digits(train.images[val], train.labels[val]),
            "test": test,
        },
    )


def _pair(fetcher: Fetcher, split: str) -> Digits:
    images = _array(fetcher, f"{split}_images", 3)
    labels = _array(fetcher, f"{split}_labels", 1)
    if images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE) or len(images) != len(labels):
        raise UserError(
            f"{fetcher.data}: {split} images {images.shape} and labels {labels.shape} do not go together; "
            f"check conf/data/{fetcher.data}.yaml"
        )
    return Digits(images, labels)


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
