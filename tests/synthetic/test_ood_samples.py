"""Out-of-distribution samples: seeded, by kind, and never the same shapes for validation and for test."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from authored import NOT_DIGITS
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.preprocessing.canvas import load_canvases
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.ood_samples import KINDS, LETTERS, PARTS, SHAPES, ood_samples

pytestmark = pytest.mark.xdist_group("ood")  # one worker draws

LOOK_ALIKES = set("OoDQIliZzYySsbGBgq")


def kind_of(drawing: Drawing) -> str:
    return drawing.source.split("/")[1]


@pytest.fixture(scope="module")
def threes() -> list[Drawing]:
    """Digits of a single unbroken stroke each, so that pieces of ink can be counted."""
    drawings = read_drawings(ROOT / "data" / "drawn" / "starter")
    return [drawing for drawing in drawings if drawing.label == 3]


@pytest.fixture(scope="module", params=PARTS)
def drawn(request: pytest.FixtureRequest, threes: list[Drawing]) -> list[Drawing]:
    return ood_samples(300, 5, threes, part=request.param)


def test_every_kind_comes_equally_often_and_no_drawing_has_a_label(drawn: list[Drawing]) -> None:
    assert Counter(map(kind_of, drawn)) == dict.fromkeys(KINDS, 60)
    assert {drawing.label for drawing in drawn} == {None}


def test_same_seed_same_drawings_and_a_smaller_count_the_first_of_them(threes: list[Drawing]) -> None:
    assert ood_samples(40, 5, threes) == ood_samples(60, 5, threes)[:40]
    others = ood_samples(40, 6, threes)
    same = [a.strokes == b.strokes for a, b in zip(ood_samples(40, 5, threes), others, strict=True) if a.strokes]
    assert not any(same)


def test_the_parts_share_nothing_but_the_blank_and_the_row_of_digits(threes: list[Drawing]) -> None:
    names = [{drawing.source for drawing in ood_samples(500, 1, threes, part=part)} for part in PARTS]
    assert names[0] & names[1] == {"ood_sample/blank/blank", "ood_sample/digits/two", "ood_sample/digits/three"}
    for templates in (LETTERS, SHAPES):
        notations = [set(templates[part].values()) for part in PARTS]
        assert not notations[0] & notations[1]


def test_both_cases_of_a_letter_are_in_one_part_and_look_alikes_in_none() -> None:
    parts = [{letter.lower() for letter in LETTERS[part]} for part in PARTS]
    assert not parts[0] & parts[1]
    everything = {letter for part in PARTS for letter in LETTERS[part]}
    assert not everything & LOOK_ALIKES
    assert len(everything) >= 30


def test_no_skeleton_is_one_of_the_committed_drawings() -> None:
    own = {notation for templates in (LETTERS, SHAPES) for part in PARTS for notation in templates[part].values()}
    assert not own & set(NOT_DIGITS.values())


def test_all_ink_of_a_brush_of_20_pixels_stays_on_the_canvas(drawn: list[Drawing]) -> None:
    for drawing in drawn:
        points = np.array([point for stroke in drawing.strokes or [] for point in stroke])
        assert points.size == 0 or (points.min() >= 10 and points.max() <= 270), drawing.source


def test_a_blank_is_blank_and_a_near_blank_nearly(drawn: list[Drawing]) -> None:
    blanks = [drawing for drawing in drawn if kind_of(drawing) == "blank"]
    inked = (load_canvases(Path(), blanks) < 128).mean(axis=(1, 2))
    for drawing, share in zip(blanks, inked, strict=True):
        assert (share == 0) == (drawing.source == "ood_sample/blank/blank") == (drawing.strokes == [])
        assert share < 0.03, drawing.source


def test_several_digits_are_that_many_pieces_side_by_side(drawn: list[Drawing]) -> None:
    rows = [drawing for drawing in drawn if kind_of(drawing) == "digits"]
    for drawing, canvas in zip(rows, load_canvases(Path(), rows, 12.0), strict=True):
        _, pieces = ndimage.label(canvas < 128, structure=np.ones((3, 3)))
        assert pieces == {"two": 2, "three": 3}[drawing.source.rpartition("/")[2]], drawing.id


def test_digits_come_from_those_handed_in(threes: list[Drawing]) -> None:
    straight = Drawing("one", 1, "w", "s", (280, 280), [[[140, 40], [140, 140], [140, 240]]], None, "2026-01-01")
    two = [d for d in ood_samples(60, 2, [straight, *unusable()]) if d.source == "ood_sample/digits/two"]
    assert two
    for drawing in two:
        for stroke in drawing.strokes or []:
            points = np.array(stroke)
            ends = points[-1] - points[0]
            across = abs(np.cross(np.append(ends, 0), np.c_[points - points[0], np.zeros(len(points))])[:, 2])
            assert across.max() / np.linalg.norm(ends) < 0.2  # an upright line stays a line


def unusable() -> list[Drawing]:
    """What has no strokes or no label cannot be composed of."""
    return [
        Drawing("p", 4, "w", "s", (280, 280), None, "p.png", "2026-01-01"),
        Drawing("n", None, "w", "s", (280, 280), [[[0, 0], [90, 20], [40, 200]]], None, "2026-01-01"),
        Drawing("e", 8, "w", "s", (280, 280), [], None, "2026-01-01"),
    ]


def test_they_can_be_written_and_read_like_any_set(drawn: list[Drawing], tmp_path: Path) -> None:
    write_drawings(tmp_path, drawn)
    assert read_drawings(tmp_path) == drawn


def test_what_cannot_be_drawn_is_rejected(threes: list[Drawing]) -> None:
    with pytest.raises(ValueError, match="part"):
        ood_samples(5, 0, threes, part="training")
    with pytest.raises(ValueError, match="at least one labeled digit"):
        ood_samples(5, 0, unusable())
