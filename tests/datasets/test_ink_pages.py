"""Pages for the mask network: each with the mask of its own ink, the same for any number of processes."""

import numpy as np
import pytest

from inkproof.datasets import ink_pages as module
from inkproof.datasets.ink_pages import InkPages, InkSources, ink_pages
from inkproof.synthetic.deform import paths_of
from inkproof.synthetic.paper import page
from support.ink_drawings import BY_DIGIT

STROKES = [[np.array(path, float) for path in BY_DIGIT[digit]] for digit in (1, 4, 7)]
NOTHING = InkSources(np.empty((0, 28, 28), np.uint8), [])


def digits() -> np.ndarray:
    """Two digits: an upright bar and a level one."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:24, 12:16] = images[1, 12:16, 4:24] = 255
    return images


SOURCES = InkSources(digits(), STROKES)


def equal(one: InkPages, other: InkPages) -> bool:
    return all(np.array_equal(ours, theirs) for ours, theirs in zip(one, other, strict=True))


def test_pages_are_the_same_for_any_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 8)
    alone, several = (ink_pages(SOURCES, 20, 5, workers) for workers in (1, 2))
    assert equal(alone, several)
    assert not equal(alone, ink_pages(SOURCES, 20, 6, 1))
    assert len({one.tobytes() for one in alone.pages}) == 20


@pytest.mark.parametrize("sources", [SOURCES, NOTHING], ids=["all", "glyph templates alone"])
def test_pages_and_masks_have_their_form(sources: InkSources) -> None:
    made = ink_pages(sources, 40, 1, 1)
    assert (made.pages.dtype, made.pages.shape) == (np.uint8, (40, 140, 140))
    assert (made.masks.dtype, made.masks.shape) == (np.uint8, (40, 70, 70))
    assert set(np.unique(made.masks)) == {0, 1}
    shares = made.masks.mean(axis=(1, 2))
    assert 0.02 < np.median(shares) < 0.3 and shares.max() < 0.7


def test_a_mask_is_where_the_ink_of_its_page_covers_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def kept(*arguments: object) -> object:
        drawn.append(page(*arguments))
        return drawn[-1]

    monkeypatch.setattr(module, "page", kept)
    made = ink_pages(SOURCES, 12, 3, 1)
    for one, image, mask in zip(drawn, made.pages, made.masks, strict=True):
        assert np.array_equal(one.image, image)
        for row, column in np.ndindex(70, 70):
            block = one.ink[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert mask[row, column] == (block.max() > 0.1)


def test_some_pages_have_no_ink_and_the_network_is_to_find_none() -> None:
    blank = ~ink_pages(SOURCES, 200, 2, 2).masks.any(axis=(1, 2))
    assert 0.005 < blank.mean() < 0.08


def test_ink_is_of_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = []
    monkeypatch.setattr(module, "digit_inked", lambda digit, rng: kinds.append("digit"))
    monkeypatch.setattr(module, "inked", lambda paths, rng: kinds.append(len(paths)))
    monkeypatch.setattr(module.glyph_templates, "drawing", lambda number, seed: glyph)
    glyph = type("Glyph", (), {"strokes": [[(0.0, 0.0), (1.0, 1.0)]] * 9})
    rng = np.random.default_rng(0)
    for _ in range(1000):
        SOURCES.ink(rng)
    shares = {kind: kinds.count(kind) / 1000 for kind in set(kinds)}
    assert shares["digit"] == pytest.approx(0.3, abs=0.05)
    assert shares[9] == pytest.approx(0.3, abs=0.05)  # strokes of the glyph template
    single = {len(strokes) for strokes in STROKES}
    assert sum(shares.get(count, 0) for count in single) > 0.25
    assert 9 not in {count for pair in single for count in (pair, 2 * pair)}
    assert any(kind not in (*single, 9, "digit") for kind in shares)  # numbers of two or three digits
    kinds.clear()
    for _ in range(50):
        NOTHING.ink(rng)
    assert set(kinds) == {9}


def test_a_batch_takes_few_of_many_sources() -> None:
    some = InkSources(np.repeat(digits(), 50, axis=0), STROKES * 30).some(np.random.default_rng(0), 8)
    assert (len(some.digits), len(some.strokes)) == (8, 8)
    assert len(SOURCES.some(np.random.default_rng(0), 8).digits) == 2


def test_strokes_of_a_drawing_are_paths_without_time_and_without_empty_ones() -> None:
    (path,) = paths_of([[(1.0, 2.0, 0.5), (3.0, 4.0, 0.6)], []])
    assert path.tolist() == [[1, 2], [3, 4]] and path.dtype == np.float64
