"""The 1,797 real digits inside scikit-learn, brought to MNIST's size and place: no network needed.

They are the test half of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI, 1998), by 13
writers. A digit is given as 8 x 8 counts (0 to 16) of the inked pixels in the 4 x 4 blocks of a 32 x 32 bitmap.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import center_of_mass
from sklearn.datasets import load_digits

from inkproof.config.schema import Config, DataConfig, Natural
from inkproof.config.validation import validated
from inkproof.data.digits import IMAGE_SIDE, Digits, write_digits
from inkproof.data.download import validation_digits
from inkproof.data.splits import cut

BOX = 20
FULL = 16  # the count of a wholly inked block
FINE = 20  # fine pixels a block: the ink's edge is found on this grid, then averaged down
EDGE = 0.5  # how much of a block's area is inked where the edge of a stroke runs through its middle
STEEPNESS = 2.5  # of the edge; with this the share of gray pixels is that of MNIST


class OptdigitsSource(Config):
    """`source` of conf/data/optdigits.yaml: the number of test digits, and the seed of both cuts."""

    test: Natural
    split_seed: Natural


def prepare(data: DataConfig, out: Path, mirror: str | None) -> None:
    """Write `out/digits.npz` from the digits in scikit-learn; `mirror` is of no use here.

    `data` is `conf/data/optdigits.yaml`. First `test`, then `val` digits are cut off, stratified and seeded
    by `split_seed`. Raises UserError if they leave none to train on.
    """
    source = validated(OptdigitsSource, data.source.arguments, "data.source")
    published = load_digits()
    images = np.stack([as_mnist(counts) for counts in published.images])
    labels = published.target.astype(np.uint8)
    rest, test = cut(labels, source.test, source.split_seed)
    train, val = cut(labels[rest], validation_digits(data), source.split_seed)
    chosen = {"train": rest[train], "val": rest[val], "test": test}
    write_digits(out, {split: Digits(images[at], labels[at]) for split, at in chosen.items()})


def as_mnist(counts: np.ndarray) -> np.ndarray:
    """Return the digit of `counts` (8, 8), 0 to 16, as MNIST would have it: uint8 (28, 28), white on black.

    As for MNIST, the ink fills a 20 x 20 box at its own aspect ratio. Its center of mass is at the middle of the
    image, to the pixel. Between the blocks the ink is interpolated and its edge drawn at half cover: eight pixels
    scaled up as they are would be a blur that no pen leaves.
    """
    fine = _resized(np.pad(counts / FULL, 1), FINE * (len(counts) + 2), Image.Resampling.BICUBIC)
    ink = np.clip((fine - EDGE) * STEEPNESS + 0.5, 0, 1)
    rows, columns = (np.flatnonzero((ink > 0.1).any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * BOX / max(ink.shape))) for side in ink.shape)
    small = _resized(ink, (height, width), Image.Resampling.BOX)
    corner = np.rint(IMAGE_SIDE / 2 - np.array(center_of_mass(small))).astype(int)
    top, left = np.clip(corner, 0, IMAGE_SIDE - np.array(small.shape))
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE))
    image[top : top + height, left : left + width] = small
    return np.round(image * 255).astype(np.uint8)


def _resized(ink: np.ndarray, shape: int | tuple[int, int], how: Image.Resampling) -> np.ndarray:
    height, width = (shape, shape) if isinstance(shape, int) else shape
    image = Image.fromarray(np.ascontiguousarray(ink, np.float32))
    return np.clip(np.asarray(image.resize((width, height), how), np.float64), 0, 1)
