"""The ink mask: the ink that it leaves, and the images in tests/data/cases that the rules alone do not solve."""

import csv
from pathlib import Path

import numpy as np
import pytest

from inkproof.exporting.predictors import CanvasPredictor
from inkproof.inference.find_model import find_model
from inkproof.preprocessing.canvas import MASK_SIDE, to_canvas
from inkproof.preprocessing.ink_mask import ink_by_mask, mask_network, network_input
from inkproof.preprocessing.methods import apply_method
from support.ink_drawings import drawn

pytestmark = pytest.mark.xdist_group("tensorflow")
CASES = Path(__file__).parents[1] / "data" / "cases"
CANVAS = drawn(4)


def mask_of(canvas):
    """The mask that a perfect network would give for black ink on white."""
    block = len(canvas) // MASK_SIDE
    dark = (canvas < 200).reshape(MASK_SIDE, block, MASK_SIDE, block).any(axis=(1, 3))
    return dark.astype(np.float32)[None, :, :, None]


def ink_of(canvas, mask):
    return np.asarray(ink_by_mask(canvas[None].astype(np.float32), mask))[0]


def test_ink_is_white_on_black_whatever_the_polarity():
    dark, light = ink_of(CANVAS, mask_of(CANVAS)), ink_of(255 - CANVAS, mask_of(CANVAS))
    assert np.abs(dark - light).max() < 1
    assert dark.max() == pytest.approx(255) and np.abs(dark - (255 - CANVAS.astype(float))).mean() < 2


def test_what_is_outside_the_mask_is_ground_however_dark():
    framed = CANVAS.copy()
    framed[:, :6] = framed[:6] = 0
    ink, clean = ink_of(framed, mask_of(CANVAS)), ink_of(CANVAS, mask_of(CANVAS))
    assert not ink[:8].any() and not ink[:, :8].any()
    # What the frame does to the level of noise may take the faintest pixels of an edge, and nothing else.
    difference = np.abs(ink - clean)
    assert difference[clean > 128].max() < 3 and difference.mean() < 0.3


def test_an_uneven_ground_is_evened_out():
    shade = np.linspace(0.4, 1, 280)[None, :]
    ink = ink_of(np.rint(CANVAS * shade), mask_of(CANVAS))
    assert np.abs(ink - (255 - CANVAS.astype(float))).mean() < 6


def test_faint_ink_becomes_strong_and_no_ink_stays_none():
    faint = 255 - (255 - CANVAS.astype(np.float32)) * 0.15
    assert ink_of(faint, mask_of(CANVAS)).max() == pytest.approx(255)
    assert not ink_of(CANVAS, np.zeros((1, MASK_SIDE, MASK_SIDE, 1), np.float32)).any()
    assert not ink_of(np.full_like(CANVAS, 180), mask_of(CANVAS)).any()


def test_polarity_costs_the_network_nothing():
    page = np.asarray(network_input(np.stack([CANVAS, 255 - CANVAS]).astype(np.float32)))
    assert page.shape == (2, 140, 140, 1)
    assert np.abs(page[0] + page[1]).max() < 1e-3
    assert not np.asarray(network_input(np.full((1, 280, 280), 90, np.float32))).any()


def test_the_network_is_small():
    network = mask_network()
    assert network.count_params() <= 200_000
    assert network.output_shape == (None, MASK_SIDE, MASK_SIDE, 1)


def cases():
    with (CASES / "expected.csv").open(newline="") as file:
        return [(row["path"], row["label"]) for row in csv.DictReader(file)]


def test_the_pretrained_file_reads_every_case():
    predictor = CanvasPredictor(find_model())
    canvases = np.stack([to_canvas(CASES / path) for path, _ in cases()])
    found = predictor.predict(canvases)
    blank = ~found.seen.any(axis=(1, 2))
    read = ["no ink" if none else str(digit) for none, digit in zip(blank, found.probabilities.argmax(1), strict=True)]
    wrong = [(path, label, one) for (path, label), one in zip(cases(), read, strict=True) if one != label]
    assert wrong == []


def test_the_method_is_the_front_of_the_pretrained_file():
    canvases = np.stack([to_canvas(CASES / path) for path, _ in cases()[::8]])
    seen, alone = CanvasPredictor(find_model()).predict(canvases).seen, apply_method("learned", canvases)
    # The two graphs are converted apart, and a level may be rounded to either side.
    assert np.abs(seen.astype(int) - alone).max() <= 1
