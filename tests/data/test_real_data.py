"""The published files themselves, where INKPROOF_MIRROR has them: 55,000 digits and 44 pen writers."""

import io
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inkproof.data import pens
from inkproof.data.digits import load_test_split, load_training
from inkproof.data.download import Fetcher, prepare
from inkproof.data.drawings import read_drawings
from inkproof.data.mnist import MnistSource
from support.data_conf import published

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
    prepare(published("mnist"), tmp_path / "out", mirror=str(tmp_path))
    assert (tmp_path / "out/digits.npz").read_bytes() == (mnist / "digits.npz").read_bytes()


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
