"""The stress suite brought to 28 x 28 by the whole normalisation layer, once for all models that are to read it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkproof.ink.drawn_frames import WHOLE
from inkproof.ink.frame_archive import read_arrays, write_arrays
from inkproof.ink.rungs import apply_rung
from inkproof.ink.stress import stress_canvases, stress_sample


def write_stress(
    path: Path, images: NDArray[np.uint8], labels: NDArray[np.integer], count: int, seed: int
) -> Iterator[tuple[str, int]]:
    """Write what is seen of `count` digits under every corruption; yield each (corruption, severity) when done.

    `images` are digits uint8 (N, 28, 28) with `labels` (N,), each class sampled in its share. The file appears
    whole after the last.
    """
    chosen = stress_sample(labels, count, seed)
    arrays: dict[str, NDArray[np.generic]] = {"labels": labels[chosen].astype(np.int64)}
    for corruption, severity, canvases in stress_canvases(images[chosen], seed):
        arrays[f"{corruption}/{severity}"] = apply_rung(WHOLE, canvases)
        yield corruption, severity
    write_arrays(path, arrays)


def read_stress(path: Path) -> tuple[NDArray[np.int64], dict[tuple[str, int], NDArray[np.uint8]]]:
    """Return the labels (N,) and, by corruption and severity, frames uint8 (N, 28, 28) of `write_stress`.

    Raises UserError where the file is missing or cannot be read.
    """
    with read_arrays(path) as arrays:
        cells = [name for name in arrays.files if name != "labels"]
        frames = {(name.partition("/")[0], int(name.partition("/")[2])): arrays[name] for name in cells}
        return arrays["labels"], frames
