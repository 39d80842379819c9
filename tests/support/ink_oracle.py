"""What Normalizer should return for a clean image, written once more with SciPy and distances."""

import numpy as np
from scipy import ndimage

from inkproof.preprocessing.canvas import area_means

FINE = 10  # pixels of the oracle's grid to one of the output
MARGIN = 4  # output pixels around the box


def crofton_perimeter(mask):
    """Length of the outline from how often lines in four directions cross it (Cauchy and Crofton)."""
    padded = np.pad(mask, 1).astype(int)
    straight = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    slanted = np.abs(padded[1:, 1:] - padded[:-1, :-1]).sum() + np.abs(padded[1:, :-1] - padded[:-1, 1:]).sum()
    return np.pi / 8 * (straight + slanted / np.sqrt(2))


def extent(inside):
    """(top, bottom, left, right) of a mask, ends excluded."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def oracle(image, thinnest, widest):
    """Preprocessed image uint8 (28, 28) of an image of clean ink on an even ground, uint8 (H, W)."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    ink = np.abs(image.astype(float) - np.median(border))
    top, bottom, left, right = extent(ink >= 0.25 * ink.max())
    pixel = max(bottom - top, right - left) / 20
    steps = np.arange(-MARGIN * FINE, (20 + MARGIN) * FINE + 1) * pixel / FINE
    strokes = area_means(np.rint(ink).astype(np.uint8), top + steps, left + steps) > ink.max() / 2
    width = 2 * strokes.sum() / crofton_perimeter(strokes) / FINE
    wanted = float(np.clip(width, thinnest, widest))
    zoom = (20 - wanted) / (20 - width)
    amount = FINE * (wanted / zoom - width) / 2
    away = ndimage.distance_transform_edt(~strokes) - ndimage.distance_transform_edt(strokes)
    changed = away + np.where(strokes, 0.5, -0.5) < amount
    # Unlike the layer, this looks where the changed ink ends.
    top, bottom, left, right = extent(changed)
    height, wide = bottom - top, right - left
    pixel = max(height, wide) / 20
    steps = np.arange(-14, 29) * pixel
    field = area_means(changed.astype(np.uint8), top + steps, left + steps)
    down, across = (round(14 - (center - 14)) for center in ndimage.center_of_mass(field))
    down = np.clip(down, 0, 28 - int(np.ceil(height / pixel - 0.05)))
    across = np.clip(across, 0, 28 - int(np.ceil(wide / pixel - 0.05)))
    return np.rint(255 * field[14 - down : 42 - down, 14 - across : 42 - across]).astype(np.uint8)
