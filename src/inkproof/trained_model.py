"""Reading the network that a training left."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkproof.errors import UserError
from inkproof.quiet import start_tensorflow

if TYPE_CHECKING:
    import keras


def load_trained(folder: Path) -> "keras.Model":
    """Return the Keras model in `folder/model.keras`; raises UserError where there is none or it cannot be read."""
    return load_network(folder / "model.keras")


def load_network(path: Path) -> "keras.Model":
    """Return the Keras model in the file `path`; raises UserError where there is none or it cannot be read."""
    if not path.is_file():
        raise UserError(f"{path}: no trained model here; train it first")
    if not zipfile.is_zipfile(path):  # Keras would say that there is no file
        raise _unreadable(path, "it is no .keras file, or was cut short")
    start_tensorflow()
    import keras

    import inkproof.models.normalization  # noqa: F401  (registers the layers that the file names)

    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, str(error).strip().partition("\n")[0]) from error


def predict(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """Return what `model` gives to digits uint8 (N, 28, 28): probabilities or logits, float32 (N, 10)."""
    return model.predict(images[..., np.newaxis].astype(np.float32), batch_size=500, verbose=0)


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: not a readable Keras model ({reason}); delete it and train the model again")
