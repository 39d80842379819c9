"""The published files themselves, where INKPROOF_MIRROR has them: 55,000 digits and 44 pen writers."""

import io
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inkproof.data import pens
from inkproof.data.digits import load_test_split, load_test_writers, load_training, writers_of
from inkproof.data.download import Fetcher, prepare
from inkproof.data.drawings import read_drawings
from inkproof.data.mnist import MnistSource
from inkproof.data.splits import left_out, training_split
from support.data_conf import changed, published

MIRROR = os.environ.get("INKPROOF_MIRROR", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MIRROR, reason="needs INKPROOF_MIRROR, where MNIST and the pen digits are"),
]


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mnist")
    prepare(published("mnist"), out, mirror=MIRROR)
    return out


def test_mnist(mnist: Path) -> None:
    began = time.perf_counter()
    train, val = load_training(mnist)
    assert time.perf_counter() - began < 1, "every run waits for this"
    test = load_test_split(mnist)
    assert [len(digits.labels) for digits in (train, val, test)] == [55_000, 5_000, 10_000]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    published = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (np.bincount(train.labels) + np.bincount(val.labels)).tolist() == published
    assert (abs(np.bincount(val.labels) - np.array(published) / 12) < 1).all()


def test_mnist_as_npz_passes_the_same_hashes(mnist: Path, tmp_path: Path) -> None:
    test = load_test_split(mnist)
    arrays = {"x_test": test.images, "y_test": test.labels}
    source = MnistSource.model_validate(published("mnist").source.arguments)
    for role, shape in (("train_images", (-1, 28, 28)), ("train_labels", (-1,))):
        content = Fetcher("mnist", source, MIRROR).fetch(role)
        arrays[source.files[role].array] = np.frombuffer(content[4 + 4 * len(shape) :], np.uint8).reshape(shape)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "mnist.npz").write_bytes(stream.getvalue())
    (tmp_path / "qmnist").symlink_to(Path(MIRROR) / "qmnist")
    prepare(published("mnist"), tmp_path / "out", mirror=str(tmp_path))
    assert (tmp_path / "out/digits.npz").read_bytes() == (mnist / "digits.npz").read_bytes()


def test_writers_of_mnist_are_split_and_their_digits_are_those_of_before(mnist: Path, tmp_path: Path) -> None:
    (train, val), test = (writers_of(mnist, "train"), writers_of(mnist, "val")), load_test_writers(mnist)
    assert train is not None and val is not None and test is not None
    wrote = np.concatenate([train, val])
    assert len(set(wrote.tolist())) == 539 and len(set(test.tolist())) == 297
    assert not set(test.tolist()) & set(wrote.tolist()) and set(val.tolist()) <= set(train.tolist())
    by_image: dict[bytes, set[int]] = {}
    for part, writers in zip(load_training(mnist), (train, val), strict=True):
        for image, writer in zip(part.images, writers.tolist(), strict=True):
            by_image.setdefault(image.tobytes(), set()).add(writer)
    assert all(len(own) == 1 for own in by_image.values())
    split = training_split(mnist, 5000, None, split="writer")
    owners = [{by_image[image.tobytes()].copy().pop() for image in part.images} for part in split if part is not None]
    assert [len(own) for own in owners] == [494, 45] and not owners[0] & owners[1]
    assert [len(part.labels) for part in split if part is not None] == [54_973, 5_027]
    folds = [wrote[left_out(mnist, "writer", 4, fold)] for fold in range(4)]
    assert [len(fold) for fold in folds] == [14_973, 15_044, 14_951, 15_032]
    assert sum(len(set(fold.tolist())) for fold in folds) == 539
    prepare(changed(published("mnist"), {"writers": None}), tmp_path, mirror=MIRROR)
    with np.load(tmp_path / "digits.npz") as plain, np.load(mnist / "digits.npz") as named:
        assert str(plain["sha256"]) == "0279ac6f422afe8d8eb55eedcbf7d009fad2747f8fd7bc8fb0c24b004ae49cb8"
        arrays = set(plain.files) - {"sha256"}
        assert set(named.files) - set(plain.files) == {"train_writers", "val_writers", "test_writers"}
        assert all((plain[name] == named[name]).all() for name in arrays)


def test_pens(tmp_path: Path) -> None:
    prepare(published("pens"), tmp_path, mirror=MIRROR)
    drawings = read_drawings(tmp_path)
    parts = {part: [d for d in drawings if d.writer.startswith(part)] for part in ("tra", "tes")}
    assert {part: len(of) for part, of in parts.items()} == {"tra": 7494, "tes": 3498}
    writers = {part: Counter(d.writer for d in of) for part, of in parts.items()}
    assert {part: len(of) for part, of in writers.items()} == {"tra": 30, "tes": 14}
    assert all(247 <= count <= 250 for of in writers.values() for count in of.values())
    sizes = {role: len(pens.of_role(drawings, published("pens"), role)) for role in pens.ROLES}
    assert sizes == {"test": 3498, "validation": 1500, "training": 5994}
    points = np.array([point for d in drawings for stroke in d.strokes or [] for point in stroke])
    assert points[:, :2].min() >= 0 and points[:, :2].max() <= 280
    # The ink lies about the middle, and a seven's bar, drawn first, lies above its foot.
    assert (abs(points[:, :2].mean(axis=0) - 140) < 25).all()
    sevens = [d.strokes for d in drawings if d.label == 7 and d.strokes]
    assert np.mean([strokes[0][0][1] < strokes[0][-1][1] for strokes in sevens]) > 0.9
