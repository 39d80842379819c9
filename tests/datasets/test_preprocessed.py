"""Drawings and corruptions as frames: who is in a set, how it is drawn, and files that are whole or rejected."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.datasets import drawn_frames
from inkproof.datasets.preprocessed import (
    PreprocessedSet,
    canvases_of,
    draw,
    drawings_of,
    preprocessed_corruptions,
    preprocessed_digits,
    preprocessed_drawings,
    preprocessed_ood,
    read_corruptions,
    read_preprocessed,
    write_corruptions,
    write_preprocessed,
)
from inkproof.preprocessing.corruptions import corrupted_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.preprocessing.strokes import render_in_pixels
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.ood_samples import kind_of, ood_samples

SETS = yaml.safe_load((ROOT / "conf/sets/all.yaml").read_text())
STARTER = ROOT / "data/drawn/starter"
PLAIN = SETS["starter"]


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """Ten digits, and between them one drawing that is none."""
    starter = read_drawings(STARTER)[:10]
    scribble = ood_samples(1, 3, starter, part="validation")[0]
    return [*starter[:5], scribble, *starter[5:]]


def test_only_labeled_drawings_are_read_in_their_order(drawings: list[Drawing]):
    frames = preprocessed_drawings(STARTER, drawings, PLAIN, ["tutorial", "classic"])
    labeled = [drawing for drawing in drawings if drawing.label is not None]
    assert len(labeled) == 10
    assert frames.ids.tolist() == [drawing.id for drawing in labeled]
    assert frames.writers.tolist() == [drawing.writer for drawing in labeled]
    assert frames.labels.tolist() == [drawing.label for drawing in labeled]
    canvases = draw(STARTER, labeled, PLAIN)
    assert list(frames.methods) == ["tutorial", "classic"]
    for method, seen in frames.methods.items():
        assert np.array_equal(seen, apply_method(method, canvases))


def test_a_set_is_drawn_as_it_says(drawings: list[Drawing]):
    labeled = [drawing for drawing in drawings if drawing.label is not None][:3]
    usual, thin, fat = (draw(STARTER, labeled, {**PLAIN, "brush": brush}) for brush in (20.0, 8.0, 32.0))
    inks = [(255 - canvases.astype(int)).sum() for canvases in (thin, usual, fat)]
    assert inks[0] < 0.6 * inks[1] < 0.6 * 0.8 * inks[2]
    assert np.array_equal(draw(STARTER, labeled, {**PLAIN, "inverted": True}), 255 - usual)
    pixels = draw(STARTER, labeled, {**PLAIN, "pixels": True})
    small = render_in_pixels(labeled[1].strokes, labeled[1].canvas)
    assert np.array_equal(pixels[1], small.repeat(10, axis=0).repeat(10, axis=1))
    assert set(np.unique(pixels)) == {0, 255}


def test_a_image_cannot_be_drawn_in_single_pixels():
    image = Drawing(id="p-1", label=3, writer="me", source="x", canvas=(9, 9), strokes=None, created="", image="p.png")
    with pytest.raises(UserError, match="p-1: an image cannot be drawn anew"):
        draw(STARTER, [image], {**PLAIN, "pixels": True})


def test_a_set_has_the_writers_of_its_role(tmp_path: Path):
    conf = yaml.safe_load((ROOT / "conf/data/pens.yaml").read_text())
    writers = [*conf["writers"]["test"], *conf["writers"]["validation"], "tra-01"]
    everyone = [
        Drawing(
            id=f"d{n}",
            label=1,
            writer=writer,
            source="x",
            canvas=(9, 9),
            strokes=[[[1, 1]]],
            image=None,
            created="2026",
        )
        for n, writer in enumerate(writers)
    ]

    write_drawings(tmp_path, everyone)

    def chosen(name: str) -> list[str]:
        return [drawing.writer for drawing in drawings_of(conf, SETS[name], tmp_path)]

    reporting = [name for name, entry in SETS.items() if entry["folder"].endswith("pens") and name != "pens_validation"]
    assert reporting == ["pens", "pens_thin", "pens_fat", "pens_pixels", "pens_inverted"]
    for name in reporting:
        assert chosen(name) == conf["writers"]["test"]
    assert chosen("pens_validation") == conf["writers"]["validation"]
    assert chosen("mine") == writers


def test_digits_are_read_as_if_they_had_been_drawn():
    rng = np.random.default_rng(1)
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 6:22, 12:16] = rng.integers(128, 256, (3, 16, 4))
    frames = preprocessed_digits(images, np.array([1, 1, 7], np.uint8), ["mnist_style"])
    assert frames.labels.tolist() == [1, 1, 7]
    assert np.array_equal(
        frames.methods["mnist_style"], apply_method("mnist_style", images.repeat(10, 1).repeat(10, 2))
    )


def test_negatives_have_no_label_and_tell_their_kind():
    drawn = ood_samples(8, 2, read_drawings(STARTER)[:20], part="test")
    frames = preprocessed_ood(drawn, ["classic"])
    assert set(frames.labels.tolist()) == {-1}
    assert len({source.split("/")[1] for source in frames.writers}) > 1
    assert kind_of(drawn[0]) == frames.writers[0].split("/")[1]
    assert frames.methods["classic"].shape == (8, 28, 28)


def test_frames_come_back_as_they_were(tmp_path: Path, drawings: list[Drawing]):
    sets = {
        "starter": preprocessed_drawings(STARTER, drawings, PLAIN, ["mnist_style", "classic"]),
        "mine": preprocessed_drawings(STARTER, [], PLAIN, ["classic"]),
    }
    write_preprocessed(tmp_path / "f.npz", sets)
    read = dict(read_preprocessed(tmp_path / "f.npz"))
    assert list(read) == ["starter", "mine"]
    for name, one in sets.items():
        for part in ("ids", "writers", "labels"):
            assert getattr(read[name], part).tolist() == getattr(one, part).tolist()
        assert list(read[name].methods) == list(one.methods)
        assert all(np.array_equal(read[name].methods[method], seen) for method, seen in one.methods.items())
    again = tmp_path / "again.npz"
    write_preprocessed(again, sets)
    assert again.read_bytes() == (tmp_path / "f.npz").read_bytes()  # DVC knows an output by its bytes


def test_corruption_frames_come_back_as_they_were_made(tmp_path: Path):
    rng = np.random.default_rng(2)
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, 5:23, 10:17] = rng.integers(100, 256, (10, 18, 7))
    parts = [preprocessed_corruptions(images, 1, name) for name in ("clean", "shear")]
    write_corruptions(tmp_path / "s.npz", np.arange(10), parts)
    labels, frames = read_corruptions(tmp_path / "s.npz")
    assert labels.tolist() == list(range(10))
    assert list(frames) == [("clean", 0), *(("shear", severity) for severity in range(1, 6))]
    for (name, severity), seen in frames.items():
        canvases = next(c for _, s, c in corrupted_canvases(images, 1, [name]) if s == severity)
        assert np.array_equal(seen, apply_method("classic", canvases))
        assert seen.any(axis=(1, 2)).all()


@pytest.mark.parametrize("reader", [lambda path: list(read_preprocessed(path)), read_corruptions])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, reader):
    again = rf"run `python src/preprocess\.py data={tmp_path.name}`"
    with pytest.raises(UserError, match=rf"{tmp_path / 'f.npz'}: not made yet; {again} first"):
        reader(tmp_path / "f.npz")
    write_preprocessed(
        tmp_path / "f.npz",
        {"x": preprocessed_digits(np.zeros((3, 28, 28), np.uint8), np.zeros(3, int), ["mnist_style"])},
    )
    whole = (tmp_path / "f.npz").read_bytes()
    (tmp_path / "f.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"f\.npz: cannot be read .*delete it and {again} again"):
        reader(tmp_path / "f.npz")


def test_drawings_are_found_by_id_in_any_order_and_missed_where_the_set_has_changed(tmp_path: Path):
    shutil.copytree(STARTER, tmp_path / "set")
    drawings = read_drawings(tmp_path / "set")
    ids = [drawings[5].id, drawings[2].id]
    expected = draw(STARTER, [drawings[5], drawings[2]], PLAIN)
    assert np.array_equal(canvases_of(ids, tmp_path / "set", PLAIN), expected)
    file = tmp_path / "set" / "drawings.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:5]))
    with pytest.raises(UserError, match=f"no drawing '{ids[0]}' any more"):
        canvases_of(ids, tmp_path / "set", PLAIN)


def test_a_set_is_parsed_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parsed = []
    monkeypatch.setattr(drawn_frames, "read_drawings", lambda folder: parsed.append(folder) or read_drawings(folder))
    starter = read_drawings(STARTER)[:3]
    write_drawings(tmp_path, starter)
    drawings_of({}, PLAIN, tmp_path).clear()  # a list of the caller's own
    assert drawings_of({}, SETS["mine"], tmp_path) == starter
    canvases_of([starter[1].id], tmp_path, PLAIN)
    assert parsed == [tmp_path]
    write_drawings(tmp_path, starter[:2])
    os.utime(tmp_path / "drawings.jsonl", ns=(0, 1))  # whatever the steps of the file system's clock
    assert drawings_of({}, PLAIN, tmp_path) == starter[:2]


def test_an_empty_set_is_a_set():
    empty = preprocessed_drawings(STARTER, [], PLAIN, ["mnist_style", "classic"])
    assert isinstance(empty, PreprocessedSet)
    assert empty.methods["classic"].shape == (0, 28, 28)
