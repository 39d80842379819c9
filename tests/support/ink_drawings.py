"""Ten digits as strokes, for tests of what becomes of them."""

from functools import cache

import numpy as np

from inkproof.preprocessing.strokes import render


def arc(x, y, rx, ry, start, end, steps=24):
    turns = np.radians(np.linspace(start, end, steps))
    return [(x + rx * np.cos(turn), y + ry * np.sin(turn)) for turn in turns]


# On 280 x 280 pixels, clear of the edges; tablet-like, with loops as open as people leave them.
BY_DIGIT = {
    0: [arc(140, 140, 42, 62, -90, 270)],
    1: [[(120, 100), (146, 78), (140, 204)]],
    2: [[*arc(138, 110, 36, 34, 190, 380), (110, 200), (182, 198)]],
    3: [[*arc(134, 106, 34, 30, 200, 440), *arc(134, 170, 40, 34, -70, 150)]],
    4: [[(150, 76), (98, 160), (186, 158)], [(160, 116), (152, 208)]],
    5: [[(112, 82), (106, 132), *arc(134, 164, 42, 38, -120, 140)], [(112, 82), (176, 80)]],
    6: [[(168, 76), *arc(136, 164, 36, 38, 180, 540)]],
    7: [[(96, 84), (182, 82), (130, 206)]],
    8: [[*arc(140, 108, 28, 28, 90, 450), *arc(140, 172, 34, 36, -90, 270)]],
    9: [[*arc(138, 112, 34, 34, 0, 360), (172, 112), (160, 206)]],
}


def drawn(digit, brush=14, **levels):
    return render(BY_DIGIT[digit], brush=brush, **levels)


def center_of_mass(image):
    ink = image.astype(float)
    return ink.sum(axis=1) @ np.arange(28) / ink.sum(), ink.sum(axis=0) @ np.arange(28) / ink.sum()


def nearest_shift(image, other):
    """Mean difference of two images; a center of mass half way between two pixels may be rounded to either."""
    moved = [np.roll(image.astype(int), (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return min(np.abs(one - other).mean() for one in moved)


@cache
def _of_canvases():
    import tensorflow as tf

    from inkproof.preprocessing.normalizer import Normalizer

    layer = Normalizer()
    return tf.function(layer, input_signature=[tf.TensorSpec((None, 280, 280), tf.uint8)])


def normalized(images, **switches):
    """Preprocessed images uint8 (N, 28, 28) of images (N, H, W)."""
    from inkproof.preprocessing.normalizer import Normalizer

    usual = not switches and images.dtype == np.uint8 and images.shape[1:] == (280, 280)
    layer = _of_canvases() if usual else Normalizer(**switches)
    return layer(images).numpy()[..., 0].astype(np.uint8)
