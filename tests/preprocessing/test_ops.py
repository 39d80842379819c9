"""The parts of Normalizer, each beside what SciPy or plain NumPy makes of the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from inkproof.preprocessing.canvas import area_means
from support.ink_drawings import BY_DIGIT, drawn

pytestmark = pytest.mark.xdist_group("tensorflow")

levels = st.integers(0, 255)
few = settings(max_examples=30)


def of_images(least, most):
    sides = st.integers(least, most)
    return st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint8, shape, elements=levels))


def batch(*images):
    return np.stack(images).astype(np.float32)


@few
@given(of_images(4, 40), st.floats(-30, 30), st.floats(0.2, 9), st.integers(1, 12))
def test_overlaps_are_area_means(image, low, step, count):
    from inkproof.preprocessing.normalizer import both_ways, overlaps

    height, width = image.shape
    edges = low + step * np.arange(count + 1)
    place, pitch = np.float32([[low]]), np.float32([[step]])
    found = both_ways(overlaps(place, pitch, count, height), batch(image), overlaps(place, pitch, count, width))
    assert np.abs(np.asarray(found)[0] - area_means(image, edges, edges)).max() < 0.1


@few
@given(st.integers(2, 30), st.integers(-20, 20))
def test_shifts_move_by_whole_pixels(size, by):
    from inkproof.preprocessing.normalizer import shifts

    line = np.arange(1, size + 1, dtype=np.float32)[None, :, None]
    moved = np.asarray(shifts(np.float32([[by]]), 28, size) @ line)[0, :, 0]
    expected = np.zeros(28)
    for index, value in enumerate(line[0, :, 0]):
        if 0 <= index + by < 28:
            expected[index + by] = value
    assert np.array_equal(moved, expected)


def test_triangles_keep_the_ink_and_interpolate():
    from inkproof.preprocessing.normalizer import triangles

    kernel = np.asarray(triangles(np.float32([[1], [3], [2.5]]), 40))
    assert np.array_equal(kernel[0], np.eye(40))
    assert np.abs(kernel[1:, 10:30].sum(axis=2) - 1).max() < 0.05
    blocks = np.repeat(np.arange(12.0), 3)
    inside = (kernel[1, :36, :36] @ blocks)[6:30]
    assert np.abs(np.diff(inside, 2)).max() < 1e-4  # a straight line, without steps


@few
@given(arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 50)), elements=levels), st.integers(1, 255))
def test_the_extent_is_from_the_first_to_the_last(rows, least):
    from inkproof.preprocessing.normalizer import extent

    first, length = (np.asarray(part)[:, 0] for part in extent(rows.astype(np.float32), np.float32([[least]])))
    for index, row in enumerate(rows):
        found = np.flatnonzero(row >= least)
        expected = (found[0], found[-1] - found[0] + 1) if len(found) else (0, len(row))
        assert (first[index], length[index]) == expected


@few
@given(of_images(4, 40), st.sampled_from([1, 3, 5, 9, 17]))
def test_maxima_and_sums_over_squares(image, side):
    from inkproof.preprocessing.outline import dilated, square_maxima, square_sums

    grid = batch(image)
    around = ndimage.grey_dilation(image, size=(side, side), mode="constant", cval=0)
    assert np.array_equal(np.asarray(square_maxima(grid, side))[0], around)
    sums = ndimage.convolve(image.astype(float), np.ones((side, side)), mode="constant")
    assert np.allclose(np.asarray(square_sums(grid, side))[0], sums, rtol=1e-5)
    cross = ndimage.grey_dilation(image, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]], mode="constant", cval=0)
    assert np.array_equal(np.asarray(dilated(grid, square=False))[0], cross)
    square = ndimage.grey_dilation(image, size=(3, 3), mode="constant", cval=0)
    assert np.array_equal(np.asarray(dilated(grid))[0], square)


@few
@given(of_images(1, 300))
def test_cells_average_and_act_on_their_own_pixels(image):
    from inkproof.preprocessing.ground import cell_means, cell_size, on_cells

    size = cell_size(batch(image))
    assert size == -(-max(image.shape) // 56)
    rows, columns = (-(-side // size) for side in image.shape)
    edges = (size * np.arange(count + 1.0) for count in (rows, columns))
    means = np.asarray(cell_means(batch(image)))
    assert np.allclose(means[0], area_means(image, *edges), atol=0.01)
    added = np.asarray(on_cells(np.add, batch(image), means))[0]
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    assert np.allclose(added, image + means[0][y // size, x // size])


@few
@given(of_images(1, 90))
def test_the_ground_is_the_median_of_the_border(image):
    from inkproof.preprocessing.ground import flat_ground

    height, width = image.shape
    rows, columns = max(1, height // 28), max(1, width // 28)
    inside = np.zeros(image.shape, bool)
    inside[rows : height - rows, columns : width - columns] = True
    border = np.sort(image[~inside])
    if height >= 2 * rows and width >= 2 * columns:
        assert np.asarray(flat_ground(batch(image)))[0, 0, 0] == border[(len(border) - 1) // 2]


@pytest.mark.parametrize("digit", [1, 8])
@pytest.mark.parametrize("at_the_edge", [False, True])
def test_a_bent_ground_is_found_under_the_ink(digit, at_the_edge):
    from inkproof.preprocessing.ground import bent_ground, flat_ground

    y, x = np.mgrid[:280, :280] / 140 - 1
    ground = 190 + 25 * x - 20 * y + 10 * x * y - 8 * (x * x + y * y)
    ink = np.roll(drawn(digit, 24), -66 if at_the_edge else 0, 0) / 255
    image = batch(np.rint(ground * (0.2 + 0.8 * ink)))
    level = flat_ground(image)
    assert np.abs(np.asarray(bent_ground(image, level))[0] - ground).max() < 12
    even = batch(drawn(digit, 24))
    assert np.all(np.asarray(bent_ground(even, flat_ground(even))) == flat_ground(even))


def test_shadows_are_what_scipys_opening_leaves():
    from inkproof.preprocessing.ground import without_shadows

    ink = 255.0 - drawn(4, 20)
    assert np.array_equal(np.asarray(without_shadows(batch(ink), 255.0))[0], ink)
    shadow = np.zeros((280, 280))
    shadow[60:, 100:] = 50
    both = np.maximum(ink, shadow)
    means = both.reshape(56, 5, 56, 5).mean(axis=(1, 3))
    opened = ndimage.grey_dilation(ndimage.grey_erosion(np.pad(means, 8), (17, 17)), (17, 17))[8:-8, 8:-8]
    expected = np.maximum(both - np.kron(opened, np.ones((5, 5))), 0)
    found = np.asarray(without_shadows(batch(both), np.float32(255)))[0]
    assert np.abs(found - expected).max() < 0.01
    assert found[200:270, 230:270].max() < 0.01 and ink[150, 140] == both[150, 140]


@pytest.mark.parametrize("noise", [0, 4, 15])
def test_the_noise_is_measured_at_the_border_without_the_ink(noise):
    from inkproof.preprocessing.ground import noise_floor

    away = np.random.default_rng(0).normal(0, noise, (280, 280)) - (255.0 - drawn(0, 20))
    moved = np.roll(away, 75, 0)  # the digit touches the edge
    for image in (away, moved):
        assert np.asarray(noise_floor(batch(image)))[0, 0, 0] == pytest.approx(3 * noise, rel=0.1)


def test_specks_go_and_strokes_stay():
    from inkproof.preprocessing.ground import without_specks

    for digit in BY_DIGIT:
        ink = 255.0 - drawn(digit, 12)
        marked = ink.copy()
        marked[20:26, 20:25] = 255  # small and alone
        marked[250, 250] = 255  # a lone pixel
        marked[10:20, 240:260] = 255
        cleaned = np.asarray(without_specks(batch(ink, marked), np.float32([[[255]]])))
        assert np.array_equal(cleaned[0], ink)
        assert np.array_equal(cleaned[1], ink)
    in_two = 255.0 - drawn(5, 12)
    in_two[90:120] = 0  # the top stroke of a five, apart and the smaller part
    assert ndimage.label(in_two > 128)[1] == 2
    assert np.array_equal(np.asarray(without_specks(batch(in_two), np.float32(255)))[0], in_two)
    alone = np.zeros((280, 280))
    alone[100:108, 50:56] = 255  # a small digit, and nothing else
    assert np.array_equal(np.asarray(without_specks(batch(alone), np.float32(255)))[0], alone)


@pytest.mark.parametrize("brush", [4, 8, 16, 24])
@pytest.mark.parametrize("digit", [0, 2, 7])
def test_the_width_of_strokes_is_that_of_the_brush(digit, brush):
    from inkproof.preprocessing.outline import stroke_width

    measured = np.asarray(stroke_width(batch(255.0 - drawn(digit, brush)) / 255))[0, 0]
    assert measured == pytest.approx(brush, rel=0.15)
    assert np.asarray(stroke_width(np.zeros((1, 9, 9), np.float32)))[0, 0] == 0


def test_staircases_differ_from_curves_and_soft_pixels():
    from inkproof.preprocessing.outline import stairs
    from inkproof.preprocessing.strokes import render_in_pixels

    smooth = np.stack([(255 - drawn(digit, 20)) / 255 for digit in (0, 2, 3, 6, 8, 9)])[:, 60:220, 60:220]
    assert max(part.numpy().max() for part in stairs(smooth.astype(np.float32), 6)) < 0.2
    hard = np.stack([1 - render_in_pixels(strokes) / 255 for strokes in BY_DIGIT.values()])
    blocks = np.kron(hard, np.ones((1, 3, 3))).astype(np.float32)
    assert min(part.numpy().min() for part in stairs(blocks, 3)) == 1
    soft = ndimage.gaussian_filter(hard, (0, 0.7, 0.7)) * 1.8
    stepped, still_hard = stairs(np.kron(np.minimum(soft, 1), np.ones((1, 3, 3))).astype(np.float32), 3)
    assert np.median(stepped) > 0.9 and still_hard.numpy().max() < 0.2


@pytest.mark.parametrize("amount", [-3.0, -1.5, 0.0, 1.0, 2.5, 4.0])
def test_an_outline_moves_as_far_as_the_distances(amount):
    from inkproof.preprocessing.outline import with_outline_moved

    for digit in (0, 2, 7):
        strokes = drawn(digit, 24)[50:230, 60:220][::2, ::2] < 128
        away = ndimage.distance_transform_edt(~strokes) - ndimage.distance_transform_edt(strokes)
        expected = np.clip(amount + 0.5 - (away + np.where(strokes, 0.5, -0.5)), 0, 1)
        shape = np.pad(batch(strokes), ((0, 0), (0, 10), (0, 20)))
        still = np.float32([[0]])
        moved = np.asarray(with_outline_moved(shape, shape, np.float32([[amount]]), still, 6))[0, :90, :80]
        length = (np.abs(away) == 1).sum() / 2
        assert abs(moved.sum() - expected.sum()) < 0.35 * length
        assert (np.abs(moved - expected) > 0.9).mean() < 0.02


@pytest.mark.parametrize("hole", [1, 2, 4, 6])
def test_a_hole_never_closes_and_a_line_never_breaks(hole):
    from inkproof.preprocessing.outline import with_outline_moved

    y, x = np.mgrid[:60, :60] - 30
    ring = (np.abs(np.hypot(y, x) - 6 - hole) <= 6).astype(np.float32)
    line = np.zeros((60, 60), np.float32)
    line[20:40, 5:25] = line[30 - hole // 2 : 30 - hole // 2 + hole, 5:55] = 1
    shapes, amounts = np.stack([ring, line]), np.float32([[6], [-6]])
    moved = np.asarray(with_outline_moved(shapes, shapes, amounts, 0 * amounts, 6))
    assert ndimage.label(moved[0] < 0.5, np.ones((3, 3)))[1] == 2
    assert moved[0].sum() > ring.sum()
    assert ndimage.label(moved[1] > 0.5, np.ones((3, 3)))[1] == 1
    assert (moved[1] > 0.5)[:, 28:50].any(axis=0).all()
    assert moved[1].sum() < line.sum()
