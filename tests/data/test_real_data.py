"""The published files themselves, where INKPROOF_MIRROR has them: MNIST, pen digits, UNIPEN and three sets of scans."""

import io
import os
import random
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inkproof.data import pens, unipen
from inkproof.data.digits import load_test_split, load_test_writers, load_training, writers_of
from inkproof.data.download import Fetcher, prepare
from inkproof.data.drawings import read_drawings
from inkproof.data.images import open_image
from inkproof.data.mnist import MnistSource
from inkproof.data.splits import left_out, training_split
from support.data_conf import changed, published

MIRROR = os.environ.get("INKPROOF_MIRROR", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MIRROR, reason="needs INKPROOF_MIRROR, where the published files are"),
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


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> list[unipen.Sample]:
    out = tmp_path_factory.mktemp("unipen")
    prepare(published("unipen"), out, mirror=MIRROR)
    began = time.perf_counter()
    samples = unipen.read(out)
    assert time.perf_counter() - began < 5, "every training waits for this"
    for part, count in (("validation", 924), ("test", 1971)):
        drawn = read_drawings(out / part)
        assert [one.id for one in drawn] == [one.id for one in unipen.chosen(samples, part, "digit")]
        assert len(drawn) == count
    return samples


def test_unipen_is_split_by_writer(characters: list[unipen.Sample]) -> None:
    counts = Counter((one.part, one.kind) for one in characters)
    assert counts == {
        ("training", "digit"): 5524,
        ("training", "letter"): 40_319,
        ("training", "symbol"): 7217,
        ("validation", "digit"): 924,
        ("validation", "letter"): 6493,
        ("validation", "symbol"): 1590,
        ("test", "digit"): 1971,
        ("test", "letter"): 12_719,
        ("test", "symbol"): 2801,
    }
    parts = {
        part: {one.writer for one in characters if one.part == part} for part in ("training", "validation", "test")
    }
    assert {part: len(own) for part, own in parts.items()} == {"training": 133, "validation": 12, "test": 20}
    assert len(set.union(*parts.values())) == 165
    # The rule is written beside the list in conf/data/unipen.yaml.
    rng, digits = random.Random(1998), Counter(one.writer for one in characters if one.kind == "digit")
    for group, test, validation in (
        ("ap", 10, 5),
        ("gmd", 1, 1),
        ("ibm", 3, 2),
        ("pri", 1, 1),
        ("tos", 4, 3),
        ("val", 1, 0),
    ):
        own = {writer: count for writer, count in sorted(digits.items()) if writer.startswith(f"{group}-")}
        half = statistics.median(own.values()) / 2
        drawn = rng.sample([writer for writer, count in own.items() if half <= count <= 800], test + validation)
        assert set(drawn[:test]) == {writer for writer in own if writer in parts["test"]}
        assert set(drawn[test:]) == {writer for writer in own if writer in parts["validation"]}


def test_every_left_out_digit_of_unipen_is_in_the_archive(characters: list[unipen.Sample]) -> None:
    listed = unipen.LEFT_OUT.read_text(encoding="ascii").split()
    source = unipen.UnipenSource.model_validate(published("unipen").source.arguments)
    published_ids = {one.id for one in unipen.segments_of(Fetcher("unipen", source, MIRROR).fetch_files("archive"))}
    assert listed == sorted(set(listed)) and set(listed) <= published_ids
    assert published_ids - set(listed) == {one.id for one in characters}
    assert all(name.startswith("1a/") for name in listed)


def test_forms_are_of_test_digits_of_their_label(characters: list[unipen.Sample]) -> None:
    labels = {one.id: one.label for one in unipen.chosen(characters, "test", "digit")}
    for form, own in unipen.forms().items():
        assert {labels[name] for name in own} == {form[-1]}


def test_unipen_is_upright_and_in_the_middle(characters: list[unipen.Sample]) -> None:
    digits = [one for one in characters if one.kind == "digit"]
    boxes = [np.concatenate(one.strokes) for one in digits]
    assert all(np.allclose(np.max(np.ptp(xy, axis=0)), 200, atol=0.2) for xy in boxes)
    assert all(np.allclose((xy.min(axis=0) + xy.max(axis=0)) / 2, 140, atol=0.2) for xy in boxes)
    sevens = [one.strokes for one in digits if one.label == "7"]
    assert np.mean([strokes[0][0][1] < 140 for strokes in sevens]) > 0.95


def test_scans(tmp_path: Path) -> None:
    sizes = {"paper/validation": 580, "paper/test": 567, "usps": 2007, "semeion": 1593}
    for name in ("paper", "usps", "semeion"):
        prepare(published(name), tmp_path / name, mirror=MIRROR)
    sets = {name: read_drawings(tmp_path / name) for name in sizes}
    assert {name: len(own) for name, own in sets.items()} == sizes
    assert {name: {one.writer for one in own} for name, own in sets.items()} == {
        "paper/validation": {"0001_CH4M"},
        "paper/test": {"0025_RO4F"},
        "usps": {"unknown"},
        "semeion": {"unknown"},
    }
    published_counts = [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]  # zip.info of The Elements
    assert np.bincount([one.label for one in sets["usps"] if one.label is not None]).tolist() == published_counts
    for name, own in sets.items():
        levels = np.stack(
            [np.asarray(open_image(tmp_path / name / (one.image or "")).convert("L").resize((16, 16))) for one in own]
        )
        assert levels.mean() > 150, "black on white"
