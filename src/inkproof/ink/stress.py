"""Rendering the stress suite: a sample of digits as canvases, clean and under every corruption."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inkproof.ink.corruptions import CORRUPTIONS, SEVERITIES
from inkproof.ink.digit_canvas import digit_canvas
from inkproof.ink.strokes import SIDE
from inkproof.sources.splits import cut

CLEAN = "clean"
NAMES = (CLEAN, *CORRUPTIONS)


def stress_sample(labels: NDArray[np.integer], count: int, seed: int) -> NDArray[np.intp]:
    """Return the indices, ascending, of `count` digits that hold each class in its share of `labels` (N,).

    All digits where there are no more than `count`.
    """
    return cut(labels, count, seed)[1] if count < len(labels) else np.arange(len(labels))


def stress_canvases(
    images: NDArray[np.uint8], seed: int, names: Sequence[str] = NAMES
) -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
    """Yield (corruption, severity, canvases uint8 (N, 280, 280)): first ("clean", 0, ...), then all 75.

    `names` leaves out all others.

    Canvases are black on white and in the order of `images`, uint8 (N, 28, 28), white on black. What happens
    to a digit depends on `seed`, the corruption and its place in `images` alone. All severities of a
    corruption draw the same numbers, so that a mark only gets longer and a digit is turned further to the
    same side. One array of canvases takes 78 kB a digit; two exist at a time.
    """
    clean = np.empty((len(images), SIDE, SIDE), np.uint8)
    for index, image in enumerate(images):
        clean[index] = digit_canvas(image, _generator(seed, CLEAN, index))
    if CLEAN in names:
        yield CLEAN, 0, clean
    for name in (name for name in names if name != CLEAN):
        for severity in SEVERITIES:
            canvases = np.empty_like(clean)
            for index, canvas in enumerate(clean):
                canvases[index] = CORRUPTIONS[name](canvas, severity, _generator(seed, name, index))
            yield name, severity, canvases


def _generator(seed: int, name: str, index: int) -> np.random.Generator:
    # Python's own hash of a text differs from process to process.
    return np.random.default_rng((seed, zlib.crc32(name.encode()), index))
