"""Drawings with other brushes, sizes and places: within their limits, on the canvas, and still the same digit."""

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes

from inkproof.synthetic.rerendered import Variation, deformed, rerendered_canvas

LIMITS = Variation(
    brush=(5, 40),
    size=(0.25, 1),
    own_size=0,
    boldest=(0.12, 0.32),
    pixels=0,
    pencil=(1, 1),
    at_edge=0,
    slant=12,
    rotation=10,
    stretch=(0.8, 1.25),
    bend=0.015,
)


def changed(**changes: Any) -> Variation:
    return Variation.model_validate(LIMITS.model_dump() | changes)


STEM = [[[100, 10, 0], [100, 250, 50]]]
SEVEN = [[[100, 100], [160, 104], [128, 190]], [[110, 150], [150, 148]]]


def many(limits: Variation, strokes: list[list[list[int]]], count: int = 150, label: int = 7) -> np.ndarray:
    return np.stack([rerendered_canvas(strokes, label, limits, np.random.default_rng([9, n])) for n in range(count)])


def extents(canvases: np.ndarray) -> np.ndarray:
    """Height and width (N, 2) of the ink."""
    inked = canvases < 128
    return np.array([[np.ptp(np.flatnonzero(ink.any(axis=axis))) + 1 for axis in (1, 0)] for ink in inked])


def test_brushes_and_sizes_fill_their_limits_and_go_together() -> None:
    height, brush = extents(many(LIMITS, STEM)).T  # the width of a stem's ink is its brush
    assert brush.min() < 8 and 30 < brush.max() <= 41
    assert 0.4 < (brush < np.sqrt(5 * 40)).mean() < 0.6, "log-uniform"
    side = height - brush
    assert 65 < side.min() < 100 and side.max() > 240
    share = brush / side
    assert 0.25 < share.max() < 0.34 and np.median(share) < 0.15


def test_no_brush_closes_a_loop() -> None:
    turns = np.linspace(0, 2 * np.pi, 40)
    narrow = [np.column_stack([20 * np.cos(turns), 100 * np.sin(turns)]).tolist()]
    limits = changed(brush=(40, 60))
    assert all((filled(canvas) - (canvas < 128)).any() for canvas in many(limits, narrow, 60, label=0))
    assert not all((filled(canvas) - (canvas < 128)).any() for canvas in many(limits, narrow, 60, label=7))
    limits = changed(pixels=1, pencil=(1, 3))
    assert all((filled(canvas) - (canvas < 128)).any() for canvas in many(limits, narrow, 60, label=0))


def filled(canvas: np.ndarray) -> np.ndarray:
    """The ink and what it encloses."""
    return binary_fill_holes(canvas < 128).astype(int)


def test_all_ink_lies_on_the_canvas_and_anywhere_on_it() -> None:
    canvases = many(LIMITS, SEVEN)
    edges = np.concatenate(
        [canvases[:, [0, -1]].reshape(len(canvases), -1), canvases[:, :, [0, -1]].reshape(len(canvases), -1)], axis=1
    )
    assert edges.min() == 255
    rows, columns = np.nonzero((canvases < 128).any(axis=2)), np.nonzero((canvases < 128).any(axis=1))
    for _, at in (rows, columns):
        assert at.min() < 15 and at.max() > 265


def test_a_share_keeps_the_size_it_was_written_in() -> None:
    def sides(own_size: float, written: float | None) -> np.ndarray:
        limits = changed(brush=(5, 5), size=(0.8, 1), own_size=own_size)
        rngs = (np.random.default_rng([8, n]) for n in range(80))
        return extents(np.stack([rerendered_canvas(SEVEN, 7, limits, rng, written) for rng in rngs])).max(axis=1) / 280

    assert sides(1, None).min() > 0.75  # not known
    assert sides(0, 0.4).min() > 0.75
    own = sides(1, 0.4)
    assert own.min() >= 0.4 / 1.2 and own.max() <= 0.4 * 1.2 + 7 / 280 and own.std() > 0.02
    assert 0.3 < (sides(0.5, 0.4) < 0.6).mean() < 0.7


def test_at_the_edge_a_brush_is_cut_in_half() -> None:
    limits = changed(brush=(20, 20), size=(1, 1), at_edge=1)
    (canvas,) = many(limits, STEM, 1)
    assert (canvas[[0, -1]] == 0).any(axis=1).all()


def test_single_pixels_are_black_blocks_on_white() -> None:
    canvases = many(changed(pixels=1), SEVEN, 40)
    assert set(np.unique(canvases)) == {0, 255}
    small = canvases[:, ::10, ::10]
    assert (canvases == small.repeat(10, axis=1).repeat(10, axis=2)).all()
    sides = extents(small).max(axis=1)
    assert 7 <= sides.min() <= 9 and sides.max() >= 26
    assert len({canvas.tobytes() for canvas in canvases}) > 35


def test_pencils_of_all_widths_are_used_and_stay_on_the_canvas() -> None:
    canvases = many(changed(pixels=1, pencil=(1, 3)), STEM, 200)
    small = canvases[:, ::10, ::10]
    assert (canvases == small.repeat(10, axis=1).repeat(10, axis=2)).all()
    # A stem of another number of pixels across was cut off at the edge.
    widths = (small == 0).any(axis=1).sum(axis=1)
    assert set(widths) == {1, 2, 3}
    assert 0.4 < (widths == 1).mean() < 0.6


def test_a_share_is_drawn_in_single_pixels() -> None:
    blocks = [set(np.unique(canvas)) == {0, 255} for canvas in many(changed(pixels=0.25), SEVEN, 200)]
    assert 0.15 < np.mean(blocks) < 0.35


def test_without_limits_nothing_is_deformed() -> None:
    still = changed(slant=0, rotation=0, stretch=(1, 1), bend=0)
    for path, stroke in zip(deformed(SEVEN, still, np.random.default_rng(1)), SEVEN, strict=True):
        assert path == pytest.approx(np.array(stroke))


def test_a_stem_leans_by_slant_and_rotation_and_no_more() -> None:
    limits = changed(bend=0)
    stems = [deformed(STEM, limits, np.random.default_rng(n))[0] for n in range(300)]
    lean = [np.degrees(np.arctan2(top[0] - foot[0], foot[1] - top[1])) for top, foot in stems]
    assert -22.5 < min(lean) < -17 and 17 < max(lean) < 22.5


def test_an_empty_stroke_and_a_tap_are_drawn_as_they_are() -> None:
    canvas = rerendered_canvas([[], [[5, 5, 1]], [[60, 90], [80, 70]]], 1, LIMITS, np.random.default_rng(3))
    assert (canvas == 0).any()
