"""The ink mask: a small network that marks the ink of an image, its input, and the ink that its mask leaves."""

import zipfile
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from inkproof.preprocessing.canvas import MASK_FILE, MASK_SIDE
from inkproof.preprocessing.ground import without_noise
from inkproof.preprocessing.outline import square_maxima, strongest, yes
from inkproof.runtime.errors import UserError

NETWORK_SIDE = 140  # pixels along a side of the network's input

_LEAST_DEVIATION = 5.0  # gray levels, added to the standard deviation of a page: an even page is not divided by zero

# A pixel of the mask is ink from the second value on and ground up to the first. Between, its weight rises linearly.
_GROUND, _INK = 0.2, 0.5
# Ground is at least one pixel of the mask away from everything that may be ink.
_CLEAR = 0.3
# The level of the ground is a mean over so many pixels of the mask to each side (standard deviation). Where all
# around is ink, the mean over more of them stands in.
_NEAR, _FAR = 3.5, 16.0
_LITTLE = 1e-3
# Deviations of the ground below so many standard deviations are noise, in the ink, too, up to this share of it.
_NOISE, _MOST_NOISE = 1.5, 0.35
# Ink at full strength is so many times its mean level, weighted by its square, as in `normalizer`.
_FULL = 1.25
# Ink that differs from the ground by fewer gray levels is none.
_FAINTEST = 6.0


@cache
def trained_mask_network() -> keras.Model:
    """Return the committed mask network; raises UserError if it is missing or cannot be read."""
    try:
        return keras.saving.load_model(MASK_FILE, compile=False, safe_mode=True)
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, TypeError, LookupError) as error:
        reason = str(error).strip().partition("\n")[0]
        again = "restore it by git, or train it by `python src/preprocess.py mask`"
        raise UserError(f"{MASK_FILE}: no readable ink mask ({reason}); {again}") from error


def mask_network() -> keras.Model:
    """Return an untrained network of 198,529 weights, from (B, 140, 140, 1) to a mask (B, 70, 70, 1) in 0 to 1.

    Convolutions of four scales down and up again, each joined with its equal on the way (Ronneberger, Fischer and
    Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015). The mean over the whole image is
    added at the coarsest, so that each pixel knows what kind of page it lies on.
    """
    inputs = keras.Input((NETWORK_SIDE, NETWORK_SIDE, 1), name="page")
    halves = _convolution(_convolution(inputs, 16, 5, strides=2), 16)
    quarters = _convolution(_convolution(halves, 32, strides=2), 32)
    eighths = _convolution(_convolution(quarters, 48, strides=2), 48)
    x = _convolution(_convolution(eighths, 64, strides=2), 64, dilation_rate=2)
    whole = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Add()([x, layers.Conv2D(64, 1)(whole)])
    for scale, width in ((eighths, 48), (quarters, 32), (halves, 16)):
        x = _convolution(layers.Concatenate()([_doubled(x, scale.shape[1]), scale]), width)
    mask = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="mask")(x)
    return keras.Model(inputs, mask, name="ink_mask")


def _convolution(x: keras.KerasTensor, width: int, kernel: int = 3, **how: Any) -> keras.KerasTensor:
    return layers.Conv2D(width, kernel, padding="same", activation="relu", **how)(x)


def _doubled(x: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """Twice as large by linear interpolation, less what halving had rounded up."""
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    over = x.shape[1] - side
    return layers.Cropping2D(((0, over), (0, over)))(x) if over else x


def network_input(images: Any) -> Any:
    """Shrink images (B, H, W), 0 to 255, to (B, 140, 140, 1) of mean 0 and deviation 1; H and W are its multiples."""
    return standardized(_means(images, NETWORK_SIDE))


def standardized(pages: Any) -> Any:
    """Bring pages (B, 140, 140), 0 to 255, to mean 0 and deviation 1, an even page to zero: (B, 140, 140, 1)."""
    mean = ops.mean(pages, axis=(1, 2), keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(pages - mean), axis=(1, 2), keepdims=True))
    return ((pages - mean) / (deviation + _LEAST_DEVIATION))[..., None]


def ink_by_mask(images: Any, mask: Any) -> Any:
    """Return white ink on a black ground, at full strength, where the mask is.

    Args:
        images: float32 (B, H, W), 0 to 255, ink dark or light; H and W are multiples of 70.
        mask: float32 (B, 70, 70, 1), 0 to 1.

    Returns:
        float32 (B, H, W), 0 to 255; zero where the mask is empty or the ink stands out from the ground by nothing.
    """
    mask = mask[..., 0]
    side = images.shape[1]
    inside = ops.clip((_grown(mask, side) - _GROUND) * (1.0 / (_INK - _GROUND)), 0.0, 1.0)
    clear = yes(square_maxima(mask, 3) < _CLEAR)
    small = _means(images, MASK_SIDE)
    level = _ground(small, clear)
    away = images - _grown(level, side)
    strength = ops.sum(away * inside, axis=(1, 2), keepdims=True)
    ink = ops.relu(away * (1.0 - 2.0 * yes(strength < 0))) * inside
    square = ops.square(ink)
    mean = _total(square * ink) / ops.maximum(_total(square), 1e-3)
    noise = ops.sqrt(_total(_means(ops.square(away), MASK_SIDE) * clear) / ops.maximum(_total(clear), 1.0))
    ink = without_noise(ink, ops.minimum(_NOISE * noise, _MOST_NOISE * mean))
    full = ops.maximum(ops.minimum(_FULL * mean, strongest(ink)), 1.0)
    there = yes(mean >= _FAINTEST) * yes(strongest(mask) >= _INK)
    return ops.minimum(ink * (255.0 / full), 255.0) * there


def _ground(levels: Any, clear: Any) -> Any:
    """The level of the ground at each pixel of the mask, from those that are `clear`: (B, 70, 70)."""
    whole = _total(levels * clear) / ops.maximum(_total(clear), 1e-3)
    known, weight = _LITTLE**2 * whole, _LITTLE**2
    for reach, share in ((_FAR, _LITTLE), (_NEAR, 1.0)):
        rows = ops.convert_to_tensor(_gaussian(reach))
        known = known + share * ops.matmul(ops.matmul(rows, levels * clear), rows)
        weight = weight + share * ops.matmul(ops.matmul(rows, clear), rows)
    return known / weight


def _gaussian(deviation: float) -> np.ndarray:
    apart = np.arange(MASK_SIDE)[:, None] - np.arange(MASK_SIDE)[None, :]
    weights = np.exp(-0.5 * (apart / deviation) ** 2)
    return (weights / weights.sum(axis=1).max()).astype(np.float32)


def _grown(small: Any, side: int) -> Any:
    """Enlarge (B, 70, 70) to (B, side, side) by linear interpolation."""
    at = (np.arange(side) + 0.5) * MASK_SIDE / side - 0.5
    weights = np.maximum(0, 1 - np.abs(np.clip(at, 0, MASK_SIDE - 1)[:, None] - np.arange(MASK_SIDE)))
    rows = ops.convert_to_tensor(weights.astype(np.float32))
    return ops.matmul(ops.matmul(rows, small), ops.transpose(rows))


def _means(images: Any, side: int) -> Any:
    """Mean over each of `side` x `side` equal blocks, (B, H, W) to (B, side, side)."""
    height, width = images.shape[1:]
    bands = ops.sum(ops.reshape(images, (-1, side, height // side, width)), axis=2)
    blocks = ops.sum(ops.reshape(bands, (-1, side, side, width // side)), axis=3)
    return blocks * (side * side / (height * width))


def _total(values: Any) -> Any:
    return ops.sum(values, axis=(1, 2), keepdims=True)
