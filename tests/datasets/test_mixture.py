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
from inkproof.data import unipen
from inkproof.data.digits import NOT_A_DIGIT, data_sha, load_test_split, load_training
from inkproof.data.download import prepare
from inkproof.data.drawings import read_drawings, write_drawings
from inkproof.datasets.mixture import MixtureSource
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import METHODS, NORMALIZED_METHOD, apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.synthetic import glyph_templates
from support import pen_text
from support import tiny_mnist as tiny
from support.data_conf import changed, published

# Two writers a file: tra-01 is for training, tra-02 for validation, tes-01 and tes-02 for test.
TEXTS = {"tra": pen_text.text(24).encode(), "tes": pen_text.text(10).encode()}
ROLES = {"test": ["tes-01", "tes-02"], "validation": ["tra-02"]}


def character(part: str, kind: str, label: str, number: int = 0) -> unipen.Sample:
    """A character in the form of UNIPEN's; a digit is of a glyph template, all others are one zigzag each."""
    if kind == "digit":
        drawn = glyph_templates.drawing(int(label), 10 + number).strokes or []
    else:
        drawn = [[(60 + 40 * place, 80 + (37 * place + 3 * ord(label)) % 120) for place in range(4)]]
    strokes = [np.array([point[:2] for point in stroke], np.float32) for stroke in drawn]
    return unipen.Sample(f"{kind}/{part}/{label}-{number}", "own", f"own-{part}", kind, label, part, strokes)


# Letters and symbols; of those for training some are like a digit.
OTHERS = {"training": "AKMw@#", "validation": "EX", "test": "RT"}
LIKE = "Ol|-"
CHARACTERS = [
    *(character("training", "digit", str(digit)) for digit in range(10)),
    *(character(part, "digit", label) for part in ("validation", "test") for label in "358"),
    *(
        character(part, "letter" if label.isalpha() else "symbol", label)
        for part, labels in {**OTHERS, "training": OTHERS["training"] + LIKE}.items()
        for label in labels
    ),
]
MNIST_VAL = 5027  # digits of the writers that data.split=writer gives for validation
ALONE = {"unipen_copies": 0, "not_digits": 0, "paper": 0, "copies": 0, "glyphs": 0, "redrawn": 0}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tiny.as_folder(tmp_path_factory.mktemp("mirror"))
    (folder / "pen-digits").mkdir()
    for part, text in TEXTS.items():
        (folder / "pen-digits" / f"pens.{part}.gz").write_bytes(gzip.compress(text))
    return str(folder)


def config(folder: Path, val: int = 25, **changes: Any) -> DataConfig:
    """conf/data/mnist_plus_strokes.yaml, with changes of its source, over tiny datasets below `folder`.

    They have 30 digits for training, and for validation 10, 12 drawings of pen digits and 3 of UNIPEN.
    """
    files = {part: {"name": f"pens.{part}", "sha256": hashlib.sha256(text).hexdigest()} for part, text in TEXTS.items()}
    pens = changed(published("pens"), {"files": files, "writers": ROLES, "mirrors": []}, folder=str(folder / "pens"))
    unipen.write_samples(folder / "unipen" / unipen.FILE_NAME, CHARACTERS)
    written = map(unipen.drawing, unipen.chosen(CHARACTERS, "validation", "digit"))
    write_drawings(folder / "unipen" / "validation", written)
    small = {
        "mnist": tiny.config(folder=str(folder / "mnist")),
        "pens": pens,
        "unipen": changed(published("unipen"), {"mirrors": []}, folder=str(folder / "unipen")),
        "copies": 3,
        "unipen_copies": 2,
        "glyphs": 20,
        "not_digits": 15,
        "paper": 0,
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
    assert len(names) == len(train.labels) == 30 + 3 * 12 + 2 * 10 + 20 + 15
    assert names[:2] == ["mnist-train-00000", "mnist-train-00001"] and names[-16] == "style-1998-00001-9"
    assert (train.labels[:30] == mnist[0].labels).all()
    for copy in range(3):
        part = slice(30 + 12 * copy, 42 + 12 * copy)
        assert [pens[name].label for name in names[part]] == train.labels[part].tolist()
        assert {pens[name].writer for name in names[part]} == {"tra-01"}
    assert names[66:86] == 2 * [f"unipen-own-training-digit/training/{digit}-0" for digit in range(10)]
    assert train.labels[66:106].tolist() == 4 * [*range(10)]
    assert train.labels[106:].tolist() == 15 * [NOT_A_DIGIT]
    names = sources(made / "mnist_plus_strokes", "val")
    assert (val.labels[:10] == mnist[1].labels).all() and names[0] == "mnist-val-00000"
    assert [pens[name].label for name in names[10:22]] == val.labels[10:22].tolist()
    assert {pens[name].writer for name in names[10:22]} == {"tra-02"}
    assert names[22:] == [f"unipen-own-validation-digit/validation/{digit}-0" for digit in (3, 5, 8)] and val.labels[
        22:
    ].tolist() == [3, 5, 8]


def test_what_is_no_digit_is_letters_and_symbols_by_training_writers_and_digits_side_by_side(
    made: Path, mirror: str, tmp_path: Path
) -> None:
    prepare(config(made, not_digits=200), tmp_path, mirror)
    names = sources(tmp_path, "train")[106:]
    several = names[::5]
    writers = {drawing.id: drawing.writer for drawing in read_drawings(made / "pens")}
    assert {writers[name] for name in several} == {"tra-01"}
    others = [name for place, name in enumerate(names) if place % 5]
    kinds = {label: "letter" if label.isalpha() else "symbol" for label in OTHERS["training"]}
    # None is like a digit, or by a writer of validation or test.
    assert set(others) == {f"unipen-own-training-{kind}/training/{label}-0" for label, kind in kinds.items()}
    images = load_training(tmp_path)[0].images[106:]
    assert len({image.tobytes() for image in images}) == len(images)
    # Several digits side by side are wider than high.
    wide, high = (np.array([np.ptp(np.flatnonzero(one.any(axis=axis))) for one in images[::5]]) for axis in (0, 1))
    assert (wide > high).mean() > 0.8


def test_without_pen_digits_there_are_letters_alone_and_without_letters_nothing(mirror: str, tmp_path: Path) -> None:
    alone = {**ALONE, "not_digits": 20, "validation_drawings": False}
    prepare(config(tmp_path, val=10, **alone), tmp_path / "out", mirror)
    assert not (tmp_path / "pens").exists()
    names = sources(tmp_path / "out", "train")[30:]
    assert len(names) == 20 and all(name.startswith("unipen-own-training-") for name in names)
    without = config(tmp_path, val=10, **alone)
    unipen.write_samples(tmp_path / "unipen" / unipen.FILE_NAME, [one for one in CHARACTERS if one.kind == "digit"])
    prepare(without, tmp_path / "none", mirror)
    assert len(load_training(tmp_path / "none")[0].labels) == 30


def test_a_share_of_the_drawings_lies_on_paper_and_the_others_stay_as_they_were(
    made: Path, mirror: str, tmp_path: Path
) -> None:
    files = {}
    for share in (0, 0.5, 1):
        prepare(config(made, method="tutorial", paper=share, glyphs=60), tmp_path / str(share), mirror)
        files[share] = load_training(tmp_path / str(share))
    plain, some, every = (files[share][0] for share in (0, 0.5, 1))
    for other in (some, every):
        assert np.array_equal(other.images[:30], plain.images[:30])  # MNIST's digits never do
        assert np.array_equal(other.labels, plain.labels)
    assert np.array_equal(files[1][1].images, files[0][1].images)  # nor does any validation drawing
    on_paper = (some.images != plain.images).any(axis=(1, 2))[30:]
    assert 0.35 < on_paper.mean() < 0.65
    assert (every.images != plain.images).any(axis=(1, 2))[30:].all()
    assert np.array_equal(some.images[30:][on_paper], every.images[30:][on_paper])
    # Drawings are black on white without paper; `tutorial` inverts them. Pages are not.
    ground = np.median(plain.images[30:], axis=(1, 2)), np.median(every.images[30:], axis=(1, 2))
    assert not ground[0].any() and (ground[1] > 5).mean() > 0.8
    prepare(config(made, method="tutorial", paper=0.5, glyphs=60, workers=2), tmp_path / "two", mirror)
    assert (tmp_path / "two/digits.npz").read_bytes() == (tmp_path / "0.5/digits.npz").read_bytes()


def test_training_images_without_ink_are_labeled_as_no_digit_and_others_keep_their_labels(
    made: Path, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(canvas: np.ndarray) -> np.ndarray:
        """Lose the ink of about every third canvas."""
        lost = canvas.sum(dtype=np.int64) % 3 == 0
        return METHODS["tutorial"](canvas) * np.uint8(not lost)

    monkeypatch.setitem(METHODS, "forgetful", forgetful)
    for method in ("tutorial", "forgetful"):
        prepare(config(made, method=method), tmp_path / method, mirror)
    whole, lossy = (load_training(tmp_path / method) for method in ("tutorial", "forgetful"))
    lost = ~lossy[0].images.any(axis=(1, 2))
    assert 0.1 < lost.mean() < 0.6
    assert (lossy[0].labels[lost] == NOT_A_DIGIT).all()
    assert np.array_equal(lossy[0].labels[~lost], whole[0].labels[~lost])
    assert (~lossy[1].images.any(axis=(1, 2))).any(), "or the next line tests nothing"
    assert np.array_equal(lossy[1].labels, whole[1].labels)


def test_no_test_writer_and_nothing_of_the_starter_set_is_in_it(made: Path) -> None:
    test = {d.id for d in read_drawings(made / "pens") if d.writer in ROLES["test"]}
    never = test | {drawing.id for drawing in read_drawings(ROOT / "data/drawn/starter")}
    never |= {one.id for one in CHARACTERS if one.part == "test"}
    assert len(test) == 10
    for split in ("train", "val"):
        names = sources(made / "mnist_plus_strokes", split)
        assert not never & set(names) and not [name for name in names if "test/" in name]
    assert not set(sources(made / "mnist_plus_strokes", "train")) & set(sources(made / "mnist_plus_strokes", "val"))


@pytest.mark.parametrize("normalize_mnist", [False, True])
def test_the_validation_drawings_go_through_the_method_and_mnist_s_digits_if_it_is_asked_for(
    made: Path, mirror: str, tmp_path: Path, normalize_mnist: bool
) -> None:
    # The plainest method inverts every canvas, so that images that skipped it are noticed.
    prepare(config(made, method="tutorial", normalize_mnist=normalize_mnist), tmp_path, mirror)
    mnist = (*load_training(made / "mnist"), load_test_split(made / "mnist"))
    mixture = (*load_training(tmp_path), load_test_split(tmp_path))
    for before, after in zip(mnist, mixture, strict=True):
        expected = 255 - before.images if normalize_mnist else before.images
        assert (after.images[: len(before.images)] == expected).all()
    assert (mixture[2].labels == mnist[2].labels).all() and len(mixture[2].labels) == 10
    validating = [drawing for drawing in read_drawings(made / "pens") if drawing.writer == "tra-02"]
    validating += read_drawings(made / "unipen" / "validation")
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
        ({"val": 5000}, r"data\.val=5000: 10 digits of tiny and 15 of the validation writers are 25; write that"),
        ({"method": "inc"}, r"data\.source\.method=inc: unknown method; choose one of tutorial, polarity, "),
        ({"copies": -1}, r"data\.source\.copies=-1: expected at least 0"),
        ({"not_digits": -1}, r"data\.source\.not_digits=-1: expected at least 0"),
        ({"paper": 1.5}, r"data\.source\.paper=1\.5: expected at most 1"),
        ({"workers": 0}, r"data\.source\.workers=0: expected at least 1"),
        ({"vary": vary | {"brush": [40.0, 5.0]}}, r"data\.source\.vary\.brush: expected the least first"),
        ({"vary": vary | {"pixels": 1.5}}, r"data\.source\.vary\.pixels=1\.5: expected at most 1"),
    ):
        with pytest.raises(UserError, match=message):
            prepare(config(made, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_glyphs_or_copies_it_is_mnist(made: Path, tmp_path: Path) -> None:
    prepare(config(made, val=22, **ALONE), tmp_path)  # without UNIPEN's training digits its validation digits go, too
    assert len(load_training(tmp_path)[0].labels) == 30


def test_mnist_alone_needs_no_pen_digit_and_some_come_again_with_the_stroke_they_lack(
    mirror: str, made: Path, tmp_path: Path
) -> None:
    absent = changed(published("unipen"), {"mirrors": []}, folder=str(tmp_path / "absent"))
    alone = {**ALONE, "validation_drawings": False, "val": 10, "unipen": absent}
    prepare(config(tmp_path, added=2, **alone), tmp_path / "out", mirror)
    assert not (tmp_path / "pens").exists() and not (tmp_path / "absent").exists()
    train, val = load_training(tmp_path / "out")
    digits = load_training(made / "mnist")[0]
    some = np.flatnonzero(np.isin(digits.labels, (1, 7, 9)))
    assert set(digits.labels[some]) == {1, 7, 9} and len(val.labels) == 10
    assert train.labels.tolist() == [*digits.labels.tolist(), *2 * digits.labels[some].tolist()]
    names = sources(tmp_path / "out", "train")
    assert names[30:] == [f"mnist-train-{index:05d}-added{copy}" for copy in (0, 1) for index in some]
    plain = train.images[some]
    assert all((train.images[30 + len(some) * copy :][: len(some)] != plain).any() for copy in (0, 1))
    prepare(config(tmp_path, added=0, **alone), tmp_path / "plain", mirror)
    assert len(load_training(tmp_path / "plain")[0].labels) == 30
    prepare(config(tmp_path, added=1, **(alone | {"redrawn": 2})), tmp_path / "pens", mirror)
    train, _ = load_training(tmp_path / "pens")
    assert len(train.labels) == 3 * (30 + len(some)) == len(set(sources(tmp_path / "pens", "train")))
    first = 30 + len(some)
    expected = np.array([*2 * digits.labels.tolist(), *2 * digits.labels[some].tolist()])
    expected[~train.images[first:].any(axis=(1, 2))] = NOT_A_DIGIT  # these digits are noise, and may be lost
    assert train.labels[first:].tolist() == expected.tolist()
    assert (train.images[first : first + 30] != train.images[first + 30 : first + 60]).any(axis=(1, 2)).mean() > 0.5


def test_mnist_alone_is_published_without_any_drawing() -> None:
    data = published("mnist_normalized")
    source = MixtureSource.model_validate(data.source.arguments)
    assert (source.copies, source.glyphs, source.validation_drawings) == (0, 0, False)
    assert (source.unipen_copies, source.not_digits, source.paper) == (0, 0, 0)
    assert (source.added, source.redrawn, source.normalize_mnist) == (1, 1, True)
    assert (data.name, data.folder, data.val) == ("mnist_normalized", "data/mnist_normalized", MNIST_VAL)
    assert source.method == NORMALIZED_METHOD


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
    assert source.mnist == mnist and source.pens == published("pens") and source.unipen == published("unipen")
    assert (mnist.split, data.val) == ("writer", MNIST_VAL + 1500 + 924)
    assert data.eval_data == mnist.eval_data and data.evaluation is None
