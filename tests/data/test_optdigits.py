"""The digits inside scikit-learn, at MNIST's size and place."""

import socket
from pathlib import Path

import numpy as np
import pytest

from inkproof.data.digits import Digits, load_test_split, load_training
from inkproof.data.download import prepare
from inkproof.data.optdigits import as_mnist
from inkproof.runtime.errors import UserError
from support.data_conf import changed, published


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Digits]:
    out = tmp_path_factory.mktemp("optdigits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", None)
        patch.setattr(socket.socket, "connect", None)
        prepare(published("optdigits"), out)
    train, val = load_training(out)
    return {"train": train, "val": val, "test": load_test_split(out)}


@pytest.fixture(scope="module")
def images(splits: dict[str, Digits]) -> np.ndarray:
    return np.concatenate([digits.images for digits in splits.values()])


def test_without_a_network_there_are_1797_digits_each_in_one_split(splits: dict[str, Digits]) -> None:
    from sklearn.datasets import load_digits

    assert [len(splits[name].labels) for name in ("train", "val", "test")] == [1197, 240, 360]
    published = load_digits()
    expected = sorted(
        (as_mnist(counts).tobytes(), label) for counts, label in zip(published.images, published.target, strict=True)
    )
    made = [
        (image.tobytes(), label)
        for digits in splits.values()
        for image, label in zip(digits.images, digits.labels.tolist(), strict=True)
    ]
    assert sorted(made) == expected


def test_every_split_has_every_digit_in_its_share(splits: dict[str, Digits]) -> None:
    counts = np.array([np.bincount(digits.labels, minlength=10) for digits in splits.values()])
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert np.ptp(shares, axis=0).max() < 0.01


def test_they_have_the_size_and_place_of_mnist_digits(images: np.ndarray) -> None:
    inked = images > 0
    heights, widths = (np.array([np.ptp(np.flatnonzero(i.any(axis))) + 1 for i in inked]) for axis in (1, 0))
    longer = np.maximum(heights, widths)
    assert longer.max() == 20 and (longer == 20).mean() > 0.95
    mass = images.astype(float)
    place = np.arange(28)
    total = mass.sum(axis=(1, 2))
    rows, columns = (mass.sum(axis=2) @ place) / total, (mass.sum(axis=1) @ place) / total
    # MNIST's own centers of mass lie between 13.5 and 14.5 in both directions, its mean ink is 104 pixels.
    assert (abs(rows - 14) < 0.6).all() and (abs(columns - 14) < 0.6).all()
    assert 90 < (total / 255).mean() < 130


def test_they_are_white_ink_with_edges_as_sharp_as_those_of_mnist(images: np.ndarray) -> None:
    assert (np.median(images, axis=(1, 2)) == 0).all()
    assert (images.max(axis=(1, 2)) > 180).all()
    inked = images[images > 0]
    assert 0.4 < (inked > 200).mean() < 0.65  # MNIST: 0.54


def test_a_digit_keeps_its_shape_and_way_up() -> None:
    hook = np.zeros((8, 8))
    hook[0, 2:6] = 16  # a bar on top
    hook[:, 5] = 16  # and a stem on the right: a seven
    image = as_mnist(hook)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert np.ptp(rows) + 1 == 20
    assert abs((np.ptp(columns) + 1) / 20 - 4 / 8) < 0.1
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert box[1, 1:-1].min() > 150 and box[1:-1, -2].min() > 150, "bar and stem are unbroken"
    assert box[6:, :4].max() == 0, "the corner below left is empty"


def test_a_pale_digit_is_drawn_and_not_lost() -> None:
    pale = np.zeros((8, 8))
    pale[1:7, 4] = 9
    assert as_mnist(pale).max() > 60


def test_a_split_too_large(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot cut 1,500 off .* choose a smaller data\.val"):
        prepare(changed(published("optdigits"), val=1500), tmp_path)
    assert not list(tmp_path.iterdir())
