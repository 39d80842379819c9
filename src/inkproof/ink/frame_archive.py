"""The archives of frames that src/frames.py makes for a data set, and every later stage reads."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from inkproof.atomic import replacing
from inkproof.errors import UserError


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name as one compressed NumPy archive, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def read_arrays(path: Path) -> Iterator[NpzFile]:
    """Open an archive `<data set's folder>/<file>.npz`; UserError, then or while reading, where that cannot be read."""
    again = f"`python src/frames.py data={path.parent.name}`"
    try:
        with np.load(path) as arrays:
            yield arrays
    except FileNotFoundError:
        raise UserError(f"{path}: not made yet; run {again} first") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and run {again} again") from error
