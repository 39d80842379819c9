"""`data=finetune` in small: who is in which split, what is replayed, and when it is made again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkproof.data.digits import data_sha, load_test_split, load_training
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.datasets.finetuning_set import prepare, read_split
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from support.drawn_writers import config, sheet

WRITERS = ("anna", "ben", "cara", "dai", "gül")


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> list[Drawing]:
    """As they come from a file, which rounds coordinates."""
    folder = tmp_path_factory.mktemp("drawings")
    write_drawings(folder, (drawing for name in WRITERS for drawing in sheet(name)))
    return read_drawings(folder)


@pytest.fixture(scope="module")
def made(drawings: list[Drawing], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    prepare(config(folder, drawings), folder / "out", None)
    return folder


def replayed(images: np.ndarray) -> np.ndarray:
    """Which images are of the replay: one gray level all over."""
    return (images == images[:, :1, :1]).all(axis=(1, 2)) & (images[:, 0, 0] >= 200)


def test_each_writer_is_in_one_split_and_the_held_out_drawings_are_as_they_were_drawn(
    made: Path, drawings: list[Drawing]
) -> None:
    split = read_split(made / "out")
    by = [set(split.writers[name]) for name in ("train", "val", "test")]
    assert [len(names) for names in by] == [3, 1, 1] and set().union(*by) == set(WRITERS)
    held = [drawing for drawing in drawings if drawing.writer in by[2]]
    assert split.held_out == [drawing.id for drawing in held]
    assert split.held_out_writers == [drawing.writer for drawing in held]
    test = load_test_split(made / "out")
    assert (test.images == apply_method("mnist_style", load_canvases(made, held, brush=20))).all()
    assert test.labels.tolist() == [drawing.label for drawing in held]


def test_training_is_a_replay_and_rerendered_drawings_and_nothing_of_the_held_out_is_in_it(
    made: Path, drawings: list[Drawing]
) -> None:
    train, val = load_training(made / "out")
    for digits, replay, drawn in ((train, 30, 50), (val, 10, 10)):
        assert replayed(digits.images).tolist() == [True] * replay + [False] * drawn
        assert np.bincount(digits.labels[:replay]).tolist() == [replay // 10] * 10
    assert len({image.tobytes() for image in train.images[30:]}) == 50  # each re-rendered differently
    # In turn: 30 drawings once, and 20 of them again.
    ours = [drawing.label for drawing in drawings if drawing.writer in read_split(made / "out").writers["train"]]
    assert train.labels[30:].tolist() == [*ours, *ours[:20]]
    # The ten drawings that validate come once each: as they were drawn.
    validating = [drawing for drawing in drawings if drawing.writer in read_split(made / "out").writers["val"]]
    assert (val.images[10:] == apply_method("mnist_style", load_canvases(made, validating, brush=20))).all()
    test = {image.tobytes() for image in load_test_split(made / "out").images}
    assert not test & {image.tobytes() for image in (*train.images, *val.images)}


def test_with_two_writers_the_replay_alone_validates(tmp_path: Path) -> None:
    prepare(config(tmp_path, [*sheet("anna"), *sheet("ben")]), tmp_path / "out", None)
    assert read_split(tmp_path / "out").writers["val"] == {}
    _, val = load_training(tmp_path / "out")
    assert replayed(val.images).all() and len(val.labels) == 20


def test_all_is_replayed_where_no_number_is_given_and_no_drawing_is_left_out(
    drawings: list[Drawing], tmp_path: Path
) -> None:
    prepare(config(tmp_path, drawings, replayed=None, drawn=5), tmp_path / "out", None)
    train, _ = load_training(tmp_path / "out")
    assert replayed(train.images).sum() == 60 and len(train.labels) == 60 + 30


def test_images_are_used_as_they_are_and_what_is_no_digit_or_blank_is_not(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[60:220, 130:150] = 0
    Image.fromarray(canvas).save(tmp_path / "mine" / "one.png")
    ink = sheet("anna", 2)
    by_anna = [
        *(
            replace(ink[0], id=name, strokes=None, image="one.png", label=label)
            for name, label in (("a", 1), ("b", None))
        ),
        replace(ink[1], id="blank", strokes=[[]]),
        replace(ink[1], id="scribble", label=None),
    ]
    prepare(config(tmp_path, [*by_anna, *sheet("ben", 1)], held_out=0.5), tmp_path / "out", None)
    split = read_split(tmp_path / "out")
    assert {**split.writers["train"], **split.writers["test"]} == {"anna": 1, "ben": 1}
    train, test = load_training(tmp_path / "out")[0], load_test_split(tmp_path / "out")
    images = test.images if "anna" in split.writers["test"] else train.images[30:]
    assert len(images) in (1, 3)
    assert (images == apply_method("mnist_style", canvas[None])).all()


def changed(drawings: list[Drawing], what: str) -> list[Drawing]:
    if what == "label":
        return [replace(drawings[0], label=9), *drawings[1:]]
    return drawings[1:] if what == "deleted" else [*drawings, *sheet("new", 1)]


def test_it_is_made_anew_when_drawings_change_and_only_then(drawings: list[Drawing], tmp_path: Path) -> None:
    data, out = config(tmp_path, drawings), tmp_path / "out"

    def state() -> tuple[int, int]:
        return (out / "digits.npz").stat().st_mtime_ns, (out / "split.json").stat().st_mtime_ns

    prepare(data, out, None)
    first, sha = state(), data_sha(out)
    prepare(data, out, None)
    assert state() == first
    for what in ("label", "deleted", "new"):
        prepare(config(tmp_path, changed(drawings, what)), out, None)
        assert data_sha(out) != sha, what
    prepare(config(tmp_path, drawings), out, None)
    assert data_sha(out) == sha and state() != first
    (out / "split.json").write_text("{")  # half a file
    prepare(data, out, None)
    assert read_split(out).sha256 == sha


@pytest.mark.parametrize(
    ("drawings", "changes", "message"),
    [
        ([], {}, r"mine: no drawings; .*drawings\.py collect"),
        ([replace(one, label=None) for one in sheet("anna")], {}, r"mine: no drawing has a digit as its label"),
        (sheet("anna"), {}, r"all labeled drawings are by one writer \(anna\), but two are needed; add one"),
        (sheet("anna") + sheet("ben"), {"replayed": 61}, r"data\.source\.replayed=61: the replay has 60; choose that"),
        (sheet("anna") + sheet("ben"), {"val": 41}, r"data\.val=41: the replay has 40"),
        (sheet("anna") + sheet("ben"), {"val": 1}, r"data\.val=1: expected at least 2"),
        (sheet("anna") + sheet("ben"), {"copies": 0}, r"data\.source\.copies=0: expected at least 1"),
        (sheet("anna") + sheet("ben"), {"drawn": None}, r"data\.source\.drawn=None: expected a whole number"),
        (sheet("anna") + sheet("ben"), {"held_out": 1.0}, r"data\.source\.held_out=1\.0: expected a number below 1"),
        (sheet("anna") + sheet("ben"), {"validation": -0.1}, r"data\.source\.validation=-0\.1: expected at least 0"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(
    drawings: list[Drawing], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        prepare(config(tmp_path, drawings, **changes), tmp_path / "out", None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
