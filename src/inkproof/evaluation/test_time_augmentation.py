"""Test-time augmentation: the mean answer to an image and to fixed, slightly moved views of it."""

import keras
import numpy as np
from scipy.ndimage import affine_transform

from inkproof.models.loading import predict

# Degrees, zoom, shift right and down in pixels: less than what training distorts by, so that every view is readable.
VIEWS = (
    (0, 1.0, 0, 0),
    (-6, 1.0, 0, 0),
    (6, 1.0, 0, 0),
    (0, 0.93, 0, 0),
    (0, 1.07, 0, 0),
    (0, 1.0, 1, 0),
    (0, 1.0, -1, 0),
    (0, 1.0, 0, 1),
    (0, 1.0, 0, -1),
)


def view(images: np.ndarray, degrees: float, zoom: float, right: float, down: float) -> np.ndarray:
    """Return `images` uint8 (N, 28, 28) turned counterclockwise and magnified about their center, then moved."""
    if (degrees, zoom, right, down) == (0, 1.0, 0, 0):
        return images
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / zoom
    center = (np.array(images.shape[1:]) - 1) / 2
    offset = center - turn @ np.add(center, (down, right))
    matrix = np.eye(3)
    matrix[1:, 1:] = turn
    return affine_transform(images, matrix, (0, *offset), order=1)


def predict_tta(model: keras.Model, images: np.ndarray, tta: bool = True) -> np.ndarray:
    """Return the mean probabilities float32 (N, 10) over all of VIEWS of `images`, or those of `images` alone."""
    if not tta:
        return predict(model, images)
    total = np.sum([predict(model, view(images, *how)) for how in VIEWS], axis=0, dtype=np.float32)
    return np.asarray(total / len(VIEWS))
