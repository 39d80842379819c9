"""Load the network that a training saved, and start a training from its weights."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

import inkproof.models.layers  # noqa: F401  (registers the layers that a file names)
from inkproof.models.builders import foreign_part
from inkproof.runtime.errors import UserError
from inkproof.tracking.identity import weights_file

# What the zip file, its JSON, its HDF5 file or Keras raises if they are damaged.
UNREADABLE = (
    *(OSError, EOFError, zipfile.BadZipFile),
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
)


def load_trained(folder: Path) -> keras.Model:
    """Return the Keras model in `folder/model.keras`; raises UserError if it is missing or cannot be read."""
    return load_network(folder / "model.keras")


def load_network(path: Path) -> keras.Model:
    """Return the Keras model in the file `path`, uncompiled.

    Raises UserError if it is missing, cannot be read, or names a class or function that is not allowed in a network.
    """
    if not path.is_file():
        raise UserError(f"{path}: no trained model here; train it first")
    if not zipfile.is_zipfile(path):  # Keras would report that there is no file
        raise _unreadable(path, "not a .keras file, or cut short")
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        # Without its optimizer and loss, which no stage after a training needs.
        name = foreign_part({key: part for key, part in config.items() if key != "compile_config"})
        if name is None:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except UNREADABLE as error:
        raise _unreadable(path, str(error).strip().partition("\n")[0]) from error
    raise _unreadable(path, f"it names {name}, which is not allowed in a network")


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the predictions of `model` for digits uint8 (N, 28, 28): probabilities or logits, float32 (N, 10)."""
    return model.predict(images[..., np.newaxis].astype(np.float32), batch_size=500, verbose=0)


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: not a readable Keras model ({reason}); delete it and train the model again")


def start_from(model: keras.Model, init: str) -> None:
    """Set the initial weights of `model` from `init`; raises UserError if they are those of another network.

    Layers are compared by kind, output shape, and shapes of their weights. Other settings, such as the rate of a
    dropout, may differ.
    """
    initial = load_network(weights_file(init))
    theirs, ours = _layers(initial), _layers(model)
    if theirs != ours:
        at = next((at for at, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]), None)
        difference = (
            f"{len(theirs)} layers instead of {len(ours)}"
            if at is None
            else f"layer {at + 1} is {theirs[at]}, not {ours[at]}"
        )
        raise UserError(
            f"training.init={init}: the weights of another network ({difference}); choose the model and the "
            "model.build that they were trained with"
        )
    model.set_weights(initial.get_weights())


def _layers(model: keras.Model) -> list[str]:
    return [
        " ".join(
            [type(layer).__name__, *(_shape(weight.shape) for weight in layer.weights), f"to {_output_shape(layer)}"]
        )
        for layer in model.layers
    ]


def _output_shape(layer: keras.Layer) -> str:
    output = layer.output
    return _shape((output[0] if isinstance(output, list) else output).shape[1:])


def _shape(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))
