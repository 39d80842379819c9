"""Preprocessed images of drawings, digits and their corruptions, as src/preprocess.py makes them."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inkproof.config.schema import DataConfig
from inkproof.config.stages import Rendering
from inkproof.data.archives import PreprocessedSet
from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE, FILE_NAME, Drawing, read_drawings
from inkproof.data.pens import of_role
from inkproof.data.splits import spread
from inkproof.preprocessing.canvas import block_canvases, load_canvases, to_canvas
from inkproof.preprocessing.corruptions import corrupted_canvases
from inkproof.preprocessing.methods import NORMALIZED_METHOD, apply_method
from inkproof.preprocessing.strokes import render_in_pixels
from inkproof.runtime.errors import UserError

_BATCH = 250  # canvases at a time, 78 kB each


def drawings_of(pens: DataConfig, rendering: Rendering, folder: Path) -> list[Drawing]:
    """Return the drawings of the set in `folder` by the writers of the rendering's role, which `pens` lists.

    If there are more than `rendering.most`, they are so many of them, evenly spread.
    """
    drawings = list(_set(folder))
    if rendering.role is not None:
        drawings = of_role(drawings, pens, rendering.role)
    return [drawings[index] for index in spread(len(drawings), rendering.most or len(drawings))]


def draw(folder: Path, drawings: Sequence[Drawing], rendering: Rendering) -> NDArray[np.uint8]:
    """Return canvases uint8 (N, 280, 280) of drawings of the set in `folder`, drawn as `rendering` sets.

    `pixels` draws strokes straight into 28 x 28 with hard one-pixel lines, as Paint does, and `inverted` draws white
    ink on black. Raises UserError if an image cannot be read.
    """
    if rendering.pixels:
        canvases = np.empty((len(drawings), CANVAS_SIDE, CANVAS_SIDE), np.uint8)
        for index, drawing in enumerate(drawings):
            if drawing.strokes is None:
                raise UserError(
                    f"{drawing.id}: an image cannot be rendered in single pixels; give strokes, or leave this set out"
                )
            canvases[index] = to_canvas(render_in_pixels(drawing.strokes, drawing.canvas))
    else:
        canvases = load_canvases(folder, drawings, rendering.brush)
    return 255 - canvases if rendering.inverted else canvases


def canvases_of(ids: Sequence[str] | NDArray[np.str_], folder: Path, rendering: Rendering) -> NDArray[np.uint8]:
    """Return canvases uint8 (N, 280, 280) of the drawings of the set in `folder` with these ids; see `draw`.

    Raises UserError if the set no longer has one of them: the preprocessed images are of other drawings then.
    """
    by_id = {drawing.id: drawing for drawing in _set(folder)}
    try:
        drawings = [by_id[str(one)] for one in ids]
    except KeyError as error:
        raise UserError(
            f"{folder}: unknown drawing {error}; the set has changed, run `dvc repro` or "
            "`python src/preprocess.py` again"
        ) from None
    return draw(folder, drawings, rendering)


def _set(folder: Path) -> tuple[Drawing, ...]:
    """The drawings of the set in `folder`, parsed once: several sets render the pen digits, nine megabytes."""
    path = folder / FILE_NAME
    return _read(folder, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _read(folder: Path, _changed: int) -> tuple[Drawing, ...]:
    return tuple(read_drawings(folder))


def preprocessed_drawings(
    folder: Path, drawings: Sequence[Drawing], rendering: Rendering, methods: Sequence[str]
) -> PreprocessedSet:
    """Return the labeled ones among `drawings`, drawn as `rendering` sets (see `draw`), by each of `methods`."""
    labeled = [drawing for drawing in drawings if drawing.label is not None]
    ids, writers = [drawing.id for drawing in labeled], [drawing.writer for drawing in labeled]
    labels = np.array([drawing.label for drawing in labeled], np.int64)
    return _preprocessed(ids, writers, labels, lambda part: draw(folder, labeled[part], rendering), methods)


def preprocessed_digits(
    images: NDArray[np.uint8], labels: NDArray[np.integer], methods: Sequence[str]
) -> PreprocessedSet:
    """Return digits uint8 (N, 28, 28) with labels (N,) as if they had been drawn: a pixel is a block of a canvas."""
    names = [str(index) for index in range(len(images))]
    return _preprocessed(names, [""] * len(images), labels, lambda part: block_canvases(images[part]), methods)


def preprocessed_ood(drawings: Sequence[Drawing], methods: Sequence[str]) -> PreprocessedSet:
    """Return out-of-distribution samples by each of `methods`; every label is -1, `writers` holds the sources."""
    ids, sources = [drawing.id for drawing in drawings], [drawing.source for drawing in drawings]
    labels = [-1] * len(drawings)
    return _preprocessed(ids, sources, labels, lambda part: load_canvases(Path(), drawings[part]), methods)


def _preprocessed(
    ids: Sequence[str],
    writers: Sequence[str],
    labels: ArrayLike,
    canvases: Callable[[slice], NDArray[np.uint8]],
    methods: Sequence[str],
) -> PreprocessedSet:
    """The set with the images that each of `methods` makes of its canvases; `canvases` returns a slice of them."""
    seen = {method: np.empty((len(ids), IMAGE_SIDE, IMAGE_SIDE), np.uint8) for method in methods}
    for first in range(0, len(ids), _BATCH):
        part = slice(first, first + _BATCH)
        some = canvases(part)
        for method, images in seen.items():
            images[part] = apply_method(method, some)
    return PreprocessedSet(np.array(ids, np.str_), np.array(writers, np.str_), np.array(labels, np.int64), seen)


def preprocessed_corruptions(images: NDArray[np.uint8], seed: int, name: str) -> dict[str, NDArray[np.uint8]]:
    """Return images uint8 (N, 28, 28) of digits uint8 (N, 28, 28) under one of `NAMES`, by "name/severity"."""
    corrupted = corrupted_canvases(images, seed, [name])
    return {f"{name}/{severity}": apply_method(NORMALIZED_METHOD, canvases) for name, severity, canvases in corrupted}
