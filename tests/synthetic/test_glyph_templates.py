"""The glyph templates: balanced, repeatable, on the canvas, legible, and not those of the starter set."""

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.svm import SVC

from authored import DIGITS, parse_with_loops
from inkproof.data.digits import load_training
from inkproof.data.download import prepare
from inkproof.data.drawings import Drawing, read_drawings, write_drawings
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.synthetic import deform, glyph_templates
from inkproof.synthetic.glyph import arc, arc_length, curve, join, line, resample
from inkproof.synthetic.skeleton import smooth
from support.data_conf import published

pytestmark = pytest.mark.xdist_group("glyphs")  # one worker draws

FOLDER = Path(glyph_templates.__file__).parent
TEMPLATES = {
    (digit, name): template for digit in range(10) for name, template in glyph_templates.GLYPH_TEMPLATES[digit].items()
}


def middle(low: float, high: float) -> float:
    return (low + high) / 2


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    return glyph_templates.draw(600, seed=11)


@pytest.fixture(scope="module")
def others() -> list[Drawing]:
    return glyph_templates.draw(700, seed=12)


def strokes_of(drawing: Drawing) -> list[np.ndarray]:
    assert drawing.strokes
    return [np.array(stroke) for stroke in drawing.strokes]


def test_every_digit_is_drawn_as_often_as_the_others_and_by_all_its_templates(
    drawings: list[Drawing], others: list[Drawing]
) -> None:
    for drawn in (drawings, others):
        assert Counter(drawing.label for drawing in drawn) == dict.fromkeys(range(10), len(drawn) // 10)
    drawings = drawings + others
    assert {drawing.source for drawing in drawings} == {f"styles/{digit}-{name}" for digit, name in TEMPLATES}
    assert all(len(glyph_templates.GLYPH_TEMPLATES[digit]) >= 5 for digit in range(10))


def test_ids_are_unique_and_ten_digits_have_one_writer(drawings: list[Drawing]) -> None:
    assert len({drawing.id for drawing in drawings}) == len(drawings)
    assert drawings[0].id == "style-11-00000-0" and drawings[599].id == "style-11-00059-9"
    for number, drawing in enumerate(drawings):
        assert drawing.writer == f"style-11-{number // 10:05d}"
        assert (drawing.id, drawing.label) == (glyph_templates.name(number, 11), glyph_templates.label(number))


def test_the_seed_decides_every_drawing_and_the_count_none(drawings: list[Drawing], others: list[Drawing]) -> None:
    assert glyph_templates.draw(40, seed=11) == drawings[:40]
    assert glyph_templates.drawing(599, seed=11) == drawings[599]
    assert not [number for number in range(40) if others[number].strokes == drawings[number].strokes]


def test_no_two_drawings_are_alike(drawings: list[Drawing]) -> None:
    assert len({str(drawing.strokes) for drawing in drawings}) == len(drawings)


def test_all_points_lie_on_the_canvas_and_the_digit_fills_it(drawings: list[Drawing]) -> None:
    for drawing in drawings:
        points = np.concatenate(strokes_of(drawing))
        low, high = points.min(axis=0), points.max(axis=0)
        assert max(high - low) == pytest.approx(220, abs=0.1), drawing.id
        assert (low + high) / 2 == pytest.approx([140, 140], abs=0.1), drawing.id


def test_they_are_drawings_as_the_file_holds_them(drawings: list[Drawing], tmp_path: Path) -> None:
    write_drawings(tmp_path, drawings[:50])
    assert [(d.id, d.label) for d in read_drawings(tmp_path)] == [(d.id, d.label) for d in drawings[:50]]


def test_no_module_of_the_glyph_templates_opens_a_file() -> None:
    for path in [*FOLDER.glob("glyph*.py"), FOLDER / "deform.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Name | ast.Attribute):
                assert (node.id if isinstance(node, ast.Name) else node.attr) not in ("open", "read_text", "load")


def same_shape(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    """The largest distance between points equally far along, as a share of the digit's longer side."""
    if len(left) != len(right):
        return np.inf
    fitted = [
        [resample(path, arc_length(path)[-1] / 40)[:40] for path in deform.fit(each, 1)] for each in (left, right)
    ]
    return max(float(np.abs(a - b).max()) for a, b in zip(*fitted, strict=True))


@pytest.mark.parametrize("digit", range(10))
def test_no_template_is_one_of_the_starter_set(digit: int) -> None:
    starter = [[smooth(stroke) for stroke, _ in parse_with_loops(notation)] for notation in DIGITS[digit].values()]
    assert same_shape(starter[0], starter[0]) == 0
    for name, template in glyph_templates.GLYPH_TEMPLATES[digit].items():
        if (digit, name) == (1, "bare"):  # a straight line is one whoever draws it
            continue
        strokes = template.write(middle)
        assert min(same_shape(strokes, other) for other in starter) > 0.02, name


@pytest.mark.parametrize(("digit", "name"), TEMPLATES)
def test_a_template_has_no_jumps(digit: int, name: str) -> None:
    for path in TEMPLATES[digit, name].write(middle):
        assert np.isfinite(path).all() and len(path) > 5
        assert np.hypot(*np.diff(path, axis=0).T).max() < 0.03


def seen(drawings: list[Drawing]) -> np.ndarray:
    return blurred(apply_method("mnist_style", load_canvases(FOLDER, drawings, brush=32)))


def blurred(images: np.ndarray) -> np.ndarray:
    """Images for a classifier of few digits: coarse, and of equal weight, so that little hangs on stroke and place."""
    coarse = gaussian_filter(images.astype(float), (0, 2, 2))[:, ::2, ::2].reshape(len(images), -1)
    return coarse / np.linalg.norm(coarse, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def images_seen(drawings: list[Drawing]) -> np.ndarray:
    return seen(drawings)


def test_a_classifier_of_the_digits_of_13_people_classifies_most(
    drawings: list[Drawing], images_seen: np.ndarray, tmp_path: Path
) -> None:
    prepare(published("optdigits"), tmp_path)
    train, val = load_training(tmp_path)
    classifier = SVC(C=10).fit(blurred(train.images), train.labels)
    assert classifier.score(blurred(val.images), val.labels) > 0.95
    right = classifier.predict(images_seen) == [drawing.label for drawing in drawings]
    # Those people crossed few sevens and flagged few ones; a classifier that guessed would have one in ten.
    assert right.mean() > 0.7
    assert min(right[digit::10].mean() for digit in range(10)) > 0.35


def test_a_classifier_of_some_classifies_nearly_all_others(
    drawings: list[Drawing], images_seen: np.ndarray, others: list[Drawing]
) -> None:
    """Deformed so far that digits run into each other, they could not be classified."""
    classifier = SVC(C=10).fit(seen(others), [drawing.label for drawing in others])
    assert classifier.score(images_seen, [drawing.label for drawing in drawings]) > 0.95


# What deforms them.


def test_an_arc_turns_clockwise_for_rising_angles() -> None:
    path = arc((1, 2), (3, 1), 0, 90)
    assert path[0] == pytest.approx([4, 2]) and path[-1] == pytest.approx([1, 3])
    square = arc((0, 0), (1, 1), 0, 90, squareness=8)
    assert np.abs(square).max() <= 1 and np.hypot(*square.T).max() > 1.25


def test_a_curve_begins_and_ends_at_its_outer_controls_and_a_join_closes_gaps() -> None:
    path = curve((0, 0), (0, 1), (1, 1), (1, 0), (2, 0))
    assert path[0] == pytest.approx([0, 0]) and path[-1] == pytest.approx([2, 0])
    assert arc_length(join(line((0, 0), (1, 0)), line((1, 1), (0, 1))))[-1] == pytest.approx(3, abs=0.02)


def test_slant_leans_to_the_right_and_rotation_turns_clockwise() -> None:
    stem = [line((0, 0), (0, 1))]
    (slanted,) = deform.affine(stem, 20, 0, (1, 1))
    (turned,) = deform.affine(stem, 0, 20, (1, 1))
    for path in (slanted, turned):
        assert path[0][0] - path[-1][0] > 0.3  # the top, y = 0, lies to the right of the foot
    (wide,) = deform.affine([line((0, 0), (1, 0))], 0, 0, (1.4, 1))
    assert wide[-1] == pytest.approx([1.4, 0])


def test_bending_keeps_together_what_touches() -> None:
    rng = np.random.default_rng(2)
    cross = [line((0, 0.5), (1, 0.5)), line((0.5, 0), (0.5, 1))]
    moved = deform.bend(cross, 0.05, rng)
    gap = np.hypot(*(moved[0][:, None] - moved[1][None]).reshape(-1, 2).T).min()
    assert gap < 0.01
    displacement = np.concatenate(moved) - np.concatenate(cross)
    assert 0.01 < displacement.std() < 0.12


def test_rounding_cuts_a_corner_and_leaves_ends_and_straight_lines() -> None:
    corner = line((0, 0), (0.5, 0), (0.5, 0.5))
    rounded = deform.round_corners(corner, 0.05)
    assert rounded[[0, -1]] == pytest.approx(corner[[0, -1]], abs=1e-3)
    assert np.hypot(*(rounded - [0.5, 0]).T).min() > 0.02
    straight = line((0, 0), (0.7, 0.3))
    assert deform.round_corners(straight, 0.05) == pytest.approx(straight, abs=1e-3)


def test_shaking_has_the_size_asked_for() -> None:
    path = line((0, 0), (4, 0))
    moved = [deform.shake(path, 0.02, period, np.random.default_rng(1)) - path for period in (0.05, 0.35)]
    for noise in moved:
        assert 0.012 < noise.std() < 0.03
    quick, slow = (np.abs(np.diff(noise, axis=0)).mean() for noise in moved)
    assert quick > 4 * slow


def test_a_broken_stroke_is_two_with_a_gap() -> None:
    rng = np.random.default_rng(4)
    first, second = deform.break_up(line((0, 0), (1, 0)), 0.08, rng)
    assert second[0, 0] - first[-1, 0] == pytest.approx(0.08)
    assert len(deform.break_up(line((0, 0), (0.3, 0)), 0.08, rng)) == 1


def test_points_are_closer_where_the_path_bends() -> None:
    path = join(line((0, 0), (1, 0)), arc((1, 0.08), (0.08, 0.08), -90, 90), line((1, 0.16), (0, 0.16)))
    points = deform.sample(path, 0.06)
    gaps = np.array([np.hypot(*(b - a)) for a, b in pairwise(points)])
    middles = (points[:-1, 0] + points[1:, 0]) / 2
    assert gaps[middles < 0.8].mean() > 1.5 * gaps[middles > 1.02].mean()
    assert points[0] == pytest.approx(path[0]) and points[-1] == pytest.approx(path[-1])
