"""Pages with known ink, on which the mask network is trained: ink of many sources by many tools, on generated paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import tally
from inkproof.synthetic import deform, glyph_templates
from inkproof.synthetic.inking import SIDE, Ink, digit_inked, inked
from inkproof.synthetic.ood_samples import row
from inkproof.synthetic.paper import page

_BATCH = 250  # pages at a time
# Coverage from which a pixel counts as ink, and the largest share of the sources of ink that each has.
_COVERED = 0.1
_DIGITS, _GLYPHS = 0.3, 0.3
# Shares of pages without ink, and of those with a number of two or three digits.
_BLANK, _NUMBER = 0.035, 0.06


class InkPages(NamedTuple):
    """N pages uint8 (N, 140, 140), and the masks uint8 (N, 70, 70) of their ink, 0 or 1."""

    pages: NDArray[np.uint8]
    masks: NDArray[np.uint8]


@dataclass(frozen=True)
class InkSources:
    """What is drawn on pages besides glyph templates.

    Attributes:
        digits: uint8 (N, 28, 28), white ink on black. Without any, there are more glyph templates.
        strokes: paths (N, 2) of each of several drawings. Without any, likewise.
    """

    digits: NDArray[np.uint8]
    strokes: Sequence[deform.Strokes]

    def ink(self, rng: np.random.Generator) -> Ink:
        """Draw something: float32 (140, 140)."""
        kind = rng.random()
        if kind < _DIGITS and len(self.digits):
            return digit_inked(self.digits[rng.integers(len(self.digits))], rng)
        if kind < _DIGITS + _GLYPHS or not self.strokes:
            return inked(deform.paths_of(glyph_templates.drawing(int(rng.integers(2**31)), 0).strokes or []), rng)
        if kind > 1 - _NUMBER:
            return inked(row(self.strokes, int(rng.integers(2, 4)))(rng), rng)
        return inked(self._any(rng), rng)

    def some(self, rng: np.random.Generator, most: int) -> "InkSources":
        """Return at most `most` of each, drawn by `rng`: what a batch needs is sent to the process that draws it."""
        digits = rng.permutation(len(self.digits))[:most]
        strokes = rng.permutation(len(self.strokes))[:most]
        return InkSources(self.digits[digits], [self.strokes[index] for index in strokes])

    def _any(self, rng: np.random.Generator) -> deform.Strokes:
        return self.strokes[int(rng.integers(len(self.strokes)))]


def ink_pages(sources: InkSources, count: int, seed: int, workers: int) -> InkPages:
    """Return `count` pages and their masks; the same for any number of `workers`, which are processes."""
    firsts = range(0, count, _BATCH)
    batches: list[Callable[[], InkPages]] = [
        partial(
            _drawn,
            sources.some(np.random.default_rng([seed, count, first]), _BATCH),
            range(first, min(first + _BATCH, count)),
            seed,
        )
        for first in firsts
    ]
    made = []
    with tally("ink mask: pages", count) as advance:
        for batch in in_order(batches, workers):
            made.append(batch)
            advance(len(batch.pages))
    return InkPages(*(np.concatenate(column) for column in zip(*made, strict=True)))


def _drawn(sources: InkSources, numbers: range, seed: int) -> InkPages:
    pages = np.empty((len(numbers), SIDE, SIDE), np.uint8)
    masks = np.empty((len(numbers), MASK_SIDE, MASK_SIDE), np.uint8)
    block = SIDE // MASK_SIDE
    for place, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        ink = np.zeros((SIDE, SIDE), np.float32) if rng.random() < _BLANK else sources.ink(rng)
        made = page(ink, rng, partial(sources.ink, rng))
        pages[place] = made.image
        masks[place] = (made.ink > _COVERED).reshape(MASK_SIDE, block, MASK_SIDE, block).any(axis=(1, 3))
    return InkPages(pages, masks)
