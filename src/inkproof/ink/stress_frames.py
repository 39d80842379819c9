"""The stress suite brought to 28 x 28 by the whole normalisation layer, once for all models that are to read it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkproof.ink.drawn_frames import WHOLE
from inkproof.ink.frame_archive import read_arrays, write_arrays
from inkproof.ink.rungs import apply_rung
from inkproof.ink.stress import stress_canvases


def stress_frames(images: NDArray[np.uint8], seed: int, name: str) -> dict[str, NDArray[np.uint8]]:
    """Return frames uint8 (N, 28, 28) of digits uint8 (N, 28, 28) under one of `NAMES`, by "name/severity"."""
    cells = stress_canvases(images, seed, [name])
    return {f"{name}/{severity}": apply_rung(WHOLE, canvases) for name, severity, canvases in cells}


def write_stress(path: Path, labels: NDArray[np.integer], frames: Iterable[Mapping[str, NDArray[np.uint8]]]) -> None:
    """Write `labels` (N,) and what `stress_frames` returned for each name, whole or not at all."""
    arrays: dict[str, NDArray[np.generic]] = {"labels": labels.astype(np.int64)}
    for cells in frames:
        arrays.update(cells)
    write_arrays(path, arrays)


def read_stress(path: Path) -> tuple[NDArray[np.int64], dict[tuple[str, int], NDArray[np.uint8]]]:
    """Return the labels (N,) and, by corruption and severity, frames uint8 (N, 28, 28) of `write_stress`.

    Raises UserError where the file is missing or cannot be read.
    """
    with read_arrays(path) as arrays:
        cells = [name for name in arrays.files if name != "labels"]
        frames = {(name.partition("/")[0], int(name.partition("/")[2])): arrays[name] for name in cells}
        return arrays["labels"], frames
