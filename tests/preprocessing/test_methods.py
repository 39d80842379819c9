"""The methods: what each does to polarity, place, size and noise, and that `mnist` gives MNIST back."""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkproof.preprocessing import methods
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.methods import METHODS, NORMALIZED_METHOD, apply_method
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError

pytestmark = pytest.mark.xdist_group("tensorflow")  # for the methods `classic` and `learned`

SEVEN = [[(100, 100), (160, 104), (128, 190)], [(110, 150), (150, 148)]]


def center_of_mass(output):
    ink = output.astype(float)
    return ink.sum(axis=1) @ np.arange(28) / ink.sum(), ink.sum(axis=0) @ np.arange(28) / ink.sum()


def box(output, level=64):
    rows, columns = np.flatnonzero((output >= level).any(axis=1)), np.flatnonzero((output >= level).any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def shifted(strokes, x, y, scale=1.0):
    return [[(px * scale + x, py * scale + y) for px, py in stroke] for stroke in strokes]


def method(name, canvas):
    return apply_method(name, canvas[None])[0]


def test_the_methods_have_their_names():
    ours = ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic", NORMALIZED_METHOD)
    assert tuple(name for name in METHODS if name in ours) == ours  # in this order, whatever was added


def test_one_function_adds_a_method(monkeypatch):
    monkeypatch.setattr(methods, "METHODS", dict(METHODS))

    @methods.method
    def corner(canvas):
        return canvas[:28, :28]

    canvases = np.stack([np.full((280, 280), level, np.uint8) for level in (3, 200)])
    assert apply_method("corner", canvases).max(axis=(1, 2)).tolist() == [3, 200]
    assert list(methods.METHODS) == [*METHODS, "corner"]


@pytest.mark.parametrize("image", [np.zeros((14, 14), np.uint8), np.zeros((28, 28))])
def test_a_method_that_returns_another_size_or_type_is_named(monkeypatch, image):
    monkeypatch.setitem(METHODS, "small", lambda canvas: image)
    with pytest.raises(UserError, match=r"^the preprocessing method small returns .*; expected uint8 \(28, 28\)$"):
        apply_method("small", np.zeros((1, 280, 280), np.uint8))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_canvases_one_by_one(name):
    canvases = np.stack([render(SEVEN), render(shifted(SEVEN, 30, 40)), render([])])
    outputs = apply_method(name, canvases)
    assert outputs.shape == (3, 28, 28)
    assert outputs.dtype == np.uint8
    assert np.array_equal(outputs[1], method(name, canvases[1]))
    assert apply_method(name, canvases[:0]).shape == (0, 28, 28)


def test_tutorial_inverts_whatever_it_is_given_and_averages():
    canvas = np.random.default_rng(3).integers(0, 256, (280, 280), dtype=np.uint8)
    means = (255 - canvas.astype(float)).reshape(28, 10, 28, 10).mean(axis=(1, 3))
    assert np.abs(method("tutorial", canvas) - means).max() <= 0.5
    white_on_black = render(SEVEN, ink=255, ground=0)
    assert method("tutorial", white_on_black)[0, 0] == 255


@pytest.mark.parametrize("name", ["polarity", "center_of_mass", "mnist_style", "classic", "learned"])
@pytest.mark.parametrize("ground", [255, 230, 180])
def test_both_polarities_give_the_same_white_on_black(name, ground):
    dark_on_light = render(SEVEN, ink=20, ground=ground)
    output = method(name, dark_on_light)
    assert np.abs(output - method(name, 255 - dark_on_light).astype(int)).max() <= (
        name == "learned"
    )  # a level between two
    assert output[0, 0] == (255 - ground if name == "polarity" else 0)
    assert output.max() > 150


def test_a_hairline_around_the_paper_does_not_turn_the_polarity():
    canvas = render(SEVEN)
    canvas[[0, -1]] = 0
    canvas[:, [0, -1]] = 0
    assert method("polarity", canvas)[14, 0] < 30


@settings(max_examples=50)
@given(st.integers(-85, 105), st.integers(-85, 75))
def test_mnist_style_does_not_see_the_place_of_the_digit(x, y):
    assert np.array_equal(method("mnist_style", render(shifted(SEVEN, x, y))), method("mnist_style", render(SEVEN)))


@settings(max_examples=30)
@given(st.floats(0.5, 2.0))
def test_mnist_does_not_see_the_size_of_the_digit(scale):
    canvas = render(shifted(SEVEN, 140 - 130 * scale, 140 - 145 * scale, scale), brush=16 * scale)
    output = method("mnist_style", canvas)
    # A center of mass half way between two pixels may be rounded to either.
    moved = [np.roll(output.astype(int), (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(np.abs(one - method("mnist_style", render(SEVEN, brush=16))).mean() for one in moved) < 6


@settings(max_examples=50)
@given(st.lists(st.lists(st.tuples(st.floats(20, 260), st.floats(20, 260)), min_size=1, max_size=4), min_size=1))
def test_mnist_fits_twenty_pixels_and_centers_the_mass(strokes):
    output = method("mnist_style", render(strokes))
    height, width = box(output)
    assert 19 <= max(height, width) <= 21
    y, x = center_of_mass(output)
    # Where centring would push the box over the edge it stays inside, and is off center by that much.
    assert abs(y - 14) <= 0.6 or output[0].any() or output[-1].any()
    assert abs(x - 14) <= 0.6 or output[:, 0].any() or output[:, -1].any()


def test_a_heavy_end_does_not_push_the_rest_out_of_the_image():
    # A pin: nearly all its mass is in the head, far from its box's middle.
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[40:100, 100:180] = 0
    canvas[100:240, 138:142] = 0
    output = method("mnist_style", canvas)
    assert box(output, level=20)[0] == 20
    assert output[-1].any() and not output[:7].any()


def test_mnist_keeps_the_aspect_ratio():
    height, width = box(method("mnist_style", render([[(60, 140), (220, 140)]], brush=40)), level=128)
    assert (height, width) == (4, 20)


@pytest.mark.parametrize("level", [0, 13, 128, 255])
@pytest.mark.parametrize("name", ["polarity", "center_of_mass", "mnist_style", "classic", "learned"])
def test_a_blank_canvas_gives_a_blank(name, level):
    output = method(name, np.full((280, 280), level, np.uint8))
    assert np.unique(output).tolist() == [min(level, 255 - level) if name == "polarity" else 0]


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-60, 30), (70, -85)])
def test_center_of_mass_does_not_see_the_place_of_the_digit(x, y):
    moved = method("center_of_mass", render(shifted(SEVEN, x, y)))
    assert np.array_equal(moved, method("center_of_mass", render(SEVEN)))


def test_center_of_mass_leaves_fifteen_pixels_of_the_canvas_around_the_square():
    # A square of 100: its middle, 101 pixels and one more to be even, and 15 on each side make 132.
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[60:161, 90:191] = 0
    output = method("center_of_mass", canvas)
    assert box(output, level=128) == (22, 22)
    assert np.sqrt(output.sum() / 255) == pytest.approx(28 * 101 / 132, rel=0.02)
    assert all(abs(place - 13.5) < 0.3 for place in center_of_mass(output))


def test_center_of_mass_brings_the_center_of_mass_half_way():
    # A heavy head on a thin leg, 201 pixels from end to end.
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[40:100, 110:170] = 0
    canvas[100:241, 138:143] = 0
    center = (60 * 60 * 69.5 + 141 * 5 * 170) / (60 * 60 + 141 * 5)
    padded = 202 + 30 + int(140 - center)
    y, x = center_of_mass(method("center_of_mass", canvas))
    assert y == pytest.approx(13.5 - 28 / padded * (140 - center) / 2, abs=0.4)
    assert x == pytest.approx(13.5, abs=0.15)


def test_center_of_mass_keeps_a_small_digit_small_and_one_at_the_edge_whole():
    dot = render([[(140, 140)]], brush=10)
    assert box(method("center_of_mass", dot), level=100)[0] <= 6
    edge = np.roll(render(SEVEN, brush=30), -85, 0)
    assert (edge[0] < 128).any()
    assert box(method("center_of_mass", edge))[0] > 15


def test_paper_with_noise_alone_is_blank_to_mnist():
    noise = np.random.default_rng(1).integers(-10, 11, (280, 280))
    assert not method("mnist_style", (235 + noise).astype(np.uint8)).any()


def test_faint_noise_around_the_ink_does_not_move_the_box():
    clean = render(SEVEN)
    noise = np.random.default_rng(2).integers(-25, 1, (280, 280))
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    assert np.abs(method("mnist_style", noisy).astype(int) - method("mnist_style", clean)).mean() < 12
    assert box(method("mnist_style", noisy), 100) == box(method("mnist_style", clean), 100)


def test_an_unknown_method_lists_the_choices():
    with pytest.raises(
        ValueError,
        match=f"'digit': unknown method; choose one of {', '.join(METHODS)}",
    ):
        apply_method("digit", np.zeros((1, 280, 280), np.uint8))


@pytest.mark.parametrize(
    "wrong", [np.zeros((280, 280), np.uint8), np.zeros((1, 280, 280)), np.zeros((1, 28, 28), np.uint8)]
)
def test_what_is_no_stack_of_canvases_is_rejected(wrong):
    with pytest.raises(ValueError, match="canvases"):
        apply_method("mnist_style", wrong)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_quick(name):
    canvases = np.stack([render(SEVEN)] * 5)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        apply_method(name, canvases)
        times.append((time.perf_counter() - began) / 5)
    # 0.35 ms for mnist on the machine it was written on; so few canvases cost `classic` more than its own 2 ms.
    assert min(times) < (0.05 if name in ("classic", "learned") else 0.002)


@pytest.mark.slow
@pytest.mark.skipif("INKPROOF_MIRROR" not in os.environ, reason="needs MNIST in the folder INKPROOF_MIRROR")
def test_mnist_itself_comes_back_unchanged():
    file = Path(os.environ["INKPROOF_MIRROR"]) / "mnist" / "t10k-images-idx3-ubyte.gz"
    images = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)[:3000]
    outputs = np.concatenate([apply_method("mnist_style", to_canvas(255 - image)[None]) for image in images])
    same = (outputs == images).all(axis=(1, 2))
    assert same.mean() >= 0.999


def test_two_methods_of_one_name_are_refused() -> None:
    def tutorial(canvas: np.ndarray) -> np.ndarray:
        return canvas[:28, :28]

    before = METHODS["tutorial"]
    with pytest.raises(UserError, match="two preprocessing methods are called tutorial"):
        methods.method(tutorial)
    assert METHODS["tutorial"] is before
