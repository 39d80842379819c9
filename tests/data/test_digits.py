"""The digits file: what is written comes back, the test split stays closed, mistakes are reported."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inkproof.data.digits import (
    NOT_A_DIGIT,
    Digits,
    data_sha,
    digits_file,
    load_digits,
    load_test_split,
    load_test_writers,
    load_training,
    sources_of,
    write_digits,
    writers_of,
)
from inkproof.runtime.errors import UserError


def splits(seed: int = 0) -> dict[str, Digits]:
    random = np.random.default_rng(seed)
    return {
        name: Digits(random.integers(0, 256, (size, 28, 28), np.uint8), random.integers(0, 10, size, np.uint8))
        for name, size in (("train", 50), ("val", 0), ("test", 20))
    }


def test_what_is_written_comes_back_by_folder_or_file(tmp_path: Path) -> None:
    written = splits()
    write_digits(tmp_path / "made", written)
    for path in (tmp_path / "made", tmp_path / "made" / "digits.npz"):
        train, val = load_training(path)
        for digits, name in ((train, "train"), (val, "val"), (load_test_split(path), "test")):
            assert (digits.images == written[name].images).all() and digits.images.dtype == np.uint8
            assert (digits.labels == written[name].labels).all() and digits.labels.dtype == np.uint8
    assert val.images.shape == (0, 28, 28) and val.labels.shape == (0,)
    with np.load(tmp_path / "made" / "digits.npz") as archive:
        assert {f"{split}_{kind}" for split in written for kind in ("images", "labels")} <= set(archive.files)


def test_only_training_images_may_be_no_digit(tmp_path: Path) -> None:
    written = splits()
    written["train"].labels[::7] = NOT_A_DIGIT
    write_digits(tmp_path, written)
    train, _ = load_training(tmp_path)
    assert (train.labels == written["train"].labels).all() and (train.labels == NOT_A_DIGIT).sum() == 8
    for split in ("val", "test"):
        labels = np.array([3, NOT_A_DIGIT], np.uint8)
        wrong = {**splits(), split: Digits(np.zeros((2, 28, 28), np.uint8), labels)}
        with pytest.raises((UserError, ValueError), match=f"{split}_labels holds 3 to 10"):
            write_digits(tmp_path / split, wrong)
        assert not (tmp_path / split / "digits.npz").exists()


def test_equal_digits_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_digits(tmp_path / "a", splits())
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *seconds: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    write_digits(tmp_path / "b", splits())
    assert digits_file(tmp_path / "a").read_bytes() == digits_file(tmp_path / "b").read_bytes()


def test_the_hash_follows_the_content_and_not_the_file_around_it(tmp_path: Path) -> None:
    write_digits(tmp_path / "a", splits())
    sha = data_sha(tmp_path / "a")
    assert len(sha) == 64
    with np.load(digits_file(tmp_path / "a")) as archive:
        arrays = {name: archive[name] for name in reversed(archive.files) if name != "sha256"}
    np.savez_compressed(tmp_path / "own.npz", **arrays)
    assert data_sha(tmp_path / "own.npz") == sha, "computed where it is not stored"
    arrays["test_labels"][3] ^= 1
    np.savez(tmp_path / "other.npz", **arrays)
    assert data_sha(tmp_path / "other.npz") != sha


READERS = {
    "data_sha": data_sha,
    "load_training": load_training,
    "load_test_split": load_test_split,
    "load_test_writers": load_test_writers,
    "sources_of": lambda path: sources_of(path, "train"),
    "writers_of": lambda path: writers_of(path, "val"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("changed", ["train_labels", "test_images", "test_writers", "sha256"])
def test_a_file_that_was_changed_after_it_was_written_is_refused(changed: str, reader: str, tmp_path: Path) -> None:
    writers = {
        f"{split}_writers": np.zeros(size, np.int32) for split, size in (("train", 50), ("val", 0), ("test", 20))
    }
    write_digits(tmp_path, splits(), writers)
    path = digits_file(tmp_path)
    READERS[reader](path)  # what was read before is known, but not for ever
    with np.load(path) as archive:
        arrays = {name: archive[name].copy() for name in archive.files}
    if changed == "sha256":
        arrays[changed] = np.array("0" * 64)
    else:
        arrays[changed].flat[3] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(
        UserError, match=r"its SHA-256 was computed from\); delete it and run the download again"
    ) as caught:
        READERS[reader](path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_is_hashed_once_by_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_digits(tmp_path, splits())
    first, sha = load_training(tmp_path), data_sha(tmp_path)
    monkeypatch.setattr("inkproof.data.digits._sha_of", lambda arrays: pytest.fail("hashed again"))
    assert data_sha(tmp_path) == sha and (load_training(tmp_path)[0].images == first[0].images).all()


def test_the_test_split_has_one_door(tmp_path: Path) -> None:
    write_digits(tmp_path, splits())
    with pytest.raises(ValueError, match="load_test_split"):
        load_digits(tmp_path, "test")


def damage(path: Path, member: str) -> None:
    """Overwrite the bytes of one member where they lie in the file."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 60 : info.header_offset + info.file_size] = bytes(info.file_size - 60)
    path.write_bytes(content)


def save(**changes: np.ndarray | None):
    """A digits file made by someone else, with some arrays changed or left out."""

    def spoil(path: Path) -> None:
        arrays = {f"{n}_{k}": getattr(d, k) for n, d in splits().items() for k in ("images", "labels")} | changes
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "no such digits file; make it with `python src/download.py data=own`"),
        (lambda path: path.write_bytes(b"<html>"), "no npz file"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "cut short"),
        (lambda path: damage(path, "train_images.npy"), "broken digits file .*CRC"),
        (lambda path: damage(path, "test_labels.npy"), "broken digits file .*CRC"),
        (save(train_labels=None), "train_labels"),
        (save(train_images=np.zeros((50, 28, 28))), r"train_images is float64 \(50, 28, 28\)"),
        (save(train_images=np.zeros((50, 784), np.uint8)), r"train_images is uint8 \(50, 784\)"),
        (save(train_labels=np.zeros(49, np.uint8)), r"train_labels is uint8 \(49,\), not whole numbers \(50,\)"),
        (save(train_labels=np.full(50, NOT_A_DIGIT + 1, np.uint8)), "train_labels holds 11"),
        (save(test_labels=np.full(20, NOT_A_DIGIT, np.uint8)), "test_labels holds 10 to 10, not digits from 0 to 9"),
        (save(train_labels=np.array([None] * 50)), "broken digits file"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_in_one_line(spoil, words: str, tmp_path: Path) -> None:
    path = tmp_path / "own" / "digits.npz"
    write_digits(path, splits())
    spoil(path)
    with pytest.raises(UserError, match=words) as caught:
        load_test_split(path) if "test_labels holds" in words else load_training(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_further_arrays_are_stored_and_hashed_and_ignored(tmp_path: Path) -> None:
    names = np.array([b"digit-%02d" % index for index in range(50)])
    write_digits(tmp_path / "plain", splits())
    write_digits(tmp_path / "named", splits(), extra={"train_source": names})
    with np.load(digits_file(tmp_path / "named")) as archive:
        assert (archive["train_source"] == names).all()
    assert sources_of(tmp_path / "named", "train") == [f"digit-{index:02d}" for index in range(50)]
    assert sources_of(tmp_path / "named", "val") == sources_of(tmp_path / "plain", "train") == []
    for plain, named in zip(load_training(tmp_path / "plain"), load_training(tmp_path / "named"), strict=True):
        assert (plain.images == named.images).all() and (plain.labels == named.labels).all()
    assert data_sha(tmp_path / "plain") != data_sha(tmp_path / "named")
