"""Each corruption does what its name says, more of it at each severity, to canvases of either polarity."""

import zlib

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from inkproof.data.optdigits import as_mnist
from inkproof.preprocessing.canvas import digit_canvas
from inkproof.preprocessing.corruptions import CORRUPTIONS, SEVERITIES
from inkproof.preprocessing.strokes import render

# Two digits a class.
DIGITS = [as_mnist(counts) for counts in load_digits().images[:20]]
NAMES = list(CORRUPTIONS)
# What is far from where it was is no less changed for being farther: their damage has measures of its own.
PLACED = {"translate", "scale", "cut_off"}
MNIST_C = {"translate", "scale", "rotate", "shear", "shot_noise"}


def rng(name: str = "", index: int = 0) -> np.random.Generator:
    return np.random.default_rng((zlib.crc32(name.encode()), index))


@pytest.fixture(scope="module")
def clean() -> list[np.ndarray]:
    return [digit_canvas(digit, rng("clean", i)) for i, digit in enumerate(DIGITS)]


@pytest.fixture(scope="module")
def suite(clean: list[np.ndarray]) -> dict[str, list[list[np.ndarray]]]:
    """By name, then severity from index 1, then digit; index 0 are the clean canvases."""
    return {
        name: [
            clean,
            *([corrupt(c, severity, rng(name, i)) for i, c in enumerate(clean)] for severity in SEVERITIES),
        ]
        for name, corrupt in CORRUPTIONS.items()
    }


def ink_of(canvas: np.ndarray) -> float:
    return float((255 - canvas.astype(float)).sum() / 255)


def center(canvas: np.ndarray) -> np.ndarray:
    return np.array(ndimage.center_of_mass(255.0 - canvas))


def box(canvas: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero((canvas < 128).any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def extent(canvas: np.ndarray) -> float:
    top, bottom, left, right = box(canvas)
    return max(bottom - top, right - left)


def covariance(canvas: np.ndarray) -> np.ndarray:
    weight = 255.0 - canvas
    y, x = np.mgrid[:280, :280]
    return np.cov(np.stack([y.ravel(), x.ravel()]), aweights=weight.ravel())


def pieces(canvas: np.ndarray) -> int:
    return int(ndimage.label(canvas < 128, np.ones((3, 3)))[1])


def holes(canvas: np.ndarray) -> int:
    return int(ndimage.label(canvas >= 128)[1]) - 1


def far_sighted(canvas: np.ndarray) -> np.ndarray:
    """Where a digit has moved away, only a blurred look sees how far."""
    return ndimage.gaussian_filter(canvas.reshape(28, 10, 28, 10).mean(axis=(1, 3)), 6)


def means(levels: list[list[np.ndarray]], measure) -> np.ndarray:
    return np.array([np.mean([measure(canvas) for canvas in canvases]) for canvases in levels])


def test_the_registry_is_whole_and_every_corruption_has_a_docstring() -> None:
    assert len(CORRUPTIONS) == 15
    assert set(CORRUPTIONS) >= MNIST_C
    for name, corrupt in CORRUPTIONS.items():
        assert corrupt.__name__ == name
        first, _, _ = (corrupt.__doc__ or "").partition("\n")
        assert first.endswith(".") or ":" in first, name
        assert ("`" + name + "` of MNIST-C" in (corrupt.__doc__ or "")) == (name in MNIST_C), name


@pytest.mark.parametrize("name", NAMES)
def test_shape_type_and_the_canvas_given_stay(name: str, clean: list[np.ndarray]) -> None:
    before = clean[0].copy()
    for severity in SEVERITIES:
        out = CORRUPTIONS[name](clean[0], severity, rng(name))
        assert out.dtype == np.uint8
        assert out.shape == (280, 280)
        assert not np.shares_memory(out, clean[0])
        assert out.flags.writeable
    assert np.array_equal(clean[0], before)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_decides_and_nothing_else(name: str, clean: list[np.ndarray]) -> None:
    first, again = (CORRUPTIONS[name](clean[3], 3, rng(name, 3)) for _ in range(2))
    assert np.array_equal(first, again)
    if name in {"scale", "thin", "thick", "blur", "low_contrast"}:
        others = [CORRUPTIONS[name](clean[3], 3, rng(name, i)) for i in range(8)]
        assert all(np.array_equal(first, other) for other in others)
    else:
        assert any(not np.array_equal(first, CORRUPTIONS[name](clean[3], 3, rng(name, i))) for i in range(4, 12))


@pytest.mark.parametrize("name", NAMES)
def test_damage_grows_with_severity(name: str, suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite[name]
    look = far_sighted if name in PLACED else np.float64
    references = [look(canvas) for canvas in levels[0]]
    damage = [
        np.mean([np.abs(look(canvas) - seen).mean() for canvas, seen in zip(canvases, references, strict=True)])
        for canvases in levels
    ]
    assert damage[0] == 0
    assert np.all(np.diff(damage) > 0), damage


@pytest.mark.parametrize("name", NAMES)
def test_ground_and_polarity_are_kept(name: str) -> None:
    dark = digit_canvas(DIGITS[2], rng("clean"), ink=255, paper=0)
    light = 255 - dark
    for severity in (1, 5):
        on_light, on_dark = (CORRUPTIONS[name](c, severity, rng(name)) for c in (light, dark))
        assert on_light.mean() > 110
        assert on_dark.mean() < 145
        if name != "shot_noise":  # whose noise grows with the light
            assert np.abs(on_light.astype(int) - (255 - on_dark.astype(int))).max() <= (
                1 if "noise" not in name else 255
            )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0, 20, 255])
def test_blanks_are_no_reason_to_fail(name: str, level: int) -> None:
    blank = np.full((280, 280), level, np.uint8)
    out = CORRUPTIONS[name](blank, 4, rng(name))
    assert out.shape == (280, 280)
    if name not in {"uneven_ground", "grid_paper", "shot_noise", "gaussian_noise"}:
        assert np.array_equal(out, blank)


@pytest.mark.parametrize("name", ["rotate", "broken", "blur"])
def test_wrong_arguments_are_rejected(name: str) -> None:
    canvas = np.full((280, 280), 255, np.uint8)
    for severity in (0, 6, -1):
        with pytest.raises(ValueError, match="severity"):
            CORRUPTIONS[name](canvas, severity, rng())
    with pytest.raises(ValueError, match="canvas"):
        CORRUPTIONS[name](canvas[:28, :28], 1, rng())
    with pytest.raises(ValueError, match="canvas"):
        CORRUPTIONS[name](canvas.astype(np.float32), 1, rng())


def test_translate_moves_the_same_digit_into_a_corner(suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite["translate"]
    moved = [[np.hypot(*(center(c) - center(o))) for c, o in zip(cs, levels[0], strict=True)] for cs in levels]
    assert np.all(np.diff(np.mean(moved, axis=1)) > 8)
    for canvas, original in zip(levels[5], levels[0], strict=True):
        top, bottom, left, right = box(canvas)
        assert min(top, 280 - bottom) == min(left, 280 - right) == 3
        assert ink_of(canvas) == pytest.approx(ink_of(original), rel=0.01)
    corners = {tuple((center(canvas) > 140).tolist()) for canvas in levels[5]}
    assert len(corners) == 4


def test_scale_shrinks_digit_and_strokes_about_its_middle(suite: dict[str, list[list[np.ndarray]]]) -> None:
    for level, factor in enumerate((0.85, 0.70, 0.55, 0.40, 0.25), start=1):
        for canvas, original in zip(suite["scale"][level], suite["scale"][0], strict=True):
            assert extent(canvas) == pytest.approx(factor * extent(original), abs=2.5)
            assert ink_of(canvas) == pytest.approx(factor**2 * ink_of(original), rel=0.03)
            middle, before = (np.array(box(c)).reshape(2, 2).mean(axis=1) for c in (canvas, original))
            assert np.abs(middle - before).max() <= 1.5


def test_scale_averages_what_it_has_no_pixels_for() -> None:
    lined = np.full((280, 280), 255, np.uint8)
    lined[60:220:4, 60:220] = lined[61:220:4, 60:220] = 0
    small = CORRUPTIONS["scale"](lined, 5, rng())[125:155, 125:155]
    assert np.ptp(small.astype(int)) < 60
    assert small.mean() == pytest.approx(127, abs=10)


def test_rotate_turns_by_its_angle(clean: list[np.ndarray]) -> None:
    bar = np.full((280, 280), 255, np.uint8)
    bar[60:220, 128:152] = 0
    directions = set()
    for severity, degrees in zip(SEVERITIES, (7, 14, 21, 28, 35), strict=True):
        for index in range(6):
            _, axes = np.linalg.eigh(covariance(CORRUPTIONS["rotate"](bar, severity, rng("rotate", index))))
            angle = np.degrees(np.arctan(axes[1, 1] / axes[0, 1]))
            assert abs(angle) == pytest.approx(degrees, abs=0.3)
            directions.add(np.sign(angle))
    assert directions == {-1, 1}


def test_shear_slants_and_keeps_rows(clean: list[np.ndarray]) -> None:
    bar = np.full((280, 280), 255, np.uint8)
    bar[60:220, 128:152] = 0
    for severity, slope in zip(SEVERITIES, (0.15, 0.30, 0.45, 0.60, 0.75), strict=True):
        slanted = CORRUPTIONS["shear"](bar, severity, rng("shear"))
        (yy, yx), _ = covariance(slanted)
        assert abs(yx / yy) == pytest.approx(slope, abs=0.01)
        assert box(slanted)[:2] == (60, 220)


@pytest.mark.parametrize("name", ["translate", "scale", "rotate", "shear"])
def test_geometry_loses_no_ink(name: str) -> None:
    """A cross from edge to edge would leave the canvas if it were only turned or slanted."""
    cross = np.full((280, 280), 255, np.uint8)
    cross[8:272, 250:272] = cross[8:30, 8:272] = 0
    for severity in SEVERITIES:
        out = CORRUPTIONS[name](cross, severity, rng(name))
        ring = np.concatenate([out[0], out[-1], out[:, 0], out[:, -1]])
        assert ring.min() == 255
        assert out.min() == 0


def test_cut_off_leaves_the_digit_at_one_edge_without_that_share(suite: dict[str, list[list[np.ndarray]]]) -> None:
    sides = set()
    for level, share in enumerate((0.04, 0.08, 0.12, 0.16, 0.20), start=1):
        for canvas, original in zip(suite["cut_off"][level], suite["cut_off"][0], strict=True):
            touched = [
                side for side, at in enumerate(zip(box(canvas), (0, 280, 0, 280), strict=True)) if at[0] == at[1]
            ]
            assert len(touched) == 1
            axis = touched[0] // 2
            length, before = (np.diff(np.array(box(c)).reshape(2, 2)[axis])[0] for c in (canvas, original))
            # Where the digit's outermost part is narrow, its next one may end a pixel earlier.
            assert length == pytest.approx((1 - share) * before, abs=2)
            sides.add(touched[0])
    assert len(sides) == 4


def test_thin_takes_ink_and_keeps_the_strokes_whole(suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite["thin"]
    share = means(levels, ink_of) / means(levels[:1], ink_of)
    assert np.all(np.diff(share) < -0.05)
    assert share[5] < 0.3
    for canvases in levels[1:]:
        whole = [
            pieces(canvas) <= pieces(original) and holes(canvas) >= holes(original)
            for canvas, original in zip(canvases, levels[0], strict=True)
        ]
        # Of twenty digits one has a loop closed but for a pixel.
        assert np.sum(whole) >= 19
        for canvas, original in zip(canvases, levels[0], strict=True):
            # No ink where there was none.
            assert (canvas >= original).all()


@pytest.mark.parametrize("brush", [8, 12, 24])
def test_thin_leaves_a_hairline_of_five_pixels(brush: int) -> None:
    thinner = CORRUPTIONS["thin"](render([[(80, 60), (190, 220)]], brush=brush), 5, rng())
    upright = np.cos(np.arctan2(110, 160))
    assert ink_of(thinner[100:180]) / 80 * upright == pytest.approx(5.5, abs=1)
    assert pieces(thinner) == 1
    assert (thinner[100:180].min(axis=1) < 10).all()


def test_thick_adds_half_its_pixels_on_either_side(suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite["thick"]
    for level, pixels in enumerate((3, 6, 9, 12, 16), start=1):
        for canvas, original in zip(levels[level], levels[0], strict=True):
            assert extent(canvas) - extent(original) == pytest.approx(pixels, abs=2.5)
            assert (canvas <= original).all()
    assert np.all(np.diff(means(levels, ink_of)) > 0)


def test_broken_leaves_more_pieces_where_the_strokes_were(suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite["broken"]
    assert np.all(np.diff(means(levels, pieces)) > 0.1)
    for canvases in levels[1:]:
        for canvas, original in zip(canvases, levels[0], strict=True):
            assert (canvas >= original).all()
            assert ink_of(canvas) > 0.6 * ink_of(original)


def test_uneven_ground_darkens_one_side_of_the_paper_and_leaves_the_ink(
    suite: dict[str, list[list[np.ndarray]]],
) -> None:
    for level, lit in enumerate((0.88, 0.75, 0.60, 0.44, 0.28), start=1):
        for canvas, original in zip(suite["uneven_ground"][level], suite["uneven_ground"][0], strict=True):
            corners = sorted(int(canvas[y, x]) for y in (0, -1) for x in (0, -1))
            assert corners[-1] >= 254
            assert corners[0] == pytest.approx(255 * lit, abs=2)
            assert (canvas[original == 0] == 0).all()


def test_grid_paper_rules_the_paper_and_leaves_the_ink(suite: dict[str, list[list[np.ndarray]]]) -> None:
    for level, gray in enumerate((30, 60, 95, 130, 165), start=1):
        for canvas, original in zip(suite["grid_paper"][level], suite["grid_paper"][0], strict=True):
            assert (canvas[original == 0] == 0).all()
            paper = canvas[original == 255]
            assert paper.min() == 255 - gray
            assert 0.5 < (paper == 255).mean() < 0.99
            # Lines in both directions: each row and each column crosses some.
            assert (canvas < 255).any(axis=0).all()
            assert (canvas < 255).any(axis=1).all()


def test_stray_mark_is_one_stroke_of_its_length_beside_the_digit(suite: dict[str, list[list[np.ndarray]]]) -> None:
    levels = suite["stray_mark"]
    added = means(levels, ink_of) - means(levels[:1], ink_of)
    # A brush of 7 to 13 pixels with round ends.
    for area, length in zip(added[1:], (10, 25, 45, 68, 95), strict=True):
        assert 6 * length < area < 14 * length + 150
    for canvas, original in zip(levels[2], levels[0], strict=True):
        assert (canvas <= original).all()
        assert pieces(canvas) <= pieces(original) + 1
    touching = [pieces(c) == pieces(o) for c, o in zip(levels[2], levels[0], strict=True)]
    assert np.mean(touching) < 0.2


def test_noise_has_the_deviation_it_should() -> None:
    gray = np.full((280, 280), 128, np.uint8)
    for severity, photons in zip((1, 2, 3), (60, 25, 12), strict=True):
        shot = CORRUPTIONS["shot_noise"](gray, severity, rng())
        assert shot.mean() == pytest.approx(128, abs=2)
        assert shot.std() == pytest.approx(255 * np.sqrt(128 / 255 / photons), rel=0.05)
    for severity, deviation in zip((1, 2, 3), (0.08, 0.12, 0.18), strict=True):
        normal = CORRUPTIONS["gaussian_noise"](gray, severity, rng())
        assert normal.mean() == pytest.approx(128, abs=2)
        assert normal.std() == pytest.approx(255 * deviation, rel=0.05)
        assert (normal[::2, ::2] == normal[1::2, 1::2]).all()
        assert (normal[:-2:2] == normal[2::2]).mean() < 0.1


def test_shot_noise_spares_the_dark() -> None:
    canvas = np.full((280, 280), 255, np.uint8)
    canvas[100:180, 100:180] = 0
    noisy = CORRUPTIONS["shot_noise"](canvas, 5, rng())
    assert (noisy[100:180, 100:180] == 0).all()
    assert noisy[canvas == 255].std() > 50


def test_blur_is_a_gaussian_of_its_deviation() -> None:
    edge = np.full((280, 280), 255, np.uint8)
    edge[:, :140] = 0
    for severity, deviation in zip(SEVERITIES, (3, 6, 9, 12, 15), strict=True):
        profile = np.diff(CORRUPTIONS["blur"](edge, severity, rng())[140].astype(float))
        x = np.arange(279)
        middle = (profile * x).sum() / profile.sum()
        assert middle == pytest.approx(139, abs=0.5)
        assert np.sqrt((profile * (x - middle) ** 2).sum() / profile.sum()) == pytest.approx(deviation, rel=0.08)


def test_blur_leaves_the_amount_of_ink(suite: dict[str, list[list[np.ndarray]]]) -> None:
    assert means(suite["blur"], ink_of) == pytest.approx(means(suite["blur"][:1], ink_of)[0], rel=0.02)


def test_low_contrast_keeps_its_share_of_the_range_and_the_mean(suite: dict[str, list[list[np.ndarray]]]) -> None:
    for level, share in enumerate((0.7, 0.5, 0.34, 0.22, 0.13), start=1):
        for canvas, original in zip(suite["low_contrast"][level], suite["low_contrast"][0], strict=True):
            assert np.ptp(canvas) == pytest.approx(255 * share, abs=1.1)
            assert canvas.mean() == pytest.approx(original.mean(), abs=0.6)
