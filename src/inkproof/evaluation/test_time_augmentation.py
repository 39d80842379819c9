"""Test-time augmentation (TTA): the mean prediction for an image and for fixed, slightly moved copies of it."""

import keras
import numpy as np
from scipy.ndimage import affine_transform

from inkproof.models.loading import predict

# Degrees, zoom, shift right and down in pixels: less than what training distorts by, so that each shows the same digit.
TRANSFORMATIONS = (
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


def transformed(images: np.ndarray, degrees: float, zoom: float, right: float, down: float) -> np.ndarray:
    """Return `images` uint8 (N, 28, 28) rotated counterclockwise and magnified about their center, then moved."""
    if (degrees, zoom, right, down) == (0, 1.0, 0, 0):
        return images
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / zoom
    center = (np.array(images.shape[1:]) - 1) / 2
    offset = center - rotation @ np.add(center, (down, right))
    matrix = np.eye(3)
    matrix[1:, 1:] = rotation
    return affine_transform(images, matrix, (0, *offset), order=1)


def predict_tta(model: keras.Model, images: np.ndarray, tta: bool = True) -> np.ndarray:
    """Return the mean probabilities float32 (N, 10) over TRANSFORMATIONS of `images`, or theirs alone without `tta`."""
    if not tta:
        return predict(model, images)
    copies = (transformed(images, *one) for one in TRANSFORMATIONS)
    total = np.sum([predict(model, own) for own in copies], axis=0, dtype=np.float32)
    return np.asarray(total / len(TRANSFORMATIONS))
