"""Out-of-fold predictions: those of a cross-validated network for the digits that it was not trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing

FILE_NAME = "out_of_fold.npz"

WAYS = ("plain", "tta")
"""How an image is classified: as it is, or with test-time augmentation."""

SECONDS = "training_seconds"
"""The metric with the network's training time, by which a model selection keeps to its budget."""


@dataclass(frozen=True)
class OutOfFold:
    """Probabilities float32 (N, 10) by way, of digits with these `labels` and indices among all training digits."""

    indices: np.ndarray
    labels: np.ndarray
    probabilities: Mapping[str, np.ndarray]


def write_out_of_fold(path: Path, out_of_fold: OutOfFold) -> None:
    """Write the predictions to `path`, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        arrays = {"indices": out_of_fold.indices, "labels": out_of_fold.labels, **out_of_fold.probabilities}
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_out_of_fold(path: Path) -> OutOfFold:
    """Read what `write_out_of_fold` wrote; raises UserError if the file is missing or cannot be read."""
    try:
        with np.load(path) as arrays:
            return OutOfFold(arrays["indices"], arrays["labels"], {way: arrays[way] for way in WAYS})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(
            f"{path}: no out-of-fold predictions ({error}); they are not in git: "
            "`python src/study.py select candidates FOLDER --force` computes them again"
        ) from error
