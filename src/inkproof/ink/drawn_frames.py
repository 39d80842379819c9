"""Sets of drawings brought to 28 x 28 on every rung, once for all models that are to read them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkproof.errors import UserError
from inkproof.ink.canvas import load_canvases, to_canvas
from inkproof.ink.digit_canvas import block_canvases
from inkproof.ink.frame_archive import read_arrays, write_arrays
from inkproof.ink.pixel_lines import render_in_pixels
from inkproof.ink.rungs import FRAME, apply_rung
from inkproof.ink.strokes import SIDE
from inkproof.sources.drawings import FILE_NAME, Drawing, read_drawings
from inkproof.sources.pens import of_role

WHOLE = "ink"  # the rung that is the whole normalisation layer
_BATCH = 250  # canvases at a time, 78 kB each


@dataclass(frozen=True)
class DrawnFrames:
    """One set: ids, writers and labels (N,), and what is seen of each drawing on each rung, uint8 (N, 28, 28)."""

    ids: NDArray[np.str_]
    writers: NDArray[np.str_]
    labels: NDArray[np.int64]
    rungs: dict[str, NDArray[np.uint8]]


def drawings_of(pens: Mapping[str, Any], chosen: Mapping[str, Any], folder: Path) -> list[Drawing]:
    """Return the drawings of `chosen`, an entry of conf/drawings, by the writers of its role; `pens` names those."""
    drawings = list(_set(folder))
    return of_role(drawings, pens, chosen["role"]) if chosen["role"] is not None else drawings


def draw(folder: Path, drawings: Sequence[Drawing], how: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return canvases uint8 (N, 280, 280) of drawings of the set in `folder`, drawn in one way.

    `how` is an entry of conf/drawings: `brush` in canvas pixels, or `pixels` for strokes drawn straight
    into 28 x 28 with hard one-pixel lines, as Paint does; `inverted` for white ink on black. Raises UserError where
    a picture cannot be read.
    """
    if how["pixels"]:
        canvases = np.empty((len(drawings), SIDE, SIDE), np.uint8)
        for index, drawing in enumerate(drawings):
            if drawing.strokes is None:
                raise UserError(f"{drawing.id}: a picture cannot be drawn anew in single pixels; only strokes can")
            canvases[index] = to_canvas(render_in_pixels(drawing.strokes, drawing.canvas))
    else:
        canvases = load_canvases(folder, drawings, how["brush"])
    return 255 - canvases if how["inverted"] else canvases


def canvases_of(ids: Sequence[str] | NDArray[np.str_], folder: Path, how: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return canvases uint8 (N, 280, 280) of the drawings of the set in `folder` with these ids; see `draw`.

    Raises UserError where the set no longer has one of them: its frames are of other drawings.
    """
    by_id = {drawing.id: drawing for drawing in _set(folder)}
    try:
        drawings = [by_id[str(one)] for one in ids]
    except KeyError as error:
        raise UserError(
            f"{folder}: there is no drawing {error} any more; run `dvc repro`, or src/frames.py, again"
        ) from None
    return draw(folder, drawings, how)


def _set(folder: Path) -> tuple[Drawing, ...]:
    """The drawings of the set in `folder`: many sets are the pen digits in another dress, nine megabytes to parse."""
    path = folder / FILE_NAME
    return _read(folder, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _read(folder: Path, _changed: int) -> tuple[Drawing, ...]:
    return tuple(read_drawings(folder))


def frames_of(folder: Path, drawings: Sequence[Drawing], how: Mapping[str, Any], rungs: Sequence[str]) -> DrawnFrames:
    """Return the labelled ones among `drawings`, drawn as `how` says (see `draw`), on each of `rungs`."""
    labelled = [drawing for drawing in drawings if drawing.label is not None]
    seen = {rung: np.empty((len(labelled), FRAME, FRAME), np.uint8) for rung in rungs}
    for first in range(0, len(labelled), _BATCH):
        canvases = draw(folder, labelled[first : first + _BATCH], how)
        for rung, frames in seen.items():
            frames[first : first + _BATCH] = apply_rung(rung, canvases)
    return DrawnFrames(
        np.array([drawing.id for drawing in labelled], np.str_),
        np.array([drawing.writer for drawing in labelled], np.str_),
        np.array([drawing.label for drawing in labelled], np.int64),
        seen,
    )


def frames_of_digits(images: NDArray[np.uint8], labels: NDArray[np.integer], rungs: Sequence[str]) -> DrawnFrames:
    """Return digits uint8 (N, 28, 28) with labels (N,) as if they had been drawn: a pixel is a block of a canvas."""
    seen = {rung: np.empty_like(images) for rung in rungs}
    for first in range(0, len(images), _BATCH):
        part = slice(first, first + _BATCH)
        canvases = block_canvases(images[part])
        for rung, frames in seen.items():
            frames[part] = apply_rung(rung, canvases)
    names = np.array([str(index) for index in range(len(images))], np.str_)
    return DrawnFrames(names, np.full(len(images), "", np.str_), labels.astype(np.int64), seen)


def frames_of_negatives(drawings: Sequence[Drawing], rungs: Sequence[str]) -> DrawnFrames:
    """Return drawings that are no digit on each of `rungs`; every label is -1, and `writers` holds the sources."""
    canvases = load_canvases(Path(), drawings)
    return DrawnFrames(
        np.array([drawing.id for drawing in drawings], np.str_),
        np.array([drawing.source for drawing in drawings], np.str_),
        np.full(len(drawings), -1, np.int64),
        {rung: apply_rung(rung, canvases) for rung in rungs},
    )


def write_frames(path: Path, sets: Mapping[str, DrawnFrames]) -> None:
    """Write sets by name as one NumPy archive, whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, frames in sets.items():
        arrays |= {f"{name}/ids": frames.ids, f"{name}/writers": frames.writers, f"{name}/labels": frames.labels}
        arrays |= {f"{name}/rung/{rung}": seen for rung, seen in frames.rungs.items()}
    write_arrays(path, arrays)


def read_frames(path: Path) -> Iterator[tuple[str, DrawnFrames]]:
    """Yield (name, set) of an archive that `write_frames` wrote; raises UserError where it cannot be read."""
    with read_arrays(path) as arrays:
        for name in dict.fromkeys(key.partition("/")[0] for key in arrays.files):
            rungs = [key for key in arrays.files if key.startswith(f"{name}/rung/")]
            yield (
                name,
                DrawnFrames(
                    arrays[f"{name}/ids"],
                    arrays[f"{name}/writers"],
                    arrays[f"{name}/labels"],
                    {key.rpartition("/")[2]: arrays[key] for key in rungs},
                ),
            )
