"""`data=mnist_plus_strokes` in small: what is in it, what never is, and that it is the same each time."""

import gzip
import hashlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.config.schema import DataConfig
from inkproof.data.digits import data_sha, load_test_split, load_training
from inkproof.data.download import prepare
from inkproof.data.drawings import read_drawings
from inkproof.datasets.mixture import MixtureSource
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support import pen_text
from support import tiny_mnist as tiny
from support.data_conf import changed, published

# Two writers a file: tra-01 is for training, tra-02 for validation, tes-01 and tes-02 for test.
TEXTS = {"tra": pen_text.text(24).encode(), "tes": pen_text.text(10).encode()}
ROLES = {"test": ["tes-01", "tes-02"], "validation": ["tra-02"]}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tiny.as_folder(tmp_path_factory.mktemp("mirror"))
    (folder / "pen-digits").mkdir()
    for part, text in TEXTS.items():
        (folder / "pen-digits" / f"pens.{part}.gz").write_bytes(gzip.compress(text))
    return str(folder)


def config(folder: Path, val: int = 22, **changes: Any) -> DataConfig:
    """conf/data/mnist_plus_strokes.yaml, with changes of its source, over tiny datasets below `folder`.

    They have 30 and 10 + 12 digits, and 12 drawings.
    """
    files = {part: {"name": f"pens.{part}", "sha256": hashlib.sha256(text).hexdigest()} for part, text in TEXTS.items()}
    pens = changed(published("pens"), {"files": files, "writers": ROLES, "mirrors": []}, folder=str(folder / "pens"))
    small = {
        "mnist": tiny.config(folder=str(folder / "mnist")),
        "pens": pens,
        "copies": 3,
        "glyphs": 20,
        "workers": 1,
        "method": "mnist_style",  # the layer would start TensorFlow in every process that draws
    }
    return changed(published("mnist_plus_strokes"), small | changes, val=val)


def sources(out: Path, split: str) -> list[str]:
    with np.load(out / "digits.npz") as archive:
        return [name.decode() for name in archive[f"{split}_source"]]


@pytest.fixture(scope="module")
def made(mirror: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    prepare(config(folder), folder / "mnist_plus_strokes", mirror)
    return folder


def test_the_splits_hold_what_they_should(made: Path) -> None:
    train, val = load_training(made / "mnist_plus_strokes")
    mnist = load_training(made / "mnist")
    pens = {drawing.id: drawing for drawing in read_drawings(made / "pens")}
    names = sources(made / "mnist_plus_strokes", "train")
    assert len(names) == len(train.labels) == 30 + 3 * 12 + 20
    assert names[:2] == ["mnist-train-00000", "mnist-train-00001"] and names[-1] == "style-1998-00001-9"
    assert (train.labels[:30] == mnist[0].labels).all()
    for copy in range(3):
        part = slice(30 + 12 * copy, 42 + 12 * copy)
        assert [pens[name].label for name in names[part]] == train.labels[part].tolist()
        assert {pens[name].writer for name in names[part]} == {"tra-01"}
    assert train.labels[-20:].tolist() == [*range(10), *range(10)]
    names = sources(made / "mnist_plus_strokes", "val")
    assert (val.labels[:10] == mnist[1].labels).all() and names[0] == "mnist-val-00000"
    assert [pens[name].label for name in names[10:]] == val.labels[10:].tolist()
    assert {pens[name].writer for name in names[10:]} == {"tra-02"}


def test_no_test_writer_and_nothing_of_the_starter_set_is_in_it(made: Path) -> None:
    test = {d.id for d in read_drawings(made / "pens") if d.writer in ROLES["test"]}
    never = test | {drawing.id for drawing in read_drawings(ROOT / "data/drawn/starter")}
    assert len(test) == 10
    for split in ("train", "val"):
        assert not never & set(sources(made / "mnist_plus_strokes", split))
    assert not set(sources(made / "mnist_plus_strokes", "train")) & set(sources(made / "mnist_plus_strokes", "val"))


def test_mnist_s_digits_and_the_validation_drawings_go_through_the_method(
    made: Path, mirror: str, tmp_path: Path
) -> None:
    # The plainest method inverts every canvas, so that digits that skipped it would be noticed.
    prepare(config(made, method="tutorial"), tmp_path, mirror)
    mnist = (*load_training(made / "mnist"), load_test_split(made / "mnist"))
    mixture = (*load_training(tmp_path), load_test_split(tmp_path))
    for before, after in zip(mnist, mixture, strict=True):
        assert (after.images[: len(before.images)] == 255 - before.images).all()
    assert (mixture[2].labels == mnist[2].labels).all() and len(mixture[2].labels) == 10
    validating = [drawing for drawing in read_drawings(made / "pens") if drawing.writer == "tra-02"]
    assert (mixture[1].images[10:] == apply_method("tutorial", load_canvases(made, validating, brush=20))).all()


def test_renderings_of_one_drawing_differ(made: Path) -> None:
    train, _ = load_training(made / "mnist_plus_strokes")
    images = train.images[30:]
    assert len({image.tobytes() for image in images}) == len(images)
    assert (images.max(axis=(1, 2)) > 60).all()


def test_the_same_seed_gives_the_same_file_with_any_number_of_processes(
    made: Path, mirror: str, tmp_path: Path
) -> None:
    prepare(config(made, workers=2), tmp_path / "again", mirror)
    assert (tmp_path / "again/digits.npz").read_bytes() == (made / "mnist_plus_strokes/digits.npz").read_bytes()
    prepare(config(made, seed=7), tmp_path / "other", mirror)
    assert data_sha(tmp_path / "other") != data_sha(made / "mnist_plus_strokes")
    one, two = (load_training(folder)[0].images for folder in (made / "mnist_plus_strokes", tmp_path / "other"))
    same = (one == two).all(axis=(1, 2))
    assert same[:30].all() and not same[30:].any()


def test_sources_that_are_there_are_not_fetched_again(made: Path, tmp_path: Path) -> None:
    prepare(config(made), tmp_path / "mnist_plus_strokes", str(tmp_path / "no such mirror"))
    with pytest.raises(UserError, match="no such mirror"):
        prepare(config(tmp_path), tmp_path / "mnist_plus_strokes", str(tmp_path / "no such mirror"))


def test_what_does_not_fit_is_one_line_and_leaves_nothing(made: Path, tmp_path: Path) -> None:
    vary = published("mnist_plus_strokes").source.arguments["vary"]
    for changes, message in (
        ({"val": 5000}, r"data\.val=5000: 10 digits of tiny and 12 of the validation writers are 22; write that"),
        ({"method": "inc"}, r"data\.source: method=inc: unknown method; choose one of tutorial, polarity, "),
        ({"copies": -1}, r"data\.source: copies=-1: expected at least 0"),
        ({"workers": 0}, r"data\.source: workers=0: expected at least 1"),
        ({"vary": vary | {"brush": [40.0, 5.0]}}, r"data\.source: vary\.brush: expected the least first"),
        ({"vary": vary | {"pixels": 1.5}}, r"data\.source: vary\.pixels=1\.5: expected at most 1"),
    ):
        with pytest.raises(UserError, match=message):
            prepare(config(made, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_glyphs_or_copies_it_is_mnist(made: Path, tmp_path: Path) -> None:
    prepare(config(made, glyphs=0, copies=0), tmp_path)
    assert len(load_training(tmp_path)[0].labels) == 30


def test_mnist_alone_needs_no_pen_digit_and_some_come_again_with_the_stroke_they_lack(
    mirror: str, made: Path, tmp_path: Path
) -> None:
    alone = {"redrawn": 0, "copies": 0, "glyphs": 0, "validation_drawings": False, "val": 10}
    prepare(config(tmp_path, added=2, **alone), tmp_path / "out", mirror)
    assert not (tmp_path / "pens").exists()
    train, val = load_training(tmp_path / "out")
    published = load_training(made / "mnist")[0]
    some = np.flatnonzero(np.isin(published.labels, (1, 7, 9)))
    assert set(published.labels[some]) == {1, 7, 9} and len(val.labels) == 10
    assert train.labels.tolist() == [*published.labels.tolist(), *2 * published.labels[some].tolist()]
    names = sources(tmp_path / "out", "train")
    assert names[30:] == [f"mnist-train-{index:05d}-added{copy}" for copy in (0, 1) for index in some]
    plain = train.images[some]
    assert all((train.images[30 + len(some) * copy :][: len(some)] != plain).any() for copy in (0, 1))
    prepare(config(tmp_path, added=0, **alone), tmp_path / "plain", mirror)
    assert len(load_training(tmp_path / "plain")[0].labels) == 30
    prepare(config(tmp_path, added=1, **alone | {"redrawn": 2}), tmp_path / "pens", mirror)
    train, _ = load_training(tmp_path / "pens")
    assert len(train.labels) == 3 * (30 + len(some)) == len(set(sources(tmp_path / "pens", "train")))
    first = 30 + len(some)
    assert train.labels[first : first + 60].tolist() == 2 * published.labels.tolist()
    assert train.labels[first + 60 :].tolist() == 2 * published.labels[some].tolist()
    assert (train.images[first : first + 30] != train.images[first + 30 : first + 60]).any(axis=(1, 2)).mean() > 0.5


def test_mnist_alone_is_published_without_any_drawing() -> None:
    data = published("mnist_normalized")
    source = MixtureSource.model_validate(data.source.arguments)
    assert (source.copies, source.glyphs, source.validation_drawings) == (0, 0, False)
    assert (source.added, source.redrawn) == (1, 1)
    assert (data.name, data.folder, data.val) == ("mnist_normalized", "data/mnist_normalized", source.mnist.val)
    assert source.method == "classic"


def test_killed_before_the_rename_it_can_be_run_again(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "mnist_plus_strokes"
    script = (
        f"import os, signal, sys; sys.path[:0] = [{str(ROOT / 'src')!r}]\n"
        f"from pathlib import Path\nfrom inkproof.config.schema import DataConfig\n"
        f"from inkproof.data.download import prepare\n"
        f"os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"data = DataConfig.model_validate({config(made).model_dump(by_alias=True)!r})\n"
        f"prepare(data, Path({str(out)!r}))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert not (out / "digits.npz").exists()
    prepare(config(made), out)
    assert (out / "digits.npz").read_bytes() == (made / "mnist_plus_strokes/digits.npz").read_bytes()


def test_the_published_configuration_takes_its_sources_from_their_own_files() -> None:
    data, mnist = published("mnist_plus_strokes"), published("mnist")
    source = MixtureSource.model_validate(data.source.arguments)
    assert source.mnist == mnist and source.pens == published("pens")
    assert mnist.val is not None and data.val == mnist.val + 1500
    assert data.eval_data == mnist.eval_data and data.evaluation is None
