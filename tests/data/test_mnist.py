"""MNIST's files, in small, become the digits file; from IDX or npz, whole or not at all."""

import errno
import hashlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.data.digits import load_test_split, load_test_writers, load_training, writers_of
from inkproof.data.download import prepare
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support import misbehaving as bad
from support import tiny_mnist as tiny
from support.data_conf import changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.as_folder(tmp_path / "mirror")


def lines(images: np.ndarray, labels: np.ndarray) -> Counter[tuple[bytes, int]]:
    return Counter((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


def test_the_validation_digits_are_cut_from_the_training_digits(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKPROOF_MIRROR", str(folder))
    prepare(tiny.config(), tmp_path / "out")
    train, val = load_training(tmp_path / "out")
    assert (len(train.labels), len(val.labels)) == (30, 10)
    assert np.bincount(train.labels).tolist() == [6, 3, 3, 3, 3, 3, 3, 3, 1, 2]
    assert np.bincount(val.labels, minlength=10).tolist() == [2, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert lines(*train) + lines(*val) == lines(tiny.TRAIN_IMAGES, tiny.TRAIN_LABELS)
    test = load_test_split(tmp_path / "out")
    assert (test.images == tiny.TEST_IMAGES).all() and (test.labels == tiny.TEST_LABELS).all()


def test_each_digit_has_its_writer(folder: Path, tmp_path: Path) -> None:
    plain, out = tmp_path / "plain", tmp_path / "out"
    prepare(tiny.config(), plain, mirror=str(folder))
    prepare(changed(tiny.config(), {"writers": tiny.writers()}), out, mirror=str(folder))
    wrote = {image.tobytes(): writer for image, writer in zip(tiny.TRAIN_IMAGES, tiny.WRITERS, strict=True)}
    for split, digits, unnamed in zip(("train", "val"), load_training(out), load_training(plain), strict=True):
        writers = writers_of(out, split)
        assert writers is not None and writers.dtype == np.int32
        assert writers.tolist() == [wrote[image.tobytes()] for image in digits.images]
        assert (digits.images == unnamed.images).all() and (digits.labels == unnamed.labels).all()
        assert writers_of(plain, split) is None
    writers = load_test_writers(out)
    assert writers is not None and (writers == tiny.TEST_WRITERS).all() and load_test_writers(plain) is None
    with pytest.raises(ValueError, match="test split has its own"):
        writers_of(out, "test")


@pytest.mark.parametrize("split", ["train", "test"])
def test_writers_of_other_digits_are_refused(split: str, folder: Path, tmp_path: Path) -> None:
    name, content = tiny.EXTENDED[split]
    other = content[:12] + bytes([0, 0, 0, 9]) + content[16:]  # the first label
    (folder / "qmnist" / f"{name}.gz").write_bytes(other)
    data = changed(tiny.config(), {"writers": tiny.writers(**{split: other})})
    with pytest.raises(UserError, match=f"^tiny: {name}: its labels are not those of the {split} digits") as caught:
        prepare(data, tmp_path / "out", mirror=str(folder))
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_no_validation_digits_leave_all_for_training(folder: Path, tmp_path: Path) -> None:
    prepare(tiny.config(val=0), tmp_path / "out", mirror=str(folder))
    train, val = load_training(tmp_path / "out")
    assert (train.images == tiny.TRAIN_IMAGES).all() and (train.labels == tiny.TRAIN_LABELS).all()
    assert val.images.shape == (0, 28, 28)


def test_too_many_validation_digits(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot cut 40 off 40 digits; choose a smaller data\.val"):
        prepare(tiny.config(val=40), tmp_path / "out", mirror=str(folder))
    assert not (tmp_path / "out").exists()


def test_the_npz_gives_the_same_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "npz" / "mnist").mkdir(parents=True)
    (tmp_path / "npz" / "mnist" / "mnist.npz").write_bytes(tiny.npz())
    prepare(tiny.config(), tmp_path / "a", mirror=str(folder))
    prepare(tiny.config(), tmp_path / "b", mirror=str(tmp_path / "npz"))
    assert (tmp_path / "a" / "digits.npz").read_bytes() == (tmp_path / "b" / "digits.npz").read_bytes()


def test_a_configuration_whose_files_do_not_belong_together(folder: Path, tmp_path: Path) -> None:
    files = tiny.FILES
    data = tiny.config(files=files | {"train_labels": files["test_labels"]})
    with pytest.raises(UserError, match=r"do not go together; check conf/data/tiny\.yaml"):
        prepare(data, tmp_path / "out", mirror=str(folder))
    data = tiny.config(files=files | {"train_labels": files["train_images"]})
    with pytest.raises(UserError, match="3 dimensions where 1 belong"):
        prepare(data, tmp_path / "out", mirror=str(folder))
    name = tiny.NAMES[0]
    (folder / "mnist" / f"{name}.gz").write_bytes(b"plain")
    plain = files["train_images"] | {"sha256": hashlib.sha256(b"plain").hexdigest()}
    data = tiny.config(files=files | {"train_images": plain})
    with pytest.raises(UserError, match=f"tiny: {name}: magic number"):
        prepare(data, tmp_path / "out", mirror=str(folder))
    assert not (tmp_path / "out").exists()


def test_a_target_that_names_no_function(tmp_path: Path) -> None:
    for target in ("inkproof.data.prepare.mnits.prepare", "inkproof.data.mnist.prepair", "inkproof.data.mnist"):
        with pytest.raises(UserError, match=r"tiny\.yaml: source\._target_ .* names no function"):
            prepare(changed(tiny.config(), {"_target_": target}), tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"split_seed": -1}, "data.source.split_seed=-1: expected at least 0"),
        ({"split_seed": "3"}, "data.source.split_seed=3: expected a whole number"),
        ({"splitseed": 3}, "data.source.splitseed: unknown key; the keys are files, mirrors, offline, "),
        ({"files": {}}, "data.source: files: expected the keys train_images, train_labels, test_images, test_labels"),
    ],
)
def test_a_source_that_does_not_fit(source: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        prepare(changed(tiny.config(), source), tmp_path / "out")


def test_without_a_number_of_validation_digits(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.val=null: tiny has digits to train on"):
        prepare(changed(tiny.config(), val=None), tmp_path / "out", mirror=str(folder))


def test_a_full_disk_leaves_the_earlier_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    prepare(tiny.config(), out, mirror=str(folder))
    before = (out / "digits.npz").read_bytes()

    def full(path: Path, **arrays: np.ndarray) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"out: cannot be written \(No space left on device\)"):
        prepare(tiny.config(val=0), out, mirror=str(folder))
    assert [path.name for path in out.iterdir()] == ["digits.npz"]
    assert (out / "digits.npz").read_bytes() == before


def command(mirror: str, out: Path, first: str = "") -> list[str]:
    script = (
        "import os, signal, sys\n"
        f"sys.path[:0] = [{str(ROOT / 'src')!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\nfrom support import tiny_mnist\n"
        f"from inkproof.data.download import prepare\n{first}\n"
        f"prepare(tiny_mnist.config(), Path({str(out)!r}), mirror={mirror!r})"
    )
    return [sys.executable, "-c", script]


def test_killed_in_a_download_nothing_is_left(tmp_path: Path) -> None:
    server = bad.Server()
    server.routes[f"/mnist/{tiny.FIRST}.gz"] = bad.good(tiny.PACKED[tiny.FIRST])
    second = f"/mnist/{tiny.NAMES[1]}.gz"
    server.routes[second] = bad.stops(tiny.PACKED[tiny.NAMES[1]])
    try:
        process = subprocess.Popen(command(server.address, tmp_path / "out"), stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not server.asked[second] and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert server.asked[second] == 1
    finally:
        server.close()
    assert not (tmp_path / "out").exists()


def test_killed_before_the_rename_it_can_be_run_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    die = "os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run(command(str(folder), out, die), check=False).returncode == -signal.SIGKILL
    assert not (out / "digits.npz").exists()
    prepare(tiny.config(), out, mirror=str(folder))
    assert len(load_training(out)[0].labels) == 30


def test_several_at_once_agree(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    processes = [subprocess.Popen(command(str(folder), out)) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert [path.name for path in out.iterdir()] == ["digits.npz"]
    assert len(load_training(out)[0].labels) == 30
