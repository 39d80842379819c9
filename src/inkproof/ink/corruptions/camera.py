"""Corruptions of camera and scanner: noise, a lens out of focus, too little contrast."""

import numpy as np
from PIL import Image, ImageFilter

from inkproof.ink.corruptions.grading import Canvas, graded
from inkproof.ink.strokes import SIDE

# A sensor's pixel in pixels of the canvas: a digit is a small part of a photo. Noise of single canvas pixels would
# be averaged away on the way to 28 x 28.
_GRAIN = 2


@graded(60, 25, 12, 6, 3, of="light")
def shot_noise(canvas: Canvas, photons: int, rng: np.random.Generator) -> Canvas:
    """Count light in few photons: 60, 25, 12, 6 and 3 where it is white; bright paper suffers, dark ink hardly.

    `shot_noise` of MNIST-C (60, 25, 12, 5, 3), with grains of 2 x 2 pixels.
    """
    counts = rng.poisson(_grains(canvas) * (photons / 255)).astype(np.float32)
    return _with_noise(canvas, counts * (255 / photons) - _grains(canvas))


@graded(0.08, 0.12, 0.18, 0.26, 0.38, of="light")
def gaussian_noise(canvas: Canvas, deviation: float, rng: np.random.Generator) -> Canvas:
    """Add normal noise with a standard deviation of 8, 12, 18, 26 and 38% of white, in grains of 2 x 2 pixels.

    The deviations are those of `gaussian_noise` in ImageNet-C and in MNIST-C's code.
    """
    size = SIDE // _GRAIN
    return _with_noise(canvas, rng.standard_normal((size, size), np.float32) * np.float32(255 * deviation))


@graded(3.0, 6.0, 9.0, 12.0, 15.0, of="light")
def blur(canvas: Canvas, deviation: float, rng: np.random.Generator) -> Canvas:
    """Blur by a Gaussian of 3, 6, 9, 12 and 15 pixels standard deviation, a third to two times a digit's pixel.

    Neither `glass_blur` nor `motion_blur` of MNIST-C: what lies out of focus is blurred evenly.
    """
    # Mirrored paper around it, or the edge of the canvas would count for too much.
    around = int(3 * deviation)
    wide = Image.fromarray(np.pad(canvas, around, mode="edge")).filter(ImageFilter.GaussianBlur(deviation))
    return np.array(wide)[around:-around, around:-around]


@graded(0.7, 0.5, 0.34, 0.22, 0.13, of="light")
def low_contrast(canvas: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Pull all levels to their mean, until 70, 50, 34, 22 and 13% of the contrast are left: faint ink on grey.

    `contrast` of ImageNet-C, where it goes down to 5%.
    """
    return np.rint(canvas.mean() * (1 - share) + canvas * np.float32(share)).astype(np.uint8)


def _grains(canvas: Canvas) -> np.ndarray:
    return canvas[::_GRAIN, ::_GRAIN].astype(np.float32)


def _with_noise(canvas: Canvas, noise: np.ndarray) -> Canvas:
    grown = np.repeat(np.repeat(noise, _GRAIN, axis=0), _GRAIN, axis=1)
    grown += canvas
    np.clip(grown, 0, 255, out=grown)
    return np.rint(grown, out=grown).astype(np.uint8)
