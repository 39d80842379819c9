"""The authored drawings: the committed ones are what the program makes, and hold what they promise."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from authored import DIGITS, NOT_DIGITS, beside, not_digit_drawings, parse_with_loops, starter_drawings
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.runtime.paths import ROOT

STARTER = ROOT / "data" / "drawn" / "starter"
NOT_A_DIGIT = ROOT / "data" / "drawn" / "not_digits"


@pytest.fixture(scope="module")
def starter() -> list[Drawing]:
    return read_drawings(STARTER)


@pytest.fixture(scope="module")
def not_digits() -> list[Drawing]:
    return read_drawings(NOT_A_DIGIT)


@pytest.mark.parametrize(("folder", "make"), [(STARTER, starter_drawings), (NOT_A_DIGIT, not_digit_drawings)])
def test_committed_drawings_are_what_the_program_makes(
    folder: Path, make: Callable[[], Iterator[Drawing]], tmp_path: Path
) -> None:
    write_drawings(tmp_path, make())
    assert read_drawings(tmp_path) == read_drawings(folder), (
        "run `PYTHONPATH=src python data/drawn/authored.py`, or undo the edit"
    )


def test_every_digit_is_drawn_often_and_by_several_skeletons(starter: list[Drawing]) -> None:
    assert len(starter) >= 200
    counts = Counter(drawing.label for drawing in starter)
    assert sorted(counts) == list(range(10))
    assert min(counts.values()) >= 20
    for digit in range(10):
        sources = {drawing.source for drawing in starter if drawing.label == digit}
        assert sources == {f"authored/{digit}-{style}" for style in DIGITS[digit]}
        assert len(sources) >= 4


def test_ids_are_unique_and_name_digit_and_skeleton(starter: list[Drawing], not_digits: list[Drawing]) -> None:
    ids = [drawing.id for drawing in [*starter, *not_digits]]
    assert len(set(ids)) == len(ids)
    for drawing in starter:
        assert drawing.id.startswith(drawing.source.replace("authored/", "starter-"))
    for drawing in not_digits:
        assert drawing.id.startswith(drawing.source.replace("authored/", ""))


def test_not_digits_are_one_of_each_without_a_label(not_digits: list[Drawing]) -> None:
    assert [drawing.source for drawing in not_digits] == [f"authored/not-digit-{name}" for name in NOT_DIGITS]
    assert {drawing.label for drawing in not_digits} == {None}


def test_all_ink_stays_on_the_canvas(starter: list[Drawing], not_digits: list[Drawing]) -> None:
    brush = 20
    for drawing in [*starter, *not_digits]:
        assert drawing.canvas == (280, 280)
        assert drawing.strokes, drawing.id
        for x, y, _ in (point for stroke in drawing.strokes for point in stroke):
            assert brush / 2 <= x <= 280 - brush / 2, drawing.id
            assert brush / 2 <= y <= 280 - brush / 2, drawing.id


def test_points_come_as_a_device_reports_them(starter: list[Drawing]) -> None:
    for drawing in starter:
        assert drawing.strokes
        times = [point[2] for stroke in drawing.strokes for point in stroke]
        assert times[0] == 0
        assert times == sorted(set(times)), drawing.id
        for stroke in drawing.strokes:
            gaps = [math.dist(a[:2], b[:2]) for a, b in pairwise(stroke)]
            assert max(gaps) < 14, drawing.id
            assert sum(gaps) / len(gaps) > 3, drawing.id


def test_sizes_and_places_vary_as_people_draw(starter: list[Drawing]) -> None:
    heights, middles = [], []
    for drawing in starter:
        assert drawing.strokes
        ys = [point[1] for stroke in drawing.strokes for point in stroke]
        heights.append(max(ys) - min(ys))
        middles.append((max(ys) + min(ys)) / 2)
    assert min(heights) >= 85  # smaller, and a brush of 20 pixels fills every loop
    assert sum(height < 135 for height in heights) >= 25
    assert sum(height > 200 for height in heights) >= 25
    assert sum(abs(middle - 140) > 30 for middle in middles) >= 40


def test_digits_side_by_side_do_not_touch() -> None:
    (left, _), (right, closes) = parse_with_loops(beside("0,0 10,100!", "5,0 15,50 ~ 25,100", gap=24))
    assert left.points[:, 0].max() == 10
    assert right.points[:, 0].tolist() == [34, 44, 54]
    assert closes == 1
