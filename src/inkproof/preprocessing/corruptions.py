"""The corruptions: what can go wrong with a canvas, by name and in five severities.

Names are those of MNIST-C (Mu and Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019) where
the corruption is the same: `translate`, `scale`, `rotate`, `shear`, `shot_noise`. Severity 1 is hardly noticeable,
3 a plain defect of handwriting, phone or scanner. At 5 a person still recognizes nearly all digits.
"""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.data.splits import cut
from inkproof.preprocessing import stroke_corruptions as of_strokes
from inkproof.preprocessing.canvas import digit_canvas, ink_box
from inkproof.preprocessing.stroke_corruptions import SEVERITIES, Canvas, Corruption, graded, ink_mask
from inkproof.preprocessing.strokes import render

# Corruptions of the camera and of the paper.

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
    size = CANVAS_SIDE // _GRAIN
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
    """Pull all levels to their mean, until 70, 50, 34, 22 and 13% of the contrast are left: faint ink on gray.

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


_CENTERS = np.arange(CANVAS_SIDE) + 0.5 - CANVAS_SIDE / 2


@graded(0.12, 0.25, 0.40, 0.56, 0.72)
def uneven_ground(ink: Canvas, loss: float, rng: np.random.Generator) -> Canvas:
    """Let the light fall off across the canvas, in any direction, to 88, 75, 60, 44 and 28% at the far side."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.sin(angle) * _CENTERS, np.cos(angle) * _CENTERS
    reach = np.abs(y).max() + np.abs(x).max()
    shade = (loss * 0.5 * (1 + (y[:, None] + x) / reach)).astype(np.float32)
    # Bright paper darkens, its ink stays dark; on dark paper it is glare that brightens the ground.
    return np.rint(ink + (255 - ink) * shade).astype(np.uint8)


@graded((30, 1.0), (60, 1.3), (95, 1.7), (130, 2.2), (165, 3.0))
def grid_paper(ink: Canvas, lines: tuple[int, float], rng: np.random.Generator) -> Canvas:
    """Put squared paper under the digit: lines of 30, 60, 95, 130 and 165 gray levels, 1 to 3 pixels wide.

    The squares have 24 to 36 pixels, and the paper lies up to 3 degrees off the square.
    """
    level, width = lines
    pitch = rng.uniform(24, 36)
    angle = np.radians(rng.uniform(-3, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    ruled = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.float32)
    for y, x in ((cos, sin), (-sin, cos)):
        at = ((y * _CENTERS + rng.uniform(0, pitch))[:, None] + x * _CENTERS).astype(np.float32)
        away = np.abs(at - pitch * np.rint(at / pitch))
        np.maximum(ruled, np.clip(width / 2 + 0.5 - away, 0, min(1.0, width)), out=ruled)
    return np.maximum(ink, np.rint(level * ruled).astype(np.uint8))


@graded(10, 25, 45, 68, 95)
def stray_mark(ink: Canvas, length: float, rng: np.random.Generator) -> Canvas:
    """Leave a mark of the pen beside the digit: a curved stroke of 10, 25, 45, 68 and 95 pixels.

    Unlike `dotted_line` and `zigzag` of MNIST-C it does not cross the whole image: it starts in the widest
    margins and runs along the digit, which it may touch.
    """
    top, bottom, left, right = ink_box(ink_mask(ink))
    margins = np.array([top, CANVAS_SIDE - bottom, left, CANVAS_SIDE - right], np.float64)
    side = int(rng.choice(4, p=margins**2 / (margins**2).sum()))
    brush, start, angle, bend = rng.uniform((7, 0.15, -0.15, -0.002), (13, 0.85, 0.25, 0.006)).tolist()
    # Points three pixels apart, toward the farther end of the margin, where the longest mark has room.
    turn = angle + bend * np.arange(0, length, 3)
    along = CANVAS_SIDE * start + (3 if start < 0.5 else -3) * np.cumsum(np.cos(turn))
    inward = np.maximum(margins[side] / 2 + 3 * np.cumsum(np.sin(turn)), brush)
    across = CANVAS_SIDE - inward if side % 2 else inward
    points = np.stack((along, across) if side < 2 else (across, along), axis=1)
    return np.maximum(ink, render([points.tolist()], brush=brush, ink=int(ink.max()), ground=0))


# In the order of tables and figures.
_ALL: tuple[Corruption, ...] = (
    *(of_strokes.translate, of_strokes.scale, of_strokes.rotate, of_strokes.shear, of_strokes.cut_off),
    *(of_strokes.thin, of_strokes.thick, of_strokes.broken),
    *(uneven_ground, grid_paper, stray_mark, shot_noise, gaussian_noise, blur, low_contrast),
)
CORRUPTIONS = {corruption.__name__: corruption for corruption in _ALL}

CLEAN = "clean"
NAMES = (CLEAN, *CORRUPTIONS)


def corruption_sample(labels: NDArray[np.integer], count: int, seed: int) -> NDArray[np.intp]:
    """Return the indices, ascending, of `count` digits that hold each class in its share of `labels` (N,).

    All digits where there are no more than `count`.
    """
    return cut(labels, count, seed)[1] if count < len(labels) else np.arange(len(labels))


def corrupted_canvases(
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
