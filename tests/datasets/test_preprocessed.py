"""Preprocessed drawings and corruptions: who is in a set, how it is drawn, and files that are whole or rejected."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.data.archives import (
    PreprocessedSet,
    read_corruptions,
    read_preprocessed,
    write_corruptions,
    write_preprocessed,
)
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.data.pens import PensSource
from inkproof.datasets import preprocessed
from inkproof.datasets.preprocessed import (
    canvases_of,
    draw,
    drawings_of,
    preprocessed_corruptions,
    preprocessed_digits,
    preprocessed_drawings,
    preprocessed_ood,
)
from inkproof.preprocessing.corruptions import corrupted_canvases
from inkproof.preprocessing.methods import NORMALIZED_METHOD, apply_method
from inkproof.preprocessing.strokes import render_in_pixels
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.ood_samples import ood_samples

with composing() as compose:
    CONFIG = compose(PreprocessConfig, ("data=mnist",))
SETS, PENS = CONFIG.sets, CONFIG.pens
STARTER = ROOT / "data/drawn/starter"
PLAIN = SETS["starter"]


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """Ten digits, and between them one drawing that is none."""
    starter = read_drawings(STARTER)[:10]
    scribble = ood_samples(1, 3, starter, part="validation")[0]
    return [*starter[:5], scribble, *starter[5:]]


def test_only_labeled_drawings_are_preprocessed_in_their_order(drawings: list[Drawing]):
    made = preprocessed_drawings(STARTER, drawings, PLAIN, ["tutorial", "classic"])
    labeled = [drawing for drawing in drawings if drawing.label is not None]
    assert len(labeled) == 10
    assert made.ids.tolist() == [drawing.id for drawing in labeled]
    assert made.writers.tolist() == [drawing.writer for drawing in labeled]
    assert made.labels.tolist() == [drawing.label for drawing in labeled]
    canvases = draw(STARTER, labeled, PLAIN)
    assert list(made.methods) == ["tutorial", "classic"]
    for method, images in made.methods.items():
        assert np.array_equal(images, apply_method(method, canvases))


def test_a_set_is_drawn_as_its_rendering_says(drawings: list[Drawing]):
    labeled = [drawing for drawing in drawings if drawing.label is not None][:3]
    usual, thin, fat = (
        draw(STARTER, labeled, PLAIN.model_copy(update={"brush": brush})) for brush in (20.0, 8.0, 32.0)
    )
    inks = [(255 - canvases.astype(int)).sum() for canvases in (thin, usual, fat)]
    assert inks[0] < 0.6 * inks[1] < 0.6 * 0.8 * inks[2]
    assert np.array_equal(draw(STARTER, labeled, PLAIN.model_copy(update={"inverted": True})), 255 - usual)
    pixels = draw(STARTER, labeled, PLAIN.model_copy(update={"pixels": True}))
    small = render_in_pixels(labeled[1].strokes, labeled[1].canvas)
    assert np.array_equal(pixels[1], small.repeat(10, axis=0).repeat(10, axis=1))
    assert set(np.unique(pixels)) == {0, 255}


def test_an_image_cannot_be_drawn_in_single_pixels():
    image = Drawing(id="p-1", label=3, writer="me", source="x", canvas=(9, 9), strokes=None, created="", image="p.png")
    with pytest.raises(UserError, match="p-1: an image cannot be rendered in single pixels; give strokes"):
        draw(STARTER, [image], PLAIN.model_copy(update={"pixels": True}))


def test_a_set_has_the_writers_of_its_role(tmp_path: Path):
    roles = PensSource.model_validate(PENS.source.arguments).writers
    writers = [*roles.test, *roles.validation, "tra-01"]
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
        return [drawing.writer for drawing in drawings_of(PENS, SETS[name], tmp_path)]

    test = [name for name, one in SETS.items() if one.folder.endswith("pens") and name != "pens_validation"]
    assert test == ["pens", "pens_thin", "pens_fat", "pens_pixels", "pens_inverted"]
    for name in test:
        assert chosen(name) == list(roles.test)
    assert chosen("pens_validation") == list(roles.validation)
    assert chosen("mine") == writers


def test_digits_are_preprocessed_as_if_they_had_been_drawn():
    rng = np.random.default_rng(1)
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 6:22, 12:16] = rng.integers(128, 256, (3, 16, 4))
    made = preprocessed_digits(images, np.array([1, 1, 7], np.uint8), ["mnist_style"])
    assert made.labels.tolist() == [1, 1, 7]
    assert np.array_equal(made.methods["mnist_style"], apply_method("mnist_style", images.repeat(10, 1).repeat(10, 2)))


def test_out_of_distribution_samples_have_no_label_and_a_kind():
    drawn = ood_samples(8, 2, read_drawings(STARTER)[:20], part="test")
    made = preprocessed_ood(drawn, ["classic"])
    assert set(made.labels.tolist()) == {-1}
    assert len({source.split("/")[1] for source in made.writers}) > 1
    assert drawn[0].source == made.writers[0]
    assert made.methods["classic"].shape == (8, 28, 28)


def test_sets_come_back_as_they_were(tmp_path: Path, drawings: list[Drawing]):
    sets = {
        "starter": preprocessed_drawings(STARTER, drawings, PLAIN, ["mnist_style", "classic"]),
        "mine": preprocessed_drawings(STARTER, [], PLAIN, ["classic"]),
    }
    write_preprocessed(tmp_path / "f.npz", sets)
    back = dict(read_preprocessed(tmp_path / "f.npz"))
    assert list(back) == ["starter", "mine"]
    for name, one in sets.items():
        for part in ("ids", "writers", "labels"):
            assert getattr(back[name], part).tolist() == getattr(one, part).tolist()
        assert list(back[name].methods) == list(one.methods)
        assert all(np.array_equal(back[name].methods[method], images) for method, images in one.methods.items())
    again = tmp_path / "again.npz"
    write_preprocessed(again, sets)
    assert again.read_bytes() == (tmp_path / "f.npz").read_bytes()  # DVC knows an output by its bytes


def test_corruptions_come_back_as_they_were_made(tmp_path: Path):
    rng = np.random.default_rng(2)
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, 5:23, 10:17] = rng.integers(100, 256, (10, 18, 7))
    parts = [preprocessed_corruptions(images, 1, name) for name in ("clean", "shear")]
    write_corruptions(tmp_path / "s.npz", np.arange(10), parts)
    labels, writers, corrupted = read_corruptions(tmp_path / "s.npz")
    assert labels.tolist() == list(range(10)) and writers is None
    write_corruptions(tmp_path / "w.npz", np.arange(10), parts, np.arange(10) % 3)
    assert read_corruptions(tmp_path / "w.npz").writers.tolist() == [0, 1, 2] * 3 + [0]
    assert list(read_corruptions(tmp_path / "w.npz").images) == list(corrupted)
    assert list(corrupted) == [("clean", 0), *(("shear", severity) for severity in range(1, 6))]
    for (name, severity), seen in corrupted.items():
        canvases = next(c for _, s, c in corrupted_canvases(images, 1, [name]) if s == severity)
        assert np.array_equal(seen, apply_method(NORMALIZED_METHOD, canvases))
        assert seen.any(axis=(1, 2)).all()


@pytest.mark.parametrize("load", [lambda path: list(read_preprocessed(path)), read_corruptions])
def test_files_that_cannot_be_loaded_are_named(tmp_path: Path, load):
    again = rf"run `python src/preprocess\.py data={tmp_path.name}`"
    with pytest.raises(UserError, match=rf"{tmp_path / 'f.npz'}: not made yet; {again} first"):
        load(tmp_path / "f.npz")
    write_preprocessed(
        tmp_path / "f.npz",
        {"x": preprocessed_digits(np.zeros((3, 28, 28), np.uint8), np.zeros(3, int), ["mnist_style"])},
    )
    whole = (tmp_path / "f.npz").read_bytes()
    (tmp_path / "f.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"f\.npz: cannot be read .*delete it and {again} again"):
        load(tmp_path / "f.npz")


def test_drawings_are_found_by_id_in_any_order_and_missed_where_the_set_has_changed(tmp_path: Path):
    shutil.copytree(STARTER, tmp_path / "set")
    drawings = read_drawings(tmp_path / "set")
    ids = [drawings[5].id, drawings[2].id]
    expected = draw(STARTER, [drawings[5], drawings[2]], PLAIN)
    assert np.array_equal(canvases_of(ids, tmp_path / "set", PLAIN), expected)
    file = tmp_path / "set" / "drawings.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:5]))
    with pytest.raises(UserError, match=f"unknown drawing '{ids[0]}'; the set has changed"):
        canvases_of(ids, tmp_path / "set", PLAIN)


def test_a_set_is_parsed_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parsed = []
    monkeypatch.setattr(preprocessed, "read_drawings", lambda folder: parsed.append(folder) or read_drawings(folder))
    starter = read_drawings(STARTER)[:3]
    write_drawings(tmp_path, starter)
    drawings_of(PENS, PLAIN, tmp_path).clear()  # a list of the caller's own
    assert drawings_of(PENS, SETS["mine"], tmp_path) == starter
    canvases_of([starter[1].id], tmp_path, PLAIN)
    assert parsed == [tmp_path]
    write_drawings(tmp_path, starter[:2])
    os.utime(tmp_path / "drawings.jsonl", ns=(0, 1))  # whatever the steps of the file system's clock
    assert drawings_of(PENS, PLAIN, tmp_path) == starter[:2]


def test_an_empty_set_is_a_set():
    empty = preprocessed_drawings(STARTER, [], PLAIN, ["mnist_style", "classic"])
    assert isinstance(empty, PreprocessedSet)
    assert empty.methods["classic"].shape == (0, 28, 28)
