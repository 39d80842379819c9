"""The stress suite: canvases with faults of five severities, by names that say what is wrong.

Names are those of MNIST-C (Mu and Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019) where
the fault is the same: `translate`, `scale`, `rotate`, `shear`, `shot_noise`. Severity 1 is hardly noticeable,
3 a plain fault of hand, phone or scanner; at 5 a person still reads nearly all digits.
"""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.data.splits import cut
from inkproof.preprocessing.canvas import digit_canvas
from inkproof.preprocessing.image_corruptions import (
    SEVERITIES,
    Corruption,
    blur,
    gaussian_noise,
    grid_paper,
    low_contrast,
    shot_noise,
    stray_mark,
    uneven_ground,
)
from inkproof.preprocessing.stroke_corruptions import broken, cut_off, rotate, scale, shear, thick, thin, translate

# In the order of tables and figures.
CORRUPTIONS: dict[str, Corruption] = {
    "translate": translate,
    "scale": scale,
    "rotate": rotate,
    "shear": shear,
    "cut_off": cut_off,
    "thin": thin,
    "thick": thick,
    "broken": broken,
    "uneven_ground": uneven_ground,
    "grid_paper": grid_paper,
    "stray_mark": stray_mark,
    "shot_noise": shot_noise,
    "gaussian_noise": gaussian_noise,
    "blur": blur,
    "low_contrast": low_contrast,
}


__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption"]


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
    clean = np.empty((len(images), CANVAS_SIDE, CANVAS_SIDE), np.uint8)
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
